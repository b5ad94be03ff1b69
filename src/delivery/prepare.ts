/** From a claimed message to its bytes: what they are made of is fixed once, and gives the same bytes for ever. Sends nothing. */
import { randomBytes } from "node:crypto";
import { workspace } from "../accounts/accounts.ts";
import { signatureHeaders, type Signed } from "../core/dkim.ts";
import { sign, signReturnPath } from "../core/links.ts";
import { type CompiledMessage, compileMessage, compose, composeRendered, type Content } from "../core/message.ts";
import { messageIdFor } from "../core/message-id.ts";
import { messageKey } from "../core/tracking-links.ts";
import { localDay } from "../core/schedule.ts";
import { parseTemplate, renderTemplate } from "../core/template.ts";
import type { Db } from "../db/database.ts";
import type { Composed } from "../db/tables.ts";
import type { Signature, Signer } from "../domains/domains.ts";
import { getMany, type Person, templateVariable, templateVariables } from "../people/people.ts";
import { renderInSandbox } from "../templates/sandbox.ts";
import { signatureVariables } from "../templates/signature.ts";
import { type ContentVersion, version as contentVersion } from "../templates/templates.ts";
import type { Due, Fixed } from "./claim.ts";
import { composedOf } from "./contents.ts";
import type { Origin } from "./origin.ts";
import { trackedBytes } from "./tracked.ts";
import type { Parcel } from "./transports.ts";

export type PrepareOptions = {
  readonly db: Db;
  readonly publicUrl: string;
  /** Where pictures and links of tracked mails lead. */
  readonly trackingUrl: string;
  readonly linkKeys: readonly Uint8Array[];
  readonly signer: Signer;
};

/** What a batch of mails has in common, and whom they go to. */
export type Addressed = {
  readonly people: ReadonlyMap<number, Person>;
  readonly settings: Awaited<ReturnType<typeof workspace>>;
};

/** Reads, once for a batch, all that is needed of people and workspace. */
export async function addressed(db: Db, batch: readonly Due[]): Promise<Addressed> {
  const ids = batch.filter(({ composed }) => composed === null).map(({ personId }) => personId);
  const [people, settings] = await Promise.all([getMany(db, ids), workspace(db)]);
  return { people, settings };
}

export type Mail = { readonly parcel: Parcel; readonly fixed: Fixed };
type Known = Origin & { readonly identity: NonNullable<Origin["identity"]> };

/**
 * Makes the bytes of a message. At the first attempt it decides what they are made of; at every further one they are
 * the same (R2, S3), but for the address of a person who has moved meanwhile (E68), as long as nothing may have arrived.
 * @returns `failure` when the template cannot be rendered for this person: trying again would not help.
 */
export async function prepare(
  options: PrepareOptions,
  due: Due,
  { account, identity, sender }: Known,
  to: Addressed,
  now: Temporal.Instant,
): Promise<Mail | { readonly failure: string }> {
  const { db } = options;
  const version = await contentVersion(db, due.contentVersionId);
  const address = (due.inDoubt ? due.address : due.email) ?? due.email ?? "";
  const before = due.composed && !due.inDoubt ? revised(due.composed, due, account, identity) : due.composed;
  const decided = before ?? decide(options, due, { account, identity, sender }, version, to, now);
  const messageId = due.messageId ?? messageIdFor(due.id, chance(12), domainOf(decided.from.address));
  try {
    const letter = { id: due.id, composed: decided, messageId, address, campaignId: due.campaignId };
    const unsigned = await bytesFrom(version, letter);
    // What may have arrived keeps its signatures; else the keys of today count, since those before may be withdrawn.
    // Signed for the moment of its Date, it is the same under the same keys at every attempt.
    const signature = due.inDoubt
      ? keptSignature(unsigned, decided)
      : await options.signer.sign(unsigned, decided.from.address, Temporal.Instant.from(decided.date));
    const composed = withSigned(decided, signature?.signed);
    const bytes = signature ? inFront(signature, unsigned) : unsigned;
    const subject = () => subjectFrom(version, composed.variables);
    const from = returnPath(options.linkKeys, due.id, account) ?? account.email ?? composed.from.address;
    return {
      parcel: { id: due.id, from, to: address, subject, bytes },
      fixed: {
        contentVersionId: version.id,
        variant: due.variant,
        emailAccountId: account.id,
        address,
        messageId,
        composed,
        asked: due.asked,
      },
    };
  } catch (error) {
    if (error instanceof Error && /^Template(?:Error|Limit)$/.test(error.name)) return { failure: error.message };
    throw error;
  }
}

/** RFC 5321 4.5.3.1.1. */
const MOST_LOCAL_PART = 64;

/**
 * The envelope's sender, signed for this very message, where the account asks for one. It is no part of the bytes; the
 * same message has the same one at every attempt.
 */
