/** Front door: what other modules may do with people. One row per person whatever the kind; it never sends anything. */
import type { Acting } from "../accounts/ownership.ts";
import type { Selectable } from "kysely";
import { difference, recordChange } from "../accounts/audit.ts";
import { parseAddress } from "../core/address.ts";
import { languageTag, timeZoneNamed } from "../core/csv-mapping.ts";
import { choosePrimary, FIRST_STATUS, type Measuring, requireFullName, STATUSES } from "../core/person.ts";
import { type Fault, refuse } from "../core/problem.ts";
import { type Db, inTransaction, type Tx } from "../db/database.ts";
import type { PersonKind, Tables } from "../db/tables.ts";
import { refuseIfChanged } from "../http/etag.ts";
import { carryOver, type ErasureKeys, forget, lift, restoreErased, suppress } from "../suppressions/suppressions.ts";
import { DO_NOT_CONTACT, type PersonInput } from "./api.ts";
import { checkedAttributes } from "./fields.ts";
import { askedMeasuring } from "./measuring.ts";
import type { Removal } from "./named.ts";
import * as store from "./store.ts";

export { declaredFields } from "./fields.ts";
export { lacking } from "./lacking.ts";
export { matching } from "./matching.ts";
export { refuseNamed, type Removal, removalOf } from "./named.ts";
export { sayMeasuring } from "./measuring.ts";
export { fieldsForTemplates, templateVariable, templateVariables } from "./template-variables.ts";

export type Person = Selectable<Tables["people"]>;
type Actor = Acting;

/** Two who became one. `stops`: Email Campaigns that end, because an older one of the same Campaign `continues`. */
export type Merged = {
  readonly formerId: number;
  readonly personId: number;
  readonly stops: readonly { readonly id: number; readonly continues: string }[];
};

/** What the modules above do when something happens to a person; app.ts hands it in. All in the transaction given. */
export type Neighbours = {
  /** Keys the hashes by which erased addresses are remembered: `secrets.keysFor("erased addresses")`. */
  readonly erasureKeys: ErasureKeys;
  /** Stops what runs for these people with `do-not-contact`. */
  readonly onDoNotContact: (tx: Tx, personIds: readonly number[], now: Temporal.Instant) => Promise<void>;
  /** A Lead's status became Converted: stops what runs with `converted`. */
  readonly onConverted: (tx: Tx, personIds: readonly number[], now: Temporal.Instant) => Promise<void>;
  /** A Lead became a Contact, which stops nothing: an entry on the timeline. */
  readonly onConversion: (tx: Tx, personId: number, now: Temporal.Instant) => Promise<void>;
  /** The zone of these people's calendar changed: what waits is scheduled anew. */
  readonly onTimeZone: (tx: Tx, personIds: readonly number[], now: Temporal.Instant) => Promise<void>;
  /** The country or a field of these people changed: what waits for a date or keeps holidays is scheduled anew. */
  readonly onTraits: (tx: Tx, personIds: readonly number[], now: Temporal.Instant) => Promise<void>;
  /** A colleague changed whether opens and clicks are measured: an entry on the timeline. */
  readonly onMeasuring: (
    tx: Tx,
    changed: { readonly personId: number; readonly measuring: Measuring; readonly by: string },
    now: Temporal.Instant,
  ) => Promise<void>;
  /** Everything of `formerId` becomes that of `personId`; the row of the former goes right after. */
  readonly onMerge: (tx: Tx, merged: Merged, now: Temporal.Instant) => Promise<void>;
  /**
   * People with these addresses, by `core/address` key, were in an imported file and join an Email Group; refuses one
   * that is none. @returns how many were not in it before.
   */
  readonly onImported: (
    db: Db,
    imported: { readonly emailGroupId: number; readonly emailKeys: readonly string[]; readonly by: string },
    now: Temporal.Instant,
  ) => Promise<number>;
  /** Where rules of automatic start and conditions name an Email Group, a field or a Campaign that is to go. */
  readonly namedBy: Removal["namedBy"];
  /** Stops what runs with `erased` and forgets the contents of messages, entries and memberships. */
  readonly onErase: (tx: Tx, personId: number, now: Temporal.Instant) => Promise<void>;
};

