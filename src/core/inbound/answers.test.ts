import { describe, expect, it } from "vitest";
import { sign } from "../links.ts";
import { classifyInbound } from "./classify.ts";

type Letter = { from?: string; subject?: string; body?: string; headers?: readonly string[] };

const mail = ({ from = "Ana Ruiz <ana@example.org>", subject = "Re: Hello", body = "Yes.", headers = [] }: Letter) =>
  [
    `From: ${from}`,
    "To: marta@example.com",
    `Subject: ${subject}`,
    "MIME-Version: 1.0",
    "Content-Type: text/plain; charset=utf-8",
    ...headers,
    "",
    body,
    "",
  ].join("\r\n");
const kindOf = async (letter: Letter) => (await classifyInbound(Buffer.from(mail(letter)))).kind;

const ANSWERING = ["In-Reply-To: <1@example.com>", "References: <1@example.com>"];

describe("an answer nobody wrote, by its headers", () => {
  it.each([
    ["RFC 3834", ["Auto-Submitted: auto-replied"]],
    ["RFC 3834, with its parameters", ['Auto-Submitted: auto-replied; owner-email="ana@example.org"']],
    ["Dovecot", ["Auto-Submitted: auto-replied (vacation)", "Return-Path: <>", "Precedence: bulk"]],
    ["FreeBSD vacation", ["Precedence: junk", "Auto-Submitted: auto-generated (vacation)"]],
    ["Gmail", ["Precedence: bulk", "X-Autoreply: yes", "Auto-Submitted: auto-replied"]],
    ["cPanel", ["X-Autorespond: Hello", "Precedence: auto_reply"]],
    ["Exchange's rules", ["X-MS-Exchange-Inbox-Rules-Loop: ana@example.org"]],
    ["Exchange, generated", ["X-MS-Exchange-Generated-Message-Source: Mailbox Rules Agent"]],
    ["a null sender that answers", ["Return-Path: <>", ...ANSWERING]],
    ["a machine that answers", ["Auto-Submitted: auto-generated", ...ANSWERING]],
    ["Lotus Notes, in bulk", ["Precedence: bulk", ...ANSWERING]],
  ])("%s", async (_name, headers) => {
    expect(await kindOf({ headers, body: "Thank you. I read it later." })).toBe("auto-reply");
  });
});

describe("an answer nobody wrote, by its subject", () => {
  it.each([
    "Automatic reply: Hello",
    "Out of Office: Hello",
    "Out of office",
    "Auto: Hello",
    "Autoreply: Hello",
    "Ana Ruiz is out of the office (returning 05/01/2026)",
    "I am on annual leave",
    "Automatische Antwort: Hallo",
    "Abwesenheitsnotiz: Hallo",
    "Abwesend: Hallo",
    "Ana Ruiz ist nicht im Büro",
    "Réponse automatique : Bonjour",
    "Absence du bureau",
    "Respuesta automática: Hola",
    "Fuera de la oficina: Hola",
    "Risposta automatica: Ciao",
    "Fuori sede: Ciao",
    "Resposta automática: Olá",
    "Fora do escritório",
    "Automatisch antwoord: Hallo",
    "Afwezig: Hallo",
    "Odpowiedź automatyczna: Cześć",
    "Poza biurem",
    "Automatiskt svar: Hej",
    "Frånvaro: Hej",
    "Autosvar: Hej",
    "Automatisk svar: Hei",
    "Fraværende: Hei",
    "Automaattinen vastaus: Hei",
    "Poissa toimistosta",
    "Automatická odpověď: Ahoj",
    "Mimo kancelář",
    "Автоматический ответ: Привет",
    "Нет на месте",
    "自動応答: こんにちは",
    "自動返信: こんにちは",
    "不在通知",
    "自动答复: 你好",
    "自动回复: 你好",
    "自動回覆: 你好",
    "자동 회신: 안녕하세요",
    "부재중",
    "Otomatik yanıt: Merhaba",
    "Ofis dışında: Merhaba",
  ])("%s", async (subject) => {
    expect(await kindOf({ subject })).toBe("auto-reply");
  });
});