function returnPath(keys: readonly Uint8Array[], messageId: number, account: Origin["account"]): string | null {
  const { email, bounceDomain, plusAddressing } = account;
  if (bounceDomain !== null) return `${signReturnPath(keys, messageId)}@${bounceDomain}`;
  if (!plusAddressing || email === null) return null;
  const at = email.lastIndexOf("@");
  const local = `${email.slice(0, at)}+${signReturnPath(keys, messageId)}`;
  return local.length > MOST_LOCAL_PART ? null : `${local}${email.slice(at)}`;
}

/** The exact bytes of a message as it was sent; null before it was composed and after its person was erased. */
export async function bytesOf(db: Db, id: number): Promise<Buffer | null> {
  const row = await db
    .selectFrom("messages")
    .select(["contentVersionId", composedOf.as("composed"), "messageId", "address", "campaignId"])
    .where("id", "=", id)
    .executeTakeFirst();
  if (!row?.composed || row.contentVersionId === null || row.messageId === null || row.address === null) return null;
  const { composed, messageId, address, campaignId } = row;
  const version = await contentVersion(db, row.contentVersionId);
  const unsigned = await bytesFrom(version, { id, composed, messageId, address, campaignId });
  const signature = keptSignature(unsigned, composed);
  return signature ? inFront(signature, unsigned) : unsigned;
}

/** RFC 6376 3.5: DKIM-Signature stands in front of what it signs. */
function inFront({ headers }: Signature, unsigned: Buffer): Buffer {
  return Buffer.concat([Buffer.from(headers, "latin1"), unsigned]);
}

/** The signatures it left with before, whatever has become of their keys. */
function keptSignature(unsigned: Buffer, { signed }: Composed): Signature | undefined {
  return signed && { signed, headers: signatureHeaders(unsigned, signed) };
}

function withSigned({ signed: _before, ...composed }: Composed, signed: Signed | undefined): Composed {
  return signed ? { ...composed, signed } : composed;
}

/** A subject as it was rendered; null when that fails. */
export async function renderedSubject(
  db: Db,
  contentVersionId: number,
  variables: Record<string, unknown>,
): Promise<string | null> {
  try {
    return await subjectFrom(await contentVersion(db, contentVersionId), variables);
  } catch {
    return null;
  }
}

/** Everything the bytes depend on besides the content version. */
function decide(
  { publicUrl, trackingUrl, linkKeys }: PrepareOptions,
  due: Due,
  { account, identity, sender }: Known,
  version: ContentVersion,
  { people, settings }: Addressed,
  now: Temporal.Instant,
): Composed {
  const person = people.get(due.personId);
  if (!person) throw new Error(`There is no person ${due.personId}.`);
  const claim = { emailCampaignId: due.emailCampaignId, personId: due.personId, messageId: due.id };
  const token = sign(linkKeys, "unsubscribe", claim);
  const unsubscribeUrl = `${publicUrl}/u/${token}`;
  const { from, replyTo } = identity;
  // A bounce domain is read by us; whether anything reads the sender's own mailbox for us, nobody knows.
  const leaveAt = account.bounceDomain === null ? (replyTo ?? from).address : returnPath(linkKeys, due.id, account)!;
  const answersTo = encodeURIComponent(leaveAt).replaceAll("%40", "@");
  const system = {
    unsubscribe_url: unsubscribeUrl,
    postal_address: settings.postalAddress ?? "",
    sender_name: sender?.name ?? from.name ?? "",
    sender_email: sender?.email ?? account.email ?? "",
    ...signatureVariables(sender),
    campaign_name: due.campaignName,
    today: dayInWords(person, settings, now),
    email: person.email,
    workspace_name: settings.name,
  };
  return {
    variables: used(version, person, system),
    from,
    replyTo,
    toName: person.fullName === person.email ? null : person.fullName,
    date: now.round("second").toString(),
    // Chance keeps it out of every body (S5).
    boundary: `tidings-${chance(12)}`,
    unsubscribeUrl,
    unsubscribeMailto: `mailto:${answersTo}?subject=unsubscribe%20${token}`,
    listLabel: due.campaignName,
    ...trackingOf(due, trackingUrl, linkKeys),
  };
}

/**
 * Of what cannot have arrived: another account may have to send from another address, and what is no longer to be
 * measured, for the person or the Campaign, goes. What may have arrived stays as it was.
 */
function revised(
  { tracking, ...composed }: Composed,
  { emailAccountId, trackOpens, trackClicks }: Due,
  account: Known["account"],
  identity: Known["identity"],
): Composed {
  const opens = tracking?.opens && trackOpens;
  const clicks = tracking?.clicks && trackClicks;
  return {
    ...composed,
    ...(emailAccountId === account.id ? {} : identity),
    ...(tracking && (opens || clicks) ? { tracking: { ...tracking, opens: !!opens, clicks: !!clicks } } : {}),
  };
}