/** The person; refuses an id that is none, or is of the other kind when a kind is asked for. */
export async function get(db: Db, id: number, kind?: PersonKind): Promise<Person> {
  const found = await store.find(db, id);
  return found && (!kind || found.kind === kind) ? found : notFound(id, kind);
}

/** These people by id; those who are none are left out. */
export async function getMany(db: Db, ids: readonly number[]): Promise<ReadonlyMap<number, Person>> {
  const found = await store.findMany(db, ids);
  return new Map(found.map((person) => [person.id, person]));
}

/** The id a person has now: that of whom they were merged into, if they were. */
export function currentId(db: Db, id: number): Promise<number> {
  return store.currentId(db, id);
}

/** The person whose primary address this is, by `core/address` key. */
export function findByKey(db: Db, emailKey: string): Promise<Person | undefined> {
  return store.findByKey(db, emailKey);
}

/** Creates a Lead or Contact. An address that was erased before stays suppressed. */
export function create(
  db: Db,
  kind: PersonKind,
  input: PersonInput,
  actor: Actor,
  neighbours: Neighbours,
  now: Temporal.Instant,
): Promise<Person> {
  return inTransaction(db, async (tx) => {
    const addresses = addressesOf(input);
    const primary = addresses?.[0] ?? null;
    const row = {
      ...detailsOf(input),
      status: statusFor(kind, input.status) ?? FIRST_STATUS[kind],
      fullName: requireFullName({ ...input, email: primary?.address }),
      attributes: JSON.stringify(await checkedAttributes(tx, input.attributes ?? {}, {})),
      ownerId: input.owner ? await store.userNamed(tx, input.owner) : null,
      ...(input.disabled ? { disabledAt: now } : {}),
      ...(input.measuring ? { measuring: input.measuring } : {}),
    };
    const email = { email: primary?.address ?? null, emailKey: primary?.key ?? null };
    const made =
      (await store.insert(tx, {
        kind,
        ...row,
        ...email,
        cameBy: actor.byKey ? "api" : "hand",
        createdAt: now,
        changedAt: now,
      })) ?? (await refuseTaken(tx, primary?.key ?? ""));
    if (addresses) await store.saveFurther(tx, made.id, addresses.slice(1));
    if (primary) await restoreErased(tx, [primary.key], neighbours.erasureKeys, now);
    await statusChanged(tx, null, made, actor, neighbours, now);
    await recordChange(
      tx,
      { actor, action: "create", subjectType: kind, subjectId: made.id, after: { status: made.status } },
      now,
    );
    return made;
  });
}

/**
 * Changes what is given; null clears. A new address inherits the opt-outs of the old one (E97).
 * @param unchangedSince from If-Match; refused when the row changed since.
 */
export function update(
  db: Db,
  id: number,
  kind: PersonKind,
  input: PersonInput,
  actor: Actor,
  neighbours: Neighbours,
  unchangedSince: Temporal.Instant | null,
  now: Temporal.Instant,
): Promise<Person> {
  return inTransaction(db, async (tx) => {
    const before = await lockKind(tx, id, kind);
    refuseIfChanged(unchangedSince, before.changedAt);
    const addresses = addressesOf(input);
    const primary = addresses?.[0] ?? null;
    if (primary && primary.key !== before.emailKey && (await store.findByKey(tx, primary.key)))
      await refuseTaken(tx, primary.key);
    const after = {
      ...detailsOf(input),
      ...(input.status === undefined ? {} : { status: statusFor(kind, input.status) ?? before.status }),
      ...(addresses ? { email: primary?.address ?? null, emailKey: primary?.key ?? null } : {}),
      ...(input.disabled === undefined ? {} : { disabledAt: input.disabled ? (before.disabledAt ?? now) : null }),
      ...(input.owner === undefined ? {} : { ownerId: input.owner ? await store.userNamed(tx, input.owner) : null }),
      ...askedMeasuring(before, input.measuring),
    };
    const merged = { ...before, ...after };
    const attributes = input.attributes
      ? await checkedAttributes(tx, input.attributes, before.attributes)
      : before.attributes;
    const fullName = requireFullName({ ...merged, fullName: input.fullName ?? before.fullName });
    const changed = difference<Person>(before, { ...after, attributes, fullName });
    const further = addresses ? await store.saveFurther(tx, id, addresses.slice(1)) : false;
    if (!changed && !further) return before;
    const saved = await store.save(tx, id, {
      ...after,
      fullName,
      attributes: JSON.stringify(attributes),
      changedAt: now,
    });
    if (primary && primary.key !== before.emailKey) {
      if (before.emailKey) await carryOver(tx, before.emailKey, primary.key, id, now);
      await restoreErased(tx, [primary.key], neighbours.erasureKeys, now);
    }
    if (saved.timeZone !== before.timeZone) await neighbours.onTimeZone(tx, [id], now);
    else if (changed && ("country" in changed.after || "attributes" in changed.after))
      await neighbours.onTraits(tx, [id], now);
    await statusChanged(tx, before.status, saved, actor, neighbours, now);
    if (saved.measuring !== before.measuring)
      await neighbours.onMeasuring(tx, { personId: id, measuring: saved.measuring, by: actor.name }, now);
    // The names of the fields, not what was in them: the log outlives an erasure.
    const fields = [...Object.keys(changed?.after ?? {}), ...(further ? ["addresses"] : [])];
    const told = ({ status, measuring }: Person) =>
      saved.measuring === before.measuring ? { status } : { status, measuring };
    await recordChange(
      tx,
      {
        actor,
        action: "update",
        subjectType: kind,
        subjectId: id,
        before: told(before),
        after: { ...told(saved), fields },
      },
      now,
    );
    return saved;
  });
}