describe("an answer nobody wrote, by what it says", () => {
  it.each([
    "I am currently out of the office until 5 January.",
    "I'm on vacation and will be back on Monday.",
    "Ich bin vom 22.12. bis 4.1. nicht im Büro.",
    "Ich bin derzeit im Urlaub.",
    "Je suis actuellement absent du bureau.",
    "Estoy de vacaciones hasta el lunes.",
    "Sono assente fino al 4 gennaio.",
    "Estou de férias até segunda-feira.",
    "Ik ben tot maandag afwezig.",
    "Jestem na urlopie do 4 stycznia.",
    "Jag är på semester till måndag.",
    "Jeg er på ferie til mandag.",
    "Olen lomalla maanantaihin asti.",
    "Jsem na dovolené do pondělí.",
    "Я нахожусь в отпуске до 4 января.",
    "1月4日まで休暇をいただいております。",
    "我正在休假，周一回来。",
    "휴가 중입니다.",
    "Pazartesiye kadar ofis dışındayım.",
  ])("%s", async (body) => {
    expect(await kindOf({ body, subject: "Re: Hello" })).toBe("auto-reply");
    expect(await kindOf({ body, subject: "Hello", headers: ["Return-Path: <>"] })).toBe("auto-reply");
  });

  it("the same in a person's own answer is an answer", async () => {
    const body = "I am out of the office until Monday, but yes, send me the offer.";
    expect(await kindOf({ body, headers: ANSWERING })).toBe("reply");
  });

  it("a note with a null sender and words of failure is no bounce", async () => {
    const body =
      "Je suis absent, de retour le 5 janvier. Les messages rejetés ou non remis ne seront pas relus: 550 5.1.1";
    expect(await kindOf({ body, headers: ["Return-Path: <>", "Auto-Submitted: auto-replied"] })).toBe("auto-reply");
  });
});

describe("answers people wrote are replies, whatever they speak of", () => {
  it.each<[string, Letter]>([
    ["a short one", { body: "Yes, thanks!", headers: ANSWERING }],
    [
      "a short one in base64",
      { body: "WWVzLCB0aGFua3Mh", headers: [...ANSWERING, "Content-Transfer-Encoding: base64"] },
    ],
    [
      "about a failure",
      {
        subject: "Re: Undeliverable: your offer",
        body: "Your last mail was returned to sender, 550 5.1.1 user unknown. Please send again.",
        headers: ANSWERING,
      },
    ],
    [
      "about a delivery",
      {
        from: "Delivery Hero <ana@example.org>",
        subject: "Re: delivery failed?",
        body: "The delivery failed, could not be delivered to the address.",
        headers: ANSWERING,
      },
    ],
    ["about payment", { subject: "Payment failed", body: "Our payment failed; could you send a new link?" }],
    [
      "about a rejected application",
      { subject: "Your application was rejected", body: "We are sorry: it has been rejected by our board." },
    ],
    ["about an absence", { subject: "Re: out of office next week?", body: "No, I am here." }],
    [
      "about leaving",
      {
        body: "How many people unsubscribe from such mails? We would like to know before we sign.",
        headers: ANSWERING,
      },
    ],
    ["with stop in it", { body: "Stop by our office tomorrow.", headers: ANSWERING }],
    ["with remove in it", { body: "Could you remove the second paragraph of the offer?", headers: ANSWERING }],
    ["that asks not to be removed", { body: "Please do not unsubscribe me, I like these.", headers: ANSWERING }],
    ["not before Monday", { body: "Please do not contact me before Monday.", headers: ANSWERING }],
    [
      "that quotes a wish",
      {
        body: "Yes, let us talk.\r\n\r\nOn 2 Mar 2026 Marta <m@example.com> wrote:\r\n> To unsubscribe click here\r\n> unsubscribe",
        headers: ANSWERING,
      },
    ],
    [
      "from an assistant of a postmaster's",
      { from: "Post Mastering Ltd <sales@example.org>", body: "We could not send the files yet.", headers: ANSWERING },
    ],
    ["in Japanese", { body: "ご連絡ありがとうございます。来週月曜日にお話ししましょう。", headers: ANSWERING }],
    [
      "with a list of the mail's own codes",
      {
        subject: "Re: error codes",
        body: "We log 421 4.7.0 and 550 5.7.1 each day, can you help?",
        headers: ANSWERING,
      },
    ],
  ])("%s", async (_name, letter) => {
    expect(await kindOf(letter)).toBe("reply");
  });
});

