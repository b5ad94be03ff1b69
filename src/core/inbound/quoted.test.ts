import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { partsOf, quotedFrom, writtenIn } from "./quoted.ts";

const rest = "Hello Ana,\nshall we talk?\n";
const marked = rest.replaceAll(/^(?=.)/gm, "> ");

describe("a quotation is found, whoever marks it how", () => {
  it.each([
    ["Gmail", "On Mon, Mar 2, 2026 at 9:00 AM Marta Ruiz <marta@example.com> wrote:\n\n"],
    ["Gmail, folded", "On Mon, Mar 2, 2026 at 9:00 AM Marta Ruiz\n<marta@example.com> wrote:\n\n"],
    ["Gmail in German", "Am Mo., 2. März 2026 um 09:00 Uhr schrieb Marta Ruiz <\nmarta@example.com>:\n\n"],
    ["Gmail in French", "Le lun. 2 mars 2026 à 09:00, Marta Ruiz <marta@example.com> a écrit :\n\n"],
    ["Gmail in Spanish", "El lun, 2 mar 2026 a las 9:00, Marta Ruiz (<marta@example.com>) escribió:\n\n"],
    ["Gmail in Portuguese", "Em seg., 2 de mar. de 2026 às 09:00, Marta <marta@example.com> escreveu:\n\n"],
    ["Gmail in Italian", "Il giorno lun 2 mar 2026 alle ore 09:00 Marta <marta@example.com> ha scritto:\n\n"],
    ["Gmail in Dutch", "Op ma 2 mrt 2026 om 09:00 schreef Marta Ruiz <marta@example.com>:\n\n"],
    ["Gmail in Polish", "pon., 2 mar 2026 o 09:00 Marta Ruiz <marta@example.com> napisał(a):\n\n"],
    ["Gmail in Swedish", "Den mån 2 mars 2026 kl 09:00 skrev Marta Ruiz <marta@example.com>:\n\n"],
    ["Gmail in Finnish", "ma 2. maalisk. 2026 klo 9.00 Marta Ruiz (marta@example.com) kirjoitti:\n\n"],
    ["Gmail in Czech", "po 2. 3. 2026 v 9:00 odesílatel Marta Ruiz <marta@example.com> napsal:\n\n"],
    ["Gmail in Russian", "пн, 2 мар. 2026 г. в 09:00, Marta Ruiz <marta@example.com>:\n\n"],
    ["Thunderbird in Russian", "02.03.2026 09:00, Marta Ruiz пишет:\n"],
    ["Gmail in Japanese", "2026年3月2日(月) 9:00 Marta Ruiz <marta@example.com>:\n\n"],
    ["Gmail in Chinese", "Marta Ruiz <marta@example.com> 于2026年3月2日周一 09:00写道：\n\n"],
    ["Gmail in Korean", "2026년 3월 2일 (월) 오전 9:00, Marta Ruiz <marta@example.com>님이 작성:\n\n"],
    ["Gmail in Turkish", "Marta Ruiz <marta@example.com>, 2 Mar 2026 Pzt, 09:00 tarihinde şunu yazdı:\n\n"],
    ["Apple Mail", "On 2 Mar 2026, at 09:00, Marta Ruiz <marta@example.com> wrote:\n\n"],
  ])("%s", (_name, line) => {
    const answer = "Yes, on Monday.\n\nAna\n\n";
    expect(writtenIn(`${answer}${line}${marked}`)).toBe(answer.trim());
    expect(quotedFrom(`${answer}${line}${marked}`)).toBe(answer.length);
    // As it reads where only HTML came: no marks.
    expect(writtenIn(`${answer}${line}${rest}`)).toBe(answer.trim());
  });

  it.each([
    ["From", "Sent", "To", "Subject"],
    ["Von", "Gesendet", "An", "Betreff"],
    ["De", "Envoyé", "À", "Objet"],
    ["De", "Enviado el", "Para", "Asunto"],
    ["De", "Enviada em", "Para", "Assunto"],
    ["Da", "Inviato", "A", "Oggetto"],
    ["Van", "Verzonden", "Aan", "Onderwerp"],
    ["Od", "Wysłano", "Do", "Temat"],
    ["Från", "Skickat", "Till", "Ämne"],
    ["Fra", "Sendt", "Til", "Emne"],
    ["Lähettäjä", "Lähetetty", "Vastaanottaja", "Aihe"],
    ["Od", "Odesláno", "Komu", "Předmět"],
    ["От", "Отправлено", "Кому", "Тема"],
    ["差出人", "送信日時", "宛先", "件名"],
    ["发件人", "发送时间", "收件人", "主题"],
    ["보낸 사람", "보낸 날짜", "받는 사람", "제목"],
    ["Kimden", "Gönderme Tarihi", "Kime", "Konu"],
  ])("Outlook, with %s, %s, %s, %s", (from, sent, to, subject) => {
    const head = `${from}: Marta Ruiz <marta@example.com>\n${sent}: 2026-03-02 09:00\n${to}: ana@example.org\n${subject}: Hello\n\n`;
    for (const line of ["", "________________________________\n", "-----Original Message-----\n"])
      expect(writtenIn(`Yes.\n\n${line}${head}${rest}`)).toBe("Yes.");
    expect(writtenIn(`Yes.\n\n${head.replaceAll(/^([^:]+):/gm, "*$1:*")}${rest}`)).toBe("Yes.");
  });
});