/** Nothing where nothing is measured: such a mail holds no picture and no address but its author's (L5). */
function trackingOf(
  { id, trackOpens: opens, trackClicks: clicks }: Due,
  base: string,
  linkKeys: readonly Uint8Array[],
): Pick<Composed, "tracking"> {
  return opens || clicks ? { tracking: { base, opens, clicks, key: messageKey(linkKeys, id) } } : {};
}

/** Only what the version asks for is kept with the message; a general template may ask in ways nobody can list. */
function used(
  version: ContentVersion,
  person: Person,
  system: Readonly<Record<string, unknown>>,
): Record<string, unknown> {
  if (version.general) return { ...templateVariables(person), ...system };
  const variables: Record<string, unknown> = {};
  for (const name of version.variables)
    variables[name] = (Object.hasOwn(system, name) ? system[name] : templateVariable(person, name)) ?? null;
  return variables;
}

const CHANCE_OCTETS = 8192;
let store = Buffer.alloc(0);

/** Octets nobody can guess, in hexadecimal. Asked for one mail at a time, they cost more than the rest of its headers. */
function chance(octets: number): string {
  if (store.length < octets) store = randomBytes(CHANCE_OCTETS);
  const taken = store.toString("hex", 0, octets);
  store = store.subarray(octets);
  return taken;
}

const domainOf = (address: string) => address.slice(address.lastIndexOf("@") + 1);

/** Writing a day in words costs a tenth of a millisecond; thousands of mails of one run share a zone and a language. */
const daysInWords = new Map<string, string>();
const MOST_DAYS_KEPT = 500;
/** In no zone of today does a day begin within a quarter of an hour: all are whole quarters from UTC. */
const QUARTER_MS = 900_000;

function dayInWords(
  person: Pick<Person, "language" | "timeZone">,
  settings: { language: string; timeZone: string },
  now: Temporal.Instant,
): string {
  const zones = [person.timeZone, settings.timeZone, "UTC"].filter((zone) => zone !== null);
  const languages = [person.language, settings.language].filter((language) => language !== null);
  const quarter = Math.floor(now.epochMilliseconds / QUARTER_MS);
  for (const zone of zones) {
    const key = `${quarter} ${zone} ${languages.join(" ")}`;
    const known = daysInWords.get(key);
    if (known !== undefined) return known;
    try {
      const written = localDay(now, zone).toLocaleString(languages, { dateStyle: "long" });
      if (daysInWords.size >= MOST_DAYS_KEPT) daysInWords.clear();
      daysInWords.set(key, written);
      return written;
    } catch {
      // A zone or language this machine does not know must not hold up the mail: the next one will do.
    }
  }
  return now.toString().slice(0, 10);
}

type Letter = {
  readonly id: number;
  readonly composed: Composed;
  readonly messageId: string;
  readonly address: string;
  readonly campaignId: number;
};

/**
 * The one way from what is kept to bytes. Whatever it adds must never change, or mail sent before would look different
 * (decision 3).
 */
async function bytesFrom(version: ContentVersion, letter: Letter): Promise<Buffer> {
  const { id, composed, messageId, address, campaignId } = letter;
  const { from, replyTo, toName, date, boundary, unsubscribeUrl, unsubscribeMailto, listLabel, tracking } = composed;
  const envelope = {
    messageId,
    date: Temporal.Instant.from(date),
    from,
    to: { name: toName, address },
    replyTo,
    unsubscribeUrl,
    unsubscribeMailto,
    // Stays the same for the Campaign whatever it is called (S26).
    listId: { label: listLabel, domain: `campaign-${campaignId}.${domainOf(from.address)}` },
    boundary,
  };
  if (tracking) return trackedBytes(version, { messageId: id, tracking }, composed.variables, envelope);
  return version.general
    ? composeRendered(await renderInSandbox(contentOf(version), composed.variables), envelope)
    : compose(compiled(version), composed.variables, envelope);
}

async function subjectFrom(version: ContentVersion, variables: Record<string, unknown>): Promise<string> {
  if (version.general) {
    const { subject } = await renderInSandbox({ subject: version.compiledSubject, html: "", text: "" }, variables);
    return subject;
  }
  const parsed = parseTemplate(version.compiledSubject);
  return "template" in parsed ? renderTemplate(parsed.template, variables, "none") : version.compiledSubject;
}

/** Versions never change and are kept by their module, so what is compiled from one lives as long as it does. */
const compiledVersions = new WeakMap<ContentVersion, CompiledMessage>();

function compiled(version: ContentVersion): CompiledMessage {
  const known = compiledVersions.get(version) ?? compileMessage(contentOf(version));
  compiledVersions.set(version, known);
  return known;
}

function contentOf({ compiledSubject: subject, compiledHtml: html, compiledText: text }: ContentVersion): Content {
  return { subject, html, text };
}
