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
const MESSAGE_ID = /<[^<>\s@]{1,200}@[^<>\s@]{1,255}>/g;
const TOKEN = /[0-9a-z]{1,11}(?:\.[0-9a-z]{1,11}){2}\.[\w-]{27}/g;
/** Where servers write whom they delivered to. */
const SENT_TO = ["delivered-to", "x-original-to", "envelope-to", "x-envelope-to", "original-recipient", "to", "cc"];

export function referencesOf(mail: ReceivedMail, envelopeTo: string | null): References {
  const all = (name: string) => mail.headers.get(name) ?? [];
  const within = mail.originals.map((original) => fieldsOf(original.split(/\r?\n\r?\n/)[0]!));
  const sentTo = [
    ...(envelopeTo?.split(",") ?? []),
    ...SENT_TO.flatMap(all).flatMap((value) => value.slice(0, 2000).split(",")),
    ...mail.to,
    // A server that sends the notice elsewhere still shows the return path of the mail it is about.
    ...within.map((fields) => fields.get("return-path") ?? ""),
  ].flatMap((value) => addressIn(value) ?? []);
  const messageIds = [
    ...within.flatMap((fields) => idsIn(fields.get("message-id"))),
    ...all("in-reply-to").flatMap(idsIn),
    ...all("references").flatMap((value) => idsIn(value).reverse()),
    ...all("x-original-message-id").flatMap(idsIn),
    ...mail.reports.flatMap(({ text }) => idsIn(/^(?:Original-)?Message-ID:\s*(.+)$/im.exec(text)?.[1])),
    // Notices that quote the mail as text.
    ...[...mail.text.matchAll(/^[>\s|]*Message-ID:\s*(<[^<>\s]+>)/gim)].map(([, id]) => id!),
  ];
  const tokens = [mail.subject, mail.text.slice(0, 2000)].flatMap((text) => text.match(TOKEN) ?? []);
  return { sentTo: unique(sentTo), messageIds: unique(messageIds), tokens: unique(tokens) };
}

const idsIn = (text: string | undefined): string[] => (text ?? "").slice(0, 10_000).match(MESSAGE_ID) ?? [];
const unique = (values: readonly string[]) => [...new Set(values)].slice(0, MOST);