/**
 * Makes a Lead a Contact: address, timeline and running Email Campaigns stay. What stops those is the Lead's status
 * Converted, which says that the campaign has reached its aim; a change of kind alone does not.
 */
export function convert(
  db: Db,
  id: number,
  actor: Actor,
  neighbours: Neighbours,
  now: Temporal.Instant,
): Promise<Person> {
  return inTransaction(db, async (tx) => {
    const before = (await store.lock(tx, id)) ?? notFound(id, "lead");
    refuseErased(before);
    if (before.kind === "contact") return before;
    const status = STATUSES.contact.includes(before.status) ? before.status : FIRST_STATUS.contact;
    const saved = await store.save(tx, id, { kind: "contact", status, changedAt: now });
    await neighbours.onConversion(tx, id, now);
    await recordChange(
      tx,
      {
        actor,
        action: "convert",
        subjectType: "lead",
        subjectId: id,
        before: { kind: "lead", status: before.status },
        after: { kind: "contact", status },
      },
      now,
    );
    return saved;
  });
}

/** Deletes a person no Email Campaign names (E37); for others there is {@link erase}. */
export async function remove(db: Db, id: number, kind: PersonKind, actor: Actor, now: Temporal.Instant): Promise<void> {
  await inTransaction(db, async (tx) => {
    const found = await lockKind(tx, id, kind);
    const named = await store.emailCampaignOf(tx, id);
    if (named)
      refuse(
        "person-in-use",
        `${found.fullName} is the recipient of ${named.number} and cannot be deleted. Erase the person instead: ` +
          "what identifies them goes, the record of what was sent stays.",
      );
    if (await store.isGroupMember(tx, id))
      refuse(
        "person-in-use",
        `${found.fullName} is a member of an Email Group. Remove the membership first, or erase the person.`,
      );
    await store.remove(tx, id);
    await recordChange(tx, { actor, action: "delete", subjectType: kind, subjectId: id }, now);
  });
}

/**
 * Erases a person for good (E38): everything that identifies them goes, what runs stops, and the address is remembered by
 * a keyed hash alone, so that it stays suppressed should it come back. Harmless twice.
 */
export function erase(
  db: Db,
  id: number,
  kind: PersonKind,
  actor: Actor,
  neighbours: Neighbours,
  now: Temporal.Instant,
): Promise<Person> {
  return inTransaction(db, async (tx) => {
    const found = (await store.lock(tx, id)) ?? notFound(id, kind);
    if (found.kind !== kind) notFound(id, kind);
    if (found.erasedAt) return found;
    await neighbours.onErase(tx, id, now);
    const keys = await store.keysOf(tx, id);
    await forget(tx, id, keys, neighbours.erasureKeys, now);
    const erased = await store.anonymise(tx, id, now);
    await recordChange(tx, { actor, action: "erase", subjectType: kind, subjectId: id }, now);
    return erased;
  });
}

