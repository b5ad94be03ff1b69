import { describe, expect, it } from "vitest";
import { PERTURBATIONS } from "../../../bench/perturb.ts";
import { classifyInbound } from "./classify.ts";
import type { Verdict } from "./verdict.ts";

/** A notice as a mail: what servers of many makes write, in our own words and with made-up addresses. */
type Notice = { from?: string; subject: string; body: string; headers?: readonly string[] };

const mail = ({ from = "MAILER-DAEMON@mx.example.net", subject, body, headers = [] }: Notice) =>
  [`From: ${from}`, "To: marta@example.com", `Subject: ${subject}`, ...headers, "", body, ""].join("\n");

const COPY = "From: marta@example.com\nTo: ana@example.org\nSubject: Hello Ana\nMessage-ID: <1@example.com>\n\nHello";

const DSN = (said: string, fields: string) => ({
  headers: ['Content-Type: multipart/report; report-type=delivery-status; boundary="b"', "MIME-Version: 1.0"],
  body: `--b\nContent-Type: text/plain; charset=utf-8\n\n${said}\n\n--b\nContent-Type: message/delivery-status\n\nReporting-MTA: dns; mx.example.net\n\nFinal-Recipient: rfc822; ana@example.org\n${fields}\n\n--b\nContent-Type: message/rfc822\n\n${COPY}\n--b--`,
});
const failed = (status: string, diagnostic: string) =>
  `Action: failed\nStatus: ${status}\nDiagnostic-Code: smtp; ${diagnostic}`;

type Case = readonly [name: string, notice: Notice, wanted: Partial<Verdict>];

