import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { classifyInbound } from "./classify.ts";

const classify = (text: string) => classifyInbound(Buffer.from(text.replaceAll("\n", "\r\n")));

function report(blocks: readonly string[], { type = "delivery-status", said = "It could not be delivered." } = {}) {
  return `From: Mail Delivery System <MAILER-DAEMON@mx.example.net>
To: marta@example.com
Subject: Undelivered mail
Content-Type: multipart/report; report-type=${type}; boundary="b"

--b
Content-Type: text/plain

${said}

--b
Content-Type: message/${type}

${blocks.join("\n\n")}

--b
Content-Type: message/rfc822

From: marta@example.com
To: ana@example.org
Subject: Hello Ana

Hello
--b--
`;
}

const failed = (address: string, status: string, diagnostic: string, action = "failed") =>
  `Final-Recipient: rfc822; ${address}\nAction: ${action}\nStatus: ${status}\nDiagnostic-Code: smtp; ${diagnostic}`;
const MTA = "Reporting-MTA: dns; mx.example.net";

describe("delivery status notifications", () => {
  it("say of each recipient why, and whether the address is dead", async () => {
    const { kind, verdicts } = await classify(
      report([
        MTA,
        failed("ana@example.org", "5.1.1", "550 5.1.1 <ana@example.org>: Recipient address rejected: User unknown"),
        failed("bo@example.org", "5.2.2", "552 5.2.2 Mailbox full"),
        failed("cy@example.org", "5.7.1", "554 5.7.1 Service unavailable; client host blocked using zen.example"),
      ]),
    );
    expect(kind).toBe("bounce");
    expect(verdicts).toMatchObject([
      { recipient: "ana@example.org", status: "5.1.1", replyCode: "550", reason: "user-unknown", hard: true },
      { recipient: "bo@example.org", status: "5.2.2", replyCode: "552", reason: "mailbox-full", hard: false },
      { recipient: "cy@example.org", status: "5.7.1", replyCode: "554", reason: "blocked", hard: false },
    ]);
  });

  it("what is still being tried is marked so and never hard", async () => {
    const block = failed("ana@example.org", "4.4.1", "451 4.4.1 User unknown for the moment", "delayed");
    const { verdicts } = await classify(report([MTA, block]));
    expect(verdicts).toMatchObject([{ status: "4.4.1", hard: false, delayed: true }]);
  });

  it("that a mail arrived is no bounce", async () => {
    const { kind, verdicts } = await classify(report([MTA, failed("ana@example.org", "2.0.0", "250 Ok", "delivered")]));
    expect(kind).toBe("delivered");
    expect(verdicts).toMatchObject([{ reason: "delivered", hard: false }]);
  });

  it("a user unknown to a filter that had taken the whole mail is not dead", async () => {
    const said = "<ana@example.org>: host mx said: 550 Unknown user (in reply to end of DATA command)";
    const { verdicts } = await classify(
      report([MTA, failed("ana@example.org", "5.0.0", "550 Unknown user")], { said }),
    );
    expect(verdicts).toMatchObject([{ reason: "user-unknown", hard: false }]);
  });

  it("the sender's own fault is not held against the recipient", async () => {
    const { verdicts } = await classify(
      report([MTA, failed("ana@example.org", "5.1.8", "553 5.1.8 Domain of sender address does not exist")]),
    );
    expect(verdicts).toMatchObject([{ reason: "rejected", hard: false }]);
  });
});

describe("notices that follow no standard", () => {
  it("are read for the address and what is said beside it", async () => {
    const { kind, verdicts } = await classify(`From: MAILER-DAEMON@mx.example.net
To: marta@example.com
Subject: failure notice

I could not deliver your message to the following addresses.

<ana@example.org>:
Sorry, no mailbox here by that name. (#5.1.1)

--- Below this line is a copy of the message.

To: somebody@example.edu
Subject: Mailbox full
`);
    expect(kind).toBe("bounce");
    expect(verdicts).toMatchObject([
      { recipient: "ana@example.org", status: "5.1.1", reason: "user-unknown", hard: true },
    ]);
  });
});

