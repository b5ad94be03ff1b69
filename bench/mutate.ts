/** Mails changed by a chance that can be repeated, and what every reader of them promises. */
import { classifyInbound } from "../src/core/inbound/classify.ts";
import { readMail } from "../src/core/inbound/mail.ts";
import { partsOf, quotedFrom } from "../src/core/inbound/quoted.ts";
import { referencesOf } from "../src/core/inbound/references.ts";
import { returnOn } from "../src/core/inbound/return-on.ts";

type Chance = (below: number) => number;

/** Mulberry32: small, and the same on every machine. */
export function chance(seed: number): Chance {
  let state = seed >>> 0;
  return (below) => {
    state = (state + 0x6d_2b_79_f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return Math.floor((((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32) * below);
  };
}

const HEAD =
  "From: MAILER-DAEMON@mx.example.net\r\nReturn-Path: <>\r\nTo: marta@example.com\r\nSubject: Undelivered Mail\r\nMIME-Version: 1.0\r\n";
const report = (type: string, fields: string) =>
  `${HEAD}Content-Type: multipart/report; report-type=${type}; boundary="b"\r\n\r\n--b\r\nContent-Type: text/plain\r\n\r\nIt could not be delivered.\r\n\r\n<ana@example.org>: host mx[192.0.2.1] said: 550 5.1.1 user unknown (in reply to RCPT TO command)\r\n--b\r\nContent-Type: message/${type}\r\n\r\n${fields}\r\n--b\r\nContent-Type: message/rfc822\r\n\r\nReturn-Path: <b-1@example.com>\r\nMessage-ID: <1@example.com>\r\nTo: ana@example.org\r\nSubject: Hello\r\n\r\nHello\r\n--b--\r\n`;

/** What every reader has something to do with. */
export const SEEDS: readonly string[] = [
  report(
    "delivery-status",
    "Reporting-MTA: dns; mx\r\n\r\nFinal-Recipient: rfc822; ana@example.org\r\nAction: failed\r\nStatus: 5.1.1\r\nDiagnostic-Code: smtp; 550 5.1.1\r\n <ana@example.org>... User unknown",
  ),
  report("feedback-report", "Feedback-Type: abuse\r\nVersion: 1\r\nOriginal-Rcpt-To: <ana@example.org>"),
  report(
    "disposition-notification",
    "Final-Recipient: rfc822; ana@example.org\r\nDisposition: manual-action/MDN-sent-manually; displayed",
  ),
  `${HEAD}X-Failed-Recipients: ana@example.org\r\n\r\nThe following address(es) failed:\r\n\r\n  ana@example.org\r\n    SMTP error from remote mail server after RCPT TO:<ana@example.org>:\r\n    550 mailbox full\r\n\r\n------ This is a copy of the message ------\r\n\r\nTo: ana@example.org\r\n`,
  'From: a@example.org\r\nTo: b@example.com\r\nSubject: x\r\n\r\n{"notificationType":"Bounce","bounce":{"bouncedRecipients":[{"emailAddress":"ana@example.org","status":"5.1.1","diagnosticCode":"smtp; 550 5.1.1 user unknown"}]}}\r\n',
  "From: Ana <ana@example.org>\r\nTo: marta@example.com\r\nSubject: =?utf-8?B?QXV0b21hdGlzY2hlIEFudHdvcnQ6IEhhbGxv?=\r\nAuto-Submitted: auto-replied\r\nContent-Type: text/plain; charset=utf-8\r\n\r\nIch bin vom 22.12. bis zum 4.1.2026 nicht im B\u00fcro und ab Montag, 5. Januar wieder da. 1\u67085\u65e5\u307e\u3067\r\n",
  'From: Ana <ana@example.org>\r\nTo: marta@example.com\r\nSubject: Re: Hello\r\nIn-Reply-To: <1@example.com>\r\nReferences: <0@example.com> <1@example.com>\r\nContent-Type: multipart/alternative; boundary="a"\r\n\r\n--a\r\nContent-Type: text/plain; charset=iso-8859-1\r\nContent-Transfer-Encoding: quoted-printable\r\n\r\nYes, gladly.=20\r\n-- =20\r\nAna\r\n\r\nOn Mon, 2 Mar 2026 at 09:00, Marta <marta@example.com> wrote:\r\n> Hello\r\n--a\r\nContent-Type: text/html; charset=utf-8\r\n\r\n<div>Yes, gladly.<blockquote type="cite">Hello <br>&amp;c</blockquote></div>\r\n--a--\r\n',
  "From: ana@example.org\r\nTo: marta@example.com\r\nSubject: unsubscribe 1.2.3.AAAAAAAAAAAAAAAAAAAAAAAAAAA\r\n\r\n\r\n",
];

const WORDS = [
  "\r\n\r\n",
  "\n",
  "\r",
  "--b",
  "--b--",
  "\0",
  "\u00ff",
  "\ud83d\ude00",
  "Content-Type: message/rfc822\r\n\r\n",
  "Content-Type: multipart/mixed; boundary=c\r\n\r\n--c\r\n",
  "Content-Transfer-Encoding: base64\r\n",
  "Content-Transfer-Encoding: quoted-printable\r\n",
  "Content-Type: text/html\r\n\r\n",
  "charset=utf-16",
  "charset=iso-2022-jp",
  "charset=x-none",
  "=?utf-8?B?",
  "?=",
  "=?x?Q?=",
  "Final-Recipient: rfc822; ",
  "Action: delayed\r\n",
  "Action: delivered\r\n",
  "Status: 9.9.9\r\n",
  "Status: 4.2.2\r\n",
  "<a@b.c>",
  "<",
  ">",
  "@",
  ">>> RCPT",
  ">>> DATA",
  "<<< 550 ",
  "550 5.1.1 ",
  "user unknown",
  "mailbox full",
  "On 2 Mar 2026 at 9:00, A <a@b.c> wrote:\r\n",
  "> ",
  "-- \r\n",
  "From: a\r\nSent: b\r\nTo: c\r\nSubject: d\r\n",
  "until 5 January",
  "back on 31.02.",
  "99/99/9999",
  "<blockquote>",
  "</blockquote>",
  "<style>",
  "<!--",
  "&#xffffff;",
  "&#0;",
  "\ue000",
  "\ue001",
  "unsubscribe",
  "Auto-Submitted: auto-replied\r\n",
  "Precedence: bulk\r\n",
  "Feedback-Type: abuse\r\n",
  '{"notificationType":"',
  '"Message" : "{',
  "\\",
  '"',
  "(",
  "[",
  "*",
  "+",
  "?",
].map((word) => Buffer.from(word, "utf8"));

const MOST_MUTATIONS = 12;
const MOST_REPEATS = 3000;
const MOST_BYTES = 400_000;

/** One of the seeds, changed in a few places. */
export function mutated(random: Chance, seeds: readonly Buffer[]): Buffer {
  let bytes: Buffer = Buffer.from(seeds[random(seeds.length)]!);
  for (let times = random(MOST_MUTATIONS) + 1; times > 0; times -= 1) {
    const [at, to] = [random(bytes.length + 1), random(bytes.length + 1)].sort((one, other) => one - other) as [
      number,
      number,
    ];
    const piece = bytes.subarray(at, Math.min(to, at + 300));
    const word = WORDS[random(WORDS.length)]!;
    const other = seeds[random(seeds.length)]!;
    const around = (middle: Uint8Array, resume = at) =>
      Buffer.concat([bytes.subarray(0, at), middle, bytes.subarray(resume)]);
    const repeated = (one: Buffer) =>
      Buffer.concat(
        Array.from({ length: Math.min(random(MOST_REPEATS), Math.floor(100_000 / (one.length + 1))) }, () => one),
      );
    const ways: readonly (() => Buffer)[] = [
      () => around(word),
      () => around(word),
      () => around(Buffer.from([random(256)]), Math.min(at + 1, bytes.length)),
      () => around(Buffer.alloc(0), Math.min(to, at + random(200))),
      () => around(piece),
      () => around(repeated(random(2) === 0 ? word : piece)),
      () => around(other.subarray(random(other.length))),
      () => bytes.subarray(0, to),
      () => Buffer.from(bytes.toString("latin1").replaceAll("\r\n", random(2) === 0 ? "\n" : "\r\n "), "latin1"),
    ];
    bytes = ways[random(ways.length)]!().subarray(0, MOST_BYTES);
  }
  return bytes;
}

const KINDS = new Set(["bounce", "complaint", "auto-reply", "unsubscribe", "reply", "delivered", "other"]);
const ON = Temporal.PlainDate.from("2025-12-18");

/** What a mail breaks of what is promised of every mail; `problem` is null where it breaks nothing. */
export async function broken(bytes: Uint8Array): Promise<{ problem: string | null; kind: string | null }> {
  try {
    const mail = await readMail(bytes);
    const { kind, verdicts } = await classifyInbound(bytes, mail);
    const { sentTo, messageIds, tokens } = referencesOf(mail, null);
    const parts = partsOf(mail.text);
    const day = returnOn(mail.text, ON);
    const promises: readonly (readonly [string, boolean])[] = [
      ["a kind", KINDS.has(kind)],
      ["a verdict for a bounce", kind !== "bounce" || verdicts.length > 0],
      ["at most a thousand verdicts", verdicts.length <= 1000],
      [
        "an address or none",
        verdicts.every(({ recipient }) => recipient === null || /^\S{1,400}@\S{1,400}$/.test(recipient)),
      ],
      ["a status or none", verdicts.every(({ status }) => status === null || /^[245]\.\d{1,3}\.\d{1,3}$/.test(status))],
      ["a reply code or none", verdicts.every(({ replyCode }) => replyCode === null || /^[45]\d\d$/.test(replyCode))],
      ["nothing hard but a bounce", verdicts.every(({ hard, delayed }) => !hard || (kind === "bounce" && !delayed))],
      [
        "parts that are the text",
        parts.map(({ text }) => text).join("") === mail.text && quotedFrom(mail.text) <= mail.text.length,
      ],
      ["a day ahead or none", day === null || Temporal.PlainDate.compare(day, ON) >= 0],
      ["few references", Math.max(sentTo.length, messageIds.length, tokens.length) <= 100],
    ];
    const failed = promises.find(([, kept]) => !kept);
    return {
      problem: failed ? `not kept: ${failed[0]}: ${JSON.stringify({ kind, verdicts }).slice(0, 500)}` : null,
      kind,
    };
  } catch (error) {
    return { problem: error instanceof Error ? (error.stack ?? error.message) : String(error), kind: null };
  }
}
