/** Which mails of ours a received mail may be about: everything in it that could name one. Pure; believes none of it. */
import { addressIn, fieldsOf, type ReceivedMail } from "./mail.ts";

export type References = {
  /** Addresses it was sent to, envelope first: one of them may be a signed return path. */
  readonly sentTo: readonly string[];
  /** Message-IDs with their angle brackets, the nearest first. */
  readonly messageIds: readonly string[];
  /** Words that may be signed tokens. */
  readonly tokens: readonly string[];
};

const MOST = 100;
const MOST_VALUE = 10_000;
/** The link to leave stands at the end of a mail. */
const MOST_ORIGINAL = 100_000;
const MESSAGE_ID = /<[^<>\s@]{1,200}@[^<>\s@]{1,255}>/g;
const TOKEN = /(?<![\w.-])[0-9a-z]{1,11}(?:\.[0-9a-z]{1,11}){2}\.[\w-]{27}(?![\w-])/g;
/** Where servers write whom they delivered to. */
const SENT_TO = [
  "delivered-to",
  "x-original-to",
  "envelope-to",
  "x-envelope-to",
  "x-delivered-to",
  "x-rcpt-to",
  "apparently-to",
  "original-recipient",
  "to",
  "cc",
];
/** A line of a head that is quoted in a text, with the marks of quotation. */
const QUOTED_ID = /^[>|\s*]{0,20}(?:X-)?(?:Original-)?Message-ID\b[*"]?\s{0,3}[:=][\s>|*"]{0,20}(<[^<>\s]{3,455}>)/gim;
const QUOTED_RETURN_PATH = /^[>|\s*]{0,20}Return-Path\s?:[\s>|*]{0,20}(<[^<>\s]{3,320}>)/gim;

/** @param envelopeTo whom it was handed over for, where that is known; several with commas between. */
export function referencesOf(mail: ReceivedMail, envelopeTo: string | null): References {
  const all = (name: string) => (mail.headers.get(name) ?? []).map((value) => value.slice(0, MOST_VALUE));
  const originals = mail.originals.map((original) => original.slice(0, MOST_ORIGINAL));
  const within = originals.map((original) => fieldsOf(original.split(/\r?\n\r?\n/)[0]!));
  const quoted = [...originals, mail.text];
  const sentTo = [
    ...(envelopeTo?.split(",") ?? []),
    ...SENT_TO.flatMap(all).flatMap((value) => value.split(",")),
    ...mail.to,
    // A server that sends the notice elsewhere still shows the return path of the mail it is about.
    ...within.map((fields) => fields.get("return-path") ?? ""),
    ...quoted.flatMap((text) => found(text, QUOTED_RETURN_PATH)),
  ];
  const messageIds = [
    ...within.flatMap((fields) => idsIn(fields.get("message-id"))),
    ...all("in-reply-to").flatMap(idsIn),
    ...all("references").flatMap((value) => idsIn(value).reverse()),
    // X-Original-Message-ID and its like, whoever invents them.
    ...[...mail.headers].flatMap(([name, values]) => (/.message-id$/.test(name) ? values.flatMap(idsIn) : [])),
    ...mail.reports.flatMap(({ text }) => found(text, QUOTED_ID)),
    // Notices that quote the mail as text, and those about a notice about it.
    ...quoted.flatMap((text) => found(text, QUOTED_ID)),
  ];
  // A complaint whose addresses were blacked out still shows the link by which that person could leave.
  const written = [mail.subject, ...all("x-list-unsubscribe"), ...quoted, mail.html ?? ""];
  const tokens = written.flatMap((text) => unwrapped(text).match(TOKEN)?.slice(0, MOST) ?? []);
  return {
    sentTo: unique(sentTo.flatMap((value) => addressIn(value) ?? [])),
    messageIds: unique(messageIds),
    tokens: unique(tokens),
  };
}

const idsIn = (text: string | undefined): string[] => (text ?? "").slice(0, MOST_VALUE).match(MESSAGE_ID) ?? [];
const found = (text: string, pattern: RegExp): string[] =>
  [...text.slice(0, MOST_ORIGINAL).matchAll(pattern)].slice(0, MOST).map(([, value]) => value!);
/** Quoted-printable breaks long lines within a word. */
const unwrapped = (text: string) => text.slice(0, MOST_ORIGINAL).replaceAll(/=\r?\n/g, "");
const unique = (values: readonly string[]) => [...new Set(values)].slice(0, MOST);