describe("what people and their machines write", () => {
  const mail = (subject: string, body: string, ...headers: string[]) =>
    classify(
      ["From: Ana <ana@example.org>", "To: marta@example.com", `Subject: ${subject}`, ...headers, "", body].join("\n"),
    );

  it.each([
    [
      "a complaint",
      "complaint",
      () =>
        classify(
          report(["Feedback-Type: abuse\nUser-Agent: x/1\nVersion: 1\nOriginal-Rcpt-To: <ana@example.org>"], {
            type: "feedback-report",
          }),
        ),
    ],
    ["an absence by RFC 3834", "auto-reply", () => mail("Re: Hello", "I am away.", "Auto-Submitted: auto-replied")],
    ["an absence in German", "auto-reply", () => mail("Abwesenheitsnotiz: Hallo", "Ich bin nicht da.")],
    ["an absence in Japanese", "auto-reply", () => mail("=?utf-8?B?6Ieq5YuV6L+U5L+h?=", "...")],
    ["a reply", "reply", () => mail("Re: Hello", "Yes, let us talk on Monday.")],
    [
      "a reply that speaks of failures",
      "reply",
      () => mail("Re: your offer", "Our own mail failed yesterday; the user unknown error is mended."),
    ],
    ["a reply about an absence", "reply", () => mail("Re: out of office next week?", "No, I am here.")],
    ["a wish to leave", "unsubscribe", () => mail("unsubscribe", "")],
    ["a notice of a machine", "other", () => mail("Backup done", "All well.", "Auto-Submitted: auto-generated")],
    [
      "a receipt",
      "other",
      () =>
        classify(
          report(["Final-Recipient: rfc822; ana@example.org\nDisposition: automatic-action; displayed"], {
            type: "disposition-notification",
          }),
        ),
    ],
  ])("%s", async (_name, kind, find) => {
    expect((await find()).kind).toBe(kind);
  });

  it("a complaint names who complained", async () => {
    const { verdicts } = await classify(report(["Feedback-Type: abuse\nVersion: 1"], { type: "feedback-report" }));
    expect(verdicts).toMatchObject([{ recipient: "ana@example.org", reason: "complaint", hard: false }]);
  });
});

describe("hostile mail", () => {
  it("any bytes at all get an answer", async () => {
    await fc.assert(
      fc.asyncProperty(fc.uint8Array({ maxLength: 2000 }), async (bytes) => {
        expect((await classifyInbound(bytes)).kind).toBeTypeOf("string");
      }),
    );
  });

  it.each([
    ["nested beyond reason", nested(5000)],
    [
      "of ten thousand parts",
      `Content-Type: multipart/mixed; boundary=b\r\n\r\n${"--b\r\nContent-Type: text/plain\r\n\r\nx\r\n".repeat(10_000)}--b--`,
    ],
    ["of one line of 50 MB", `From: postmaster@example.org\r\nSubject: failure\r\n\r\n${"a@".repeat(25_000_000)}`],
    ["of a header of 8 MB", `Subject: ${"failure ".repeat(1_000_000)}\r\n\r\nx`],
    [
      "of an unknown character set",
      "Subject: =?x-none?B?////?=\r\nContent-Type: text/plain; charset=x-none\r\n\r\n\u0000\u00ff",
    ],
  ])("%s is answered", async (_name, text) => {
    expect((await classifyInbound(Buffer.from(text))).kind).toBeTypeOf("string");
  });
});

function nested(depth: number): string {
  const opening = Array.from(
    { length: depth },
    (_, at) => `Content-Type: multipart/mixed; boundary=b${at}\r\n\r\n--b${at}\r\n`,
  );
  return opening.join("");
}