describe("who wants nothing more says so in many ways", () => {
  const token = sign([Buffer.alloc(32, 1)], "unsubscribe", { emailCampaignId: 12, personId: 345, messageId: 6789 });
  it.each<[string, Letter]>([
    ["the link in the mail", { subject: `unsubscribe ${token}`, body: "" }],
    ["the link, with words of a mail program", { subject: `unsubscribe ${token}`, body: "Sent from my phone" }],
    ...[
      "unsubscribe",
      "Unsubscribe!",
      "Please unsubscribe me",
      "STOP",
      "remove me",
      "Opt out",
      "abmelden",
      "Bitte abmelden",
      "Newsletter abbestellen",
      "désinscription",
      "Me désabonner svp",
      "Darse de baja",
      "baja",
      "cancellami",
      "Disiscrivimi",
      "descadastrar",
      "uitschrijven",
      "wypisz mnie",
      "avregistrera mig",
      "afmeld mig",
      "meld meg av",
      "peruuta tilaus",
      "odhlásit",
      "отписаться",
      "配信停止",
      "退订",
      "수신거부",
      "aboneliğimi iptal et",
    ].flatMap((words): [string, Letter][] => [
      [`${words}, as the whole text`, { body: words, headers: ANSWERING }],
      [`${words}, as the subject`, { subject: words, body: "Ana Ruiz, Example Ltd" }],
    ]),
    ["a sentence", { body: "Please take me off your mailing list. Thanks, Ana", headers: ANSWERING }],
    [
      "a sentence in German",
      {
        body: "Bitte tragen Sie mich aus Ihrem Verteiler aus.\r\n\r\nMit freundlichen Grüßen\r\nAna",
        headers: ANSWERING,
      },
    ],
    ["a sentence in French", { body: "Merci de me retirer : désinscrivez-moi de votre liste.", headers: ANSWERING }],
    [
      "above a quotation",
      {
        body: "unsubscribe\r\n\r\nOn 2 Mar 2026 Marta <m@example.com> wrote:\r\n> Hello Ana,\r\n> shall we talk?",
        headers: ANSWERING,
      },
    ],
    ["no more mails", { body: "Stop sending me emails.", headers: ANSWERING }],
  ])("%s", async (_name, letter) => {
    const { kind, verdicts } = await classifyInbound(Buffer.from(mail(letter)));
    expect(kind).toBe("unsubscribe");
    expect(verdicts).toMatchObject([{ recipient: "ana@example.org", hard: false }]);
  });
});

describe("receipts and complaints", () => {
  const report = (type: string, text: string, original = "To: ana@example.org\r\nSubject: Hello\r\n\r\nHello") =>
    mail({
      from: "fbl@example.org",
      subject: "report",
      headers: [],
      body: "",
    }).replace(
      /Content-Type:[\s\S]*$/,
      `Content-Type: multipart/report; report-type=${type}; boundary=b\r\n\r\n--b\r\nContent-Type: text/plain\r\n\r\nThis is a report.\r\n--b\r\nContent-Type: message/${type}\r\n\r\n${text}\r\n--b\r\nContent-Type: message/rfc822\r\n\r\n${original}\r\n--b--\r\n`,
    );
  const classify = (text: string) => classifyInbound(Buffer.from(text));

  it.each(["displayed", "deleted", "dispatched", "processed"])("a receipt (%s) is nothing to act on", async (what) => {
    const text = `Final-Recipient: rfc822; ana@example.org\r\nOriginal-Message-ID: <1@example.com>\r\nDisposition: manual-action/MDN-sent-manually; ${what}`;
    expect(await classify(report("disposition-notification", text))).toEqual({ kind: "other", verdicts: [] });
  });

  it("a complaint names whom it is from, where that was left in", async () => {
    const text = "Feedback-Type: abuse\r\nUser-Agent: x/1\r\nVersion: 1\r\nOriginal-Rcpt-To: <bo@example.org>";
    expect(await classify(report("feedback-report", text))).toMatchObject({
      kind: "complaint",
      verdicts: [{ recipient: "bo@example.org", reason: "complaint", hard: false }],
    });
  });

  const blackedOut = "Feedback-Type: abuse\r\nVersion: 1\r\nOriginal-Rcpt-To: <redacted@example.org>";

  it("a blacked-out address gives way to one that still stands in the original", async () => {
    const { verdicts } = await classify(report("feedback-report", blackedOut));
    expect(verdicts).toMatchObject([{ recipient: "ana@example.org" }]);
  });

  it.each([
    [blackedOut, "To: redacted@example.org\r\nSubject: Hello\r\n\r\nHello", "redacted@example.org"],
    ["Feedback-Type: abuse\r\nVersion: 1\r\nOriginal-Rcpt-To: [redacted]", "To: [redacted]\r\n\r\nHello", null],
    ["Feedback-Type: abuse\r\nVersion: 1", "Subject: no To\r\n\r\nHello", null],
  ])("a complaint without any address is a complaint all the same", async (text, original, recipient) => {
    expect(await classify(report("feedback-report", text, original))).toMatchObject({
      kind: "complaint",
      verdicts: [{ recipient, reason: "complaint" }],
    });
  });

  it("that it was no spam after all is no complaint", async () => {
    expect((await classify(report("feedback-report", "Feedback-Type: not-spam\r\nVersion: 1"))).kind).toBe("other");
  });
});