/** What a status does beyond the row: Do Not Contact suppresses and stops, leaving it lifts, Converted stops. */
export async function statusChanged(
  tx: Tx,
  before: string | null,
  person: Person,
  actor: Actor,
  neighbours: Neighbours,
  now: Temporal.Instant,
): Promise<void> {
  const { status, emailKey } = person;
  if (status === DO_NOT_CONTACT && emailKey)
    await suppress(
      tx,
      { emailKey, personId: person.id, scope: "everything", reason: "do-not-contact", origin: "the person's status" },
      now,
    );
  if (status === before) return;
  if (status === DO_NOT_CONTACT) await neighbours.onDoNotContact(tx, [person.id], now);
  if (status === "Converted") await neighbours.onConverted(tx, [person.id], now);
  if (before === DO_NOT_CONTACT && emailKey) await lift(tx, emailKey, { reasons: ["do-not-contact"] }, actor.name, now);
}

type Addressed = { address: string; key: string };

/** The addresses given, the primary first, each once; undefined when the input says nothing about them. */
function addressesOf(input: PersonInput): Addressed[] | undefined {
  if (input.addresses === undefined && input.email === undefined) return undefined;
  if (input.addresses !== undefined && input.email !== undefined)
    refuse("input-invalid", "Give `email` or `addresses`, not both.", "/email");
  const given = input.addresses ?? (input.email ? [{ email: input.email, primary: true }] : []);
  const faults: Fault[] = [];
  const read = given.flatMap((entry, index) => {
    const parsed = parseAddress(entry.email);
    if ("key" in parsed) return { address: parsed.address, key: parsed.key, primary: entry.primary };
    faults.push({ pointer: input.addresses ? `/addresses/${index}/email` : "/email", detail: parsed.problem });
    return [];
  });
  if (faults[0]) refuse("input-invalid", faults[0].detail, faults);
  const { primary } = choosePrimary(read);
  const ordered = primary ? [primary, ...read.filter((entry) => entry !== primary)] : [];
  return [...new Map(ordered.map((entry) => [entry.key, entry])).values()];
}

const PLAIN = [
  "salutation",
  "firstName",
  "middleName",
  "lastName",
  "company",
  "jobTitle",
  "phone",
  "mobile",
  "website",
  "city",
  "state",
  "country",
  "source",
  "owner",
  "notes",
] as const;

function detailsOf(input: PersonInput) {
  const given: Partial<Pick<Person, (typeof PLAIN)[number] | "language" | "timeZone">> = {};
  for (const name of PLAIN) if (input[name] !== undefined) given[name] = input[name];
  if (input.language !== undefined)
    given.language =
      input.language &&
      (languageTag(input.language) ??
        refuse("input-invalid", `"${input.language}" is not a language tag such as de or pt-BR.`, "/language"));
  if (input.timeZone !== undefined)
    given.timeZone =
      input.timeZone &&
      (timeZoneNamed(input.timeZone) ??
        refuse("input-invalid", `"${input.timeZone}" is not a time zone such as Europe/Lisbon.`, "/timeZone"));
  return given;
}

function statusFor(kind: PersonKind, status: string | undefined): string | undefined {
  if (status !== undefined && !STATUSES[kind].includes(status))
    refuse("input-invalid", `A ${kind}'s status is one of: ${STATUSES[kind].join(", ")}.`, "/status");
  return status;
}

/** E124, E69: names who has the address, whatever the kind. */
async function refuseTaken(tx: Tx, emailKey: string): Promise<never> {
  const holder = await store.findByKey(tx, emailKey);
  return refuse(
    "person-address-taken",
    holder
      ? `${holder.fullName} (${holder.kind} ${holder.id}) has the address ${holder.email} already.`
      : "Somebody has this address already.",
    "/email",
  );
}

async function lockKind(tx: Tx, id: number, kind: PersonKind): Promise<Person> {
  const found = await store.lock(tx, id);
  if (!found || found.kind !== kind) return notFound(id, kind);
  refuseErased(found);
  return found;
}

export function refuseErased(person: Person): void {
  if (person.erasedAt) refuse("person-erased", "This person was erased and can no longer be changed.");
}

function notFound(id: number, kind?: PersonKind): never {
  return refuse("person-not-found", `There is no ${kind ?? "person"} ${id}.`);
}