describe("what somebody wrote stays visible", () => {
  it("answers below and between what is quoted", () => {
    const text = `On 2 Mar 2026 Marta <m@example.com> wrote:\n> One?\n\nYes.\n\n> Two?\n\nNo.\n`;
    expect(partsOf(text).map(({ kind }) => kind)).toEqual(["quoted", "written", "quoted", "written"]);
    expect(writtenIn(text)).toBe("Yes.\n\nNo.");
    expect(quotedFrom(text)).toBe(text.length);
  });

  it("a forward without a word of its own is not folded", () => {
    const text = "---------- Forwarded message ---------\nFrom: M <m@example.com>\nDate: today\nSubject: x\n\nHello\n";
    expect(partsOf(text)).toEqual([{ kind: "written", text }]);
  });

  it.each([
    "As you wrote:\nthe price is 12.\n",
    "From: 10 to: 12 would suit me.\nBest\n",
    "I wrote a list for 2026, see here:\nOne\nTwo\n",
  ])("%j quotes nothing", (text) => {
    expect(quotedFrom(text)).toBe(text.length);
  });

  it("signatures are told apart", () => {
    expect(partsOf("Yes.\n-- \nAna Ruiz\n+49 1\n")).toMatchObject([{ kind: "written" }, { kind: "signature" }]);
    expect(partsOf("Ja.\n\nVon meinem iPhone gesendet\n")).toMatchObject([{ kind: "written" }, { kind: "signature" }]);
    expect(writtenIn("Sent from the office, your offer looks good to me.\nLet us talk.\n")).toContain("offer");
  });
});

it("the parts are the text again, whatever the text", () => {
  const line = fc.constantFrom(
    "Yes.",
    "> x",
    ">> y",
    "",
    "-- ",
    "On 2 Mar 2026 A <a@b.example> wrote:",
    "From: a@b.c",
    "Sent: 1",
    "To: b",
    "Subject: c",
    "-----Original Message-----",
    "\r",
  );
  fc.assert(
    fc.property(fc.array(fc.oneof(line, fc.string()), { maxLength: 40 }), (lines) => {
      const text = lines.join("\n");
      const parts = partsOf(text);
      expect(parts.map((part) => part.text).join("")).toBe(text);
      expect(quotedFrom(text)).toBeLessThanOrEqual(text.length);
      if (text !== "") expect(parts.some(({ kind }) => kind === "written")).toBe(true);
    }),
  );
});

it("a hundred thousand lines, or one of ten million characters, are answered", () => {
  expect(quotedFrom("> x\ny\n".repeat(100_000))).toBeGreaterThan(0);
  expect(quotedFrom("On 2 ".repeat(2_000_000))).toBe(10_000_000);
  for (const piece of ["-", "1", "a@", "<", "( ", "wrote 1:", ">", "_", "*"])
    expect(quotedFrom(`${piece.repeat(990 / piece.length)} wrote:\n`.repeat(5000))).toBeTypeOf("number");
});