const DEAD: readonly Case[] = [
  [
    "Exchange",
    {
      from: "Microsoft Exchange <MicrosoftExchange329e71ec88ae4615bbc36ab6ce41109e@example.org>",
      subject: "Undeliverable: Hello Ana",
      ...DSN(
        "Delivery has failed to these recipients or groups:\n\nana@example.org\nThe e-mail address you entered couldn't be found.",
        failed("5.1.10", "550 5.1.10 RESOLVER.ADR.ExRecipNotFound; not found"),
      ),
    },
    { status: "5.1.10" },
  ],
  [
    "Exchange in German",
    {
      from: "Postmaster <postmaster@example.org>",
      subject: "Unzustellbar: Hallo",
      ...DSN(
        "Fehler bei der Nachrichtenzustellung an folgende Empfänger oder Gruppen:\n\nana@example.org",
        failed("5.1.1", "550 5.1.1 RESOLVER.ADR.RecipNotFound; not found"),
      ),
    },
    { status: "5.1.1" },
  ],
  [
    "Office 365, the tenant",
    {
      from: "postmaster@example.onmicrosoft.com",
      subject: "Undeliverable: Hello",
      ...DSN(
        "Your message to ana@example.org couldn't be delivered.",
        failed("5.4.1", "550 5.4.1 Recipient address rejected: Access denied. [XX1.example.prod.outlook.com]"),
      ),
    },
    { status: "5.4.1" },
  ],
  [
    "Exim",
    {
      from: "Mail Delivery System <Mailer-Daemon@exim.example.net>",
      subject: "Mail delivery failed: returning message to sender",
      headers: ["X-Failed-Recipients: ana@example.org", "Auto-Submitted: auto-replied"],
      body: `This message was created automatically by mail delivery software.\n\nA message that you sent could not be delivered to one or more of its\nrecipients. This is a permanent error. The following address(es) failed:\n\n  ana@example.org\n    host mx.example.org [192.0.2.5]\n    SMTP error from remote mail server after RCPT TO:<ana@example.org>:\n    550 No Such User Here\n\n------ This is a copy of the message, including all the headers. ------\n\n${COPY}`,
    },
    { status: "5.0.0", replyCode: "550" },
  ],
  [
    "Postfix",
    {
      from: "Mail Delivery System <MAILER-DAEMON@pf.example.net>",
      subject: "Undelivered Mail Returned to Sender",
      ...DSN(
        "I'm sorry to have to inform you that your message could not be delivered.\n\n<ana@example.org>: host mx.example.org[192.0.2.5] said: 550 5.1.1 <ana@example.org>:\n    Recipient address rejected: User unknown in virtual mailbox table (in reply\n    to RCPT TO command)",
        failed(
          "5.1.1",
          "550 5.1.1 <ana@example.org>: Recipient address rejected: User unknown in virtual mailbox table",
        ),
      ),
    },
    { status: "5.1.1", replyCode: "550" },
  ],
  [
    "qmail",
    {
      subject: "failure notice",
      body: `Hi. This is the qmail-send program at mx.example.net.\nI'm afraid I wasn't able to deliver your message to the following addresses.\nThis is a permanent error; I've given up. Sorry it didn't work out.\n\n<ana@example.org>:\nSorry, no mailbox here by that name. (#5.1.1)\n\n--- Below this line is a copy of the message.\n\n${COPY}`,
    },
    { status: "5.1.1" },
  ],
  [
    "qmail, by another's reply",
    {
      subject: "failure notice",
      body: `<ana@example.org>:\n192.0.2.5 does not like recipient.\nRemote host said: 550 unknown user\nGiving up on 192.0.2.5.\n\n--- Below this line is a copy of the message.\n\n${COPY}`,
    },
    {},
  ],
  [
    "Sendmail",
    {
      from: "Mail Delivery Subsystem <MAILER-DAEMON@sm.example.net>",
      subject: "Returned mail: see transcript for details",
      ...DSN(
        "   ----- The following addresses had permanent fatal errors -----\n<ana@example.org>\n    (reason: 550 5.1.1 <ana@example.org>... User unknown)\n\n   ----- Transcript of session follows -----\n... while talking to mx.example.org.:\n>>> RCPT To:<ana@example.org>\n<<< 550 5.1.1 <ana@example.org>... User unknown\n550 5.1.1 <ana@example.org>... User unknown",
        failed("5.1.1", "550 5.1.1 <ana@example.org>... User unknown"),
      ),
    },
    { status: "5.1.1" },
  ],
  [
    "Courier",
    {
      from: '"Courier mail server at mx.example.net" <@>',
      subject: "NOTICE: mail delivery status.",
      ...DSN(
        "UNDELIVERABLE MAIL\n\nYour message to the following recipients cannot be delivered:\n\n<ana@example.org>:\n    mx.example.org [192.0.2.5]:\n>>> RCPT TO:<ana@example.org>\n<<< 550 User unknown.",
        failed("5.0.0", "550 User unknown."),
      ),
    },
    {},
  ],
  [
    "Domino",
    {
      from: "Postmaster@example.org",
      subject: "DELIVERY FAILURE: User ana (ana@example.org) not listed in Domino Directory",
      ...DSN(
        "Your message\n\n  Subject: Hello Ana\n\nwas not delivered to:\n\n  ana@example.org\n\nbecause:\n\n  User ana (ana@example.org) not listed in Domino Directory",
        "Action: failed\nStatus: 5.1.1\nDiagnostic-Code: X-Notes; User ana (ana@example.org) not listed in Domino Directory",
      ),
    },
    { status: "5.1.1" },
  ],
  [
    "Gmail",
    {
      from: "Mail Delivery Subsystem <mailer-daemon@googlemail.com>",
      subject: "Delivery Status Notification (Failure)",
      headers: [
        "X-Failed-Recipients: ana@example.org",
        "Auto-Submitted: auto-replied",
        'Content-Type: multipart/report; report-type=delivery-status; boundary="b"',
      ],
      body: DSN(
        "Address not found\n\nYour message wasn't delivered to ana@example.org because the address couldn't be found, or is unable to receive mail.",
        failed(
          "5.1.1",
          "550-5.1.1 The email account that you tried to reach does not exist. Please try\n 550-5.1.1 double-checking the recipient's email address for typos",
        ),
      ).body,
    },
    { status: "5.1.1" },
  ],
  [
    "a domain without servers",
    {
      from: "Mail Delivery System <MAILER-DAEMON@pf.example.net>",
      subject: "Undelivered Mail Returned to Sender",
      ...DSN(
        "<ana@example.org>: Host or domain name not found. Name service error for name=example.org type=A: Host not found",
        failed(
          "5.4.4",
          "Host or domain name not found. Name service error for name=example.org type=A: Host not found",
        ),
      ),
    },
    { status: "5.4.4", reason: "host-unknown" },
  ],
  [
    "OpenSMTPD",
    {
      from: "Mailer Daemon <MAILER-DAEMON@os.example.net>",
      subject: "Delivery status notification: error",
      body: `    Hi!\n\n    This is the MAILER-DAEMON, please DO NOT REPLY to this email.\n\n    An error has occurred while attempting to deliver a message for\n    the following list of recipients:\n\nana@example.org: 550 5.1.1 <ana@example.org>: Recipient address rejected: User unknown\n\n    Below is a copy of the original message:\n\n${COPY}`,
    },
    { status: "5.1.1" },
  ],
  [
    "hMailServer",
    {
      from: "mailer-daemon@hm.example.net",
      subject: "Message undeliverable: Hello Ana",
      body: `Your message did not reach some or all of the intended recipients.\n\n   Sent: Mon, 2 Mar 2026 09:00:00 +0100\n   Subject: Hello Ana\n\nThe following recipient(s) could not be reached:\n\nana@example.org\n   Error Type: SMTP\n   Remote server (192.0.2.5) issued an error.\n   hMailServer sent: RCPT TO:<ana@example.org>\n   Remote server replied: 550 5.1.1 User unknown\n\nhMailServer`,
    },
    { status: "5.1.1" },
  ],
];

