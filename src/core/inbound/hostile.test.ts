import { describe, expect, it } from "vitest";
import { classifyInbound } from "./classify.ts";
import { readMail } from "./mail.ts";
import { partsOf } from "./quoted.ts";
import { referencesOf } from "./references.ts";
import { returnOn } from "./return-on.ts";

const HEAD =
  "From: MAILER-DAEMON@x.example\r\nReturn-Path: <>\r\nTo: a@b.example\r\nSubject: Undeliverable: failure notice\r\n";
const repeated = (piece: string, length: number) => piece.repeat(Math.ceil(length / piece.length));
const within = (depth: number) =>
  Array.from(
    { length: depth },
    (_, at) =>
      `${HEAD}Content-Type: multipart/mixed; boundary=b${at}\r\n\r\n--b${at}\r\nContent-Type: text/plain\r\n\r\ncould not deliver\r\n--b${at}\r\nContent-Type: message/rfc822\r\n\r\n`,
  ).join("");

const MAILS: readonly (readonly [string, () => string])[] = [
  [
    "8 MB of parts within parts",
    () =>
      Array.from(
        { length: 140_000 },
        (_, at) => `Content-Type: multipart/mixed; boundary=b${at}\r\n\r\n--b${at}\r\n`,
      ).join(""),
  ],
  ["notices within notices", () => within(5000)],
  [
    "ten thousand parts",
    () =>
      `${HEAD}Content-Type: multipart/mixed; boundary=b\r\n\r\n${repeated("--b\r\nContent-Type: text/plain\r\n\r\nx\r\n", 400_000)}`,
  ],
  [
    "ten thousand mails in a mail",
    () =>
      `${HEAD}Content-Type: multipart/digest; boundary=b\r\n\r\n${repeated("--b\r\nContent-Type: message/rfc822\r\n\r\nTo: x@y.example\r\n\r\nx\r\n", 700_000)}`,
  ],
  ["a line of 50 MB", () => `${HEAD}\r\n${repeated("a@", 50_000_000)}`],
  ["a header of 50 MB", () => `Subject: ${repeated("failure ", 50_000_000)}\r\n\r\nx`],
  ["a hundred thousand headers", () => `${repeated("Received: x\r\n", 1_300_000)}${HEAD}\r\nx`],
  [
    "a hundred thousand recipients",
    () =>
      `${HEAD}Content-Type: multipart/report; boundary=b\r\n\r\n--b\r\nContent-Type: message/delivery-status\r\n\r\n${Array.from({ length: 100_000 }, (_, at) => `Final-Recipient: rfc822; u${at}@example.org\r\nAction: failed\r\nStatus: 5.1.1\r\n\r\n`).join("")}`,
  ],
  [
    "a mail that refers to itself, often",
    () =>
      `${HEAD}Message-ID: <1@x.example>\r\nIn-Reply-To: <1@x.example>\r\nReferences: ${repeated("<1@x.example>\r\n ", 6_000_000)}\r\n\r\nx`,
  ],
  [
    "HTML that never closes",
    () => `${HEAD}Content-Type: text/html\r\n\r\n${repeated("<style<br <blockquote><!--&#1;", 1_400_000)}`,
  ],
  [
    "JSON that never ends",
    () => `${HEAD}\r\n{${repeated('"Message" : "{"notificationType":"Bounce","emailAddress":"', 1_400_000)}`,
  ],
  ...[
    "*",
    "-",
    "=",
    "_",
    ">",
    " ",
    "\t",
    "a",
    "@",
    "<",
    "1",
    "550 ",
    "over quota ",
    "host ",
    "fail ",
    "On 2 wrote:",
    "550 <a@b.c>: ",
  ].map(
    (piece) =>
      [
        `lines and folds of ${JSON.stringify(piece)}`,
        () =>
          `${HEAD}\r\n${repeated(`${repeated(piece, 500)} \n    `, 130_000)}\n${repeated(`${repeated(piece, 500)}\n`, 130_000)}`,
      ] as const,
  ),
];

describe("made to cost much, it costs little", () => {
  it.each(MAILS)("%s", async (_name, make) => {
    const bytes = Buffer.from(make());
    const began = process.cpuUsage();
    const mail = await readMail(bytes);
    const { kind, verdicts } = await classifyInbound(bytes, mail);
    const { messageIds } = referencesOf(mail, null);
    const parts = partsOf(mail.text);
    returnOn(mail.text, Temporal.PlainDate.from("2026-01-01"));
    const { user, system } = process.cpuUsage(began);
    expect(kind).toBeTypeOf("string");
    // Bounds of the work: nothing grows with the mail.
    expect(mail.text.length).toBeLessThanOrEqual(200_000);
    expect(mail.originals.length).toBeLessThanOrEqual(200);
    expect(verdicts.length).toBeLessThanOrEqual(1000);
    expect(messageIds.length).toBeLessThanOrEqual(100);
    expect(parts.length).toBeLessThanOrEqual(5001);
    // A tenth of this on an idle machine; what grows with the square of the mail takes minutes.
    expect((user + system) / 1000).toBeLessThan(5000);
  });
});