const soft = (reason: Verdict["reason"]) => ({ reason, hard: false });
const postfix = (status: string, reply: string, command = "RCPT TO command"): Notice => ({
  from: "Mail Delivery System <MAILER-DAEMON@pf.example.net>",
  subject: "Undelivered Mail Returned to Sender",
  ...DSN(
    `<ana@example.org>: host mx.example.org[192.0.2.5] said: ${reply} (in reply to ${command})`,
    failed(status, reply),
  ),
});

const ALIVE: readonly Case[] = [
  ["full, in English", postfix("5.2.2", "552 5.2.2 Mailbox over quota"), soft("mailbox-full")],
  ["full, by words alone", postfix("5.0.0", "550 The user's mailbox is full"), soft("mailbox-full")],
  ["full, under a wrong code", postfix("5.1.1", "550 5.1.1 <ana@example.org>: mailbox full"), soft("mailbox-full")],
  ["full, in German", postfix("5.0.0", "552 Das Postfach des Empfängers ist voll"), soft("mailbox-full")],
  [
    "full, in German, otherwise",
    postfix("5.0.0", "552 Speicherplatz erschöpft, Kontingent überschritten"),
    soft("mailbox-full"),
  ],
  ["full, in French", postfix("5.0.0", "552 La boîte aux lettres du destinataire est pleine"), soft("mailbox-full")],
  ["full, in French, otherwise", postfix("5.0.0", "552 quota dépassé pour ce destinataire"), soft("mailbox-full")],
  ["full, in Spanish", postfix("5.0.0", "552 El buzón del destinatario está lleno"), soft("mailbox-full")],
  ["full, in Italian", postfix("5.0.0", "552 La casella di posta del destinatario e' piena"), soft("mailbox-full")],
  ["full, in Portuguese", postfix("5.0.0", "552 A caixa de correio do destinatário está cheia"), soft("mailbox-full")],
  ["full, in Dutch", postfix("5.0.0", "552 De mailbox van de ontvanger is vol"), soft("mailbox-full")],
  ["full, in Polish", postfix("5.0.0", "552 Skrzynka odbiorcy jest pełna"), soft("mailbox-full")],
  ["full, in Swedish", postfix("5.0.0", "552 Mottagarens brevlåda är full"), soft("mailbox-full")],
  ["full, in Czech", postfix("5.0.0", "552 Schránka příjemce je plná"), soft("mailbox-full")],
  ["full, in Russian", postfix("5.0.0", "552 Почтовый ящик получателя переполнен"), soft("mailbox-full")],
  ["full, in Japanese", postfix("5.0.0", "552 受信者のメールボックスの容量を超えています"), soft("mailbox-full")],
  ["full, in Chinese", postfix("5.0.0", "552 收件人的邮箱已满"), soft("mailbox-full")],
  ["full, in Korean", postfix("5.0.0", "552 수신자의 메일함이 가득 찼습니다"), soft("mailbox-full")],
  ["full, in Turkish", postfix("5.0.0", "552 Alıcının posta kutusu dolu"), soft("mailbox-full")],
  [
    "full, by Gmail",
    postfix("4.2.2", "452 4.2.2 The email account that you tried to reach is over quota."),
    soft("mailbox-full"),
  ],
  [
    "full, by Gmail, out of space",
    postfix("5.2.2", "552 5.2.2 The recipient's inbox is out of storage space."),
    soft("mailbox-full"),
  ],
  [
    "full, by Exchange",
    postfix(
      "5.2.2",
      "554 5.2.2 mailbox full; STOREDRV.Deliver.Exception:QuotaExceededException.MapiExceptionShutoffQuotaExceeded",
    ),
    soft("mailbox-full"),
  ],
  [
    "a list of bad hosts",
    postfix("5.7.1", "554 5.7.1 Service unavailable; Client host [192.0.2.1] blocked using zen.example.org"),
    soft("blocked"),
  ],
  [
    "reputation",
    postfix(
      "5.7.1",
      "550 5.7.1 Our system has detected that this message is likely suspicious due to the very low reputation of the sending IP address",
    ),
    soft("blocked"),
  ],
  [
    "reputation, by Outlook",
    postfix(
      "5.7.1",
      "550 5.7.1 Unfortunately, messages from [192.0.2.1] weren't sent. Please contact your Internet service provider since part of their network is on our block list (S3140).",
    ),
    soft("blocked"),
  ],
  [
    "spam",
    postfix("5.7.1", "550 5.7.1 Message contains spam or virus or sender is blocked", "end of DATA command"),
    {},
  ],
  [
    "spam, by words",
    postfix("5.0.0", "554 Message refused: it looks like unsolicited bulk mail", "end of DATA command"),
    soft("spam"),
  ],
  ["policy", postfix("5.7.1", "550 5.7.1 Message rejected due to local policy"), soft("policy")],
  [
    "DMARC",
    postfix("5.7.26", "550 5.7.26 Unauthenticated email from example.com is not accepted due to domain's DMARC policy"),
    soft("authentication"),
  ],
  [
    "DMARC, by Outlook",
    postfix(
      "5.7.509",
      "550 5.7.509 Access denied, sending domain example.com does not pass DMARC verification and has a DMARC policy of reject.",
    ),
    soft("authentication"),
  ],
  [
    "bulk senders",
    postfix(
      "5.7.515",
      "550 5.7.515 Access denied, sending domain EXAMPLE.COM doesn't meet the required authentication level.",
    ),
    {},
  ],
  [
    "greylisting given up",
    postfix("4.2.0", "450 4.2.0 <ana@example.org>: Recipient address rejected: Greylisted, see http://example.org"),
    {},
  ],
  ["rate", postfix("4.7.28", "421 4.7.28 Our system has detected an unusual rate of unsolicited mail"), {}],
  ["relaying", postfix("5.7.1", "550 5.7.1 <ana@example.org>: Relay access denied"), {}],
  ["relaying, by Exchange", postfix("5.7.1", "550 5.7.1 Unable to relay"), {}],
  ["too big", postfix("5.3.4", "552 5.3.4 Message size exceeds fixed limit"), soft("too-big")],
  [
    "the sender's address",
    postfix("5.1.8", "550 5.1.8 <marta@example.com>: Sender address rejected: Domain not found", "MAIL FROM command"),
    soft("rejected"),
  ],
  ["no group member", postfix("5.7.1", "550 5.7.1 You do not have permission to send to this recipient group"), {}],
  ["disabled", postfix("5.2.1", "550 5.2.1 The email account that you tried to reach is disabled."), soft("suspended")],
  ["inactive", postfix("5.2.1", "550 5.2.1 The email account that you tried to reach is inactive."), soft("suspended")],
  ["a virus", postfix("5.7.0", "554 5.7.0 Message contains a virus (Eicar)", "end of DATA command"), soft("virus")],
  [
    "no connection in five days",
    {
      from: "Mail Delivery System <MAILER-DAEMON@pf.example.net>",
      subject: "Undelivered Mail Returned to Sender",
      ...DSN(
        "<ana@example.org>: connect to mx.example.org[192.0.2.5]:25: Connection timed out",
        failed("4.4.1", "connect to mx.example.org[192.0.2.5]:25: Connection timed out"),
      ),
    },
    { hard: false, status: "4.4.1" },
  ],
];

async function check([, notice, wanted]: Case, hard: boolean, change: (text: string) => string = (text) => text) {
  const { kind, verdicts } = await classifyInbound(Buffer.from(change(mail(notice))));
  expect({ kind, ...verdicts[0] }).toMatchObject({
    kind: "bounce",
    recipient: expect.stringMatching(/ana@/),
    hard,
    ...wanted,
  });
  expect(verdicts).toHaveLength(1);
}

describe("an address is dead, whichever server says so", () => {
  it.each(DEAD)("%s", async (...one) => check(one, true));
});

describe("an address is alive, whatever keeps the mail from it", () => {
  it.each(ALIVE)("%s", async (...one) => check(one, false));
});

describe("the verdict stays when the same comes otherwise", () => {
  it.each(PERTURBATIONS)("$name", async ({ change }) => {
    // As the bench does: bytes stay what they are.
    const bytewise = (text: string) => Buffer.from(change(Buffer.from(text).toString("latin1")), "latin1").toString();
    for (const one of DEAD) await check(one, true, bytewise);
    for (const one of ALIVE) await check(one, false, bytewise);
  });
});
