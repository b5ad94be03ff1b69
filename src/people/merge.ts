/** Makes two people one: what each field becomes, what moves, and what nobody may choose. It never re-subscribes anybody. */
import type { Acting } from "../accounts/ownership.ts";
import { recordChange } from "../accounts/audit.ts";
import { fullNameOf, STATUSES } from "../core/person.ts";
import { refuse } from "../core/problem.ts";
import { type Db, inTransaction } from "../db/database.ts";
import { unite } from "../suppressions/suppressions.ts";
import { DO_NOT_CONTACT, MERGED_FIELDS, type MergeInput } from "./api.ts";
import { unitedMeasuring } from "./measuring.ts";
import * as store from "./merge-store.ts";
import { type Neighbours, type Person, refuseErased, statusChanged } from "./people.ts";
import { keysOf, save, saveFurther } from "./store.ts";

type Actor = Acting;
type Field = (typeof MERGED_FIELDS)[number];
type Pair = { readonly survivor: Person; readonly other: Person };

/** A name is taken from one side as a whole, unless somebody chooses its parts. */
const NAME: readonly Field[] = ["salutation", "firstName", "middleName", "lastName", "fullName"];

/** Tells what a merge would do. */
export async function previewMerge(db: Db, id: number, { otherId, keep }: MergeInput) {
  const pair = await pairOf(await store.findBoth(db, id, otherId), id, otherId);
  const { survivor, other } = pair;
  const result = resultOf(pair, keep);
  const further = await store.furtherOf(db, [id, otherId]);
  const fields = MERGED_FIELDS.map((field) => ({
    field,
    this: survivor[field],
    other: other[field],
    result: result[field],
    differs: survivor[field] !== null && other[field] !== null && survivor[field] !== other[field],
  }));
  return {
    survivor,
    other,
    fields,
    attributes: result.attributes,
    addresses: addressesOf(pair, result, further).map(({ email }, index) => ({
      email,
      primary: index === 0 && result.email !== null,
    })),
    moves: await store.countsOf(db, otherId),
    stops: await store.stopsOf(db, id, otherId),
    warnings: warningsOf(pair, result, await store.optOutsOf(db, [id, otherId])),
  };
}

/**
 * Merges, in one transaction: everything of the other becomes the survivor's, the other's row goes, and its id leads to
 * the survivor. Opt-outs of both sides hold for all their addresses.
 */
export function merge(
  db: Db,
  id: number,
  { otherId, keep }: MergeInput,
  actor: Actor,
  neighbours: Neighbours,
  now: Temporal.Instant,
): Promise<void> {
  return inTransaction(db, async (tx) => {
    // In the order of the tick: Email Campaigns before people, or the two could wait for each other.
    await store.lockEmailCampaigns(tx, id, otherId);
    const pair = await pairOf(await store.lockBoth(tx, id, otherId), id, otherId);
    const { survivor, other } = pair;
    const result = resultOf(pair, keep);
    const further = await store.furtherOf(tx, [id, otherId]);
    const keys = [...new Set([...(await keysOf(tx, id)), ...(await keysOf(tx, otherId))])];
    const addresses = addressesOf(pair, result, further);
    await unite(tx, keys, otherId, id, now);
    await neighbours.onMerge(tx, { formerId: otherId, personId: id, stops: await store.stopsOf(tx, id, otherId) }, now);
    await store.removeMerged(tx, otherId, id, actor.name, now);
    await saveFurther(
      tx,
      id,
      addresses.filter(({ key }) => key !== result.emailKey).map(({ email: address, key }) => ({ address, key })),
    );
    const saved = await save(tx, id, { ...result, attributes: JSON.stringify(result.attributes), changedAt: now });
    await statusChanged(tx, survivor.status, saved, actor, neighbours, now);
    if (saved.timeZone !== survivor.timeZone) await neighbours.onTimeZone(tx, [id], now);
    else await neighbours.onTraits(tx, [id], now);
    // Ids and names of fields, not what was in them: the log outlives an erasure.
    await recordChange(
      tx,
      {
        actor,
        action: "merge",
        subjectType: survivor.kind,
        subjectId: id,
        before: { formerId: otherId, formerKind: other.kind },
        after: {
          fields: ([...MERGED_FIELDS, "measuring"] as const).filter((field) => saved[field] !== survivor[field]),
        },
      },
      now,
    );
  });
}

async function pairOf(found: readonly Person[], id: number, otherId: number): Promise<Pair> {
  if (id === otherId) return refuse("input-invalid", "A person cannot be merged into themselves.", "/otherId");
  const survivor = found.find((person) => person.id === id) ?? refuse("person-not-found", `There is no person ${id}.`);
  const other =
    found.find((person) => person.id === otherId) ??
    refuse("person-not-found", `There is no person ${otherId}.`, "/otherId");
  refuseErased(survivor);
  refuseErased(other);
  return { survivor, other };
}

/** The survivor's row afterwards. */
function resultOf({ survivor, other }: Pair, keep: MergeInput["keep"]) {
  const chosen = (field: Field) => {
    const side = keep[field] ?? (NAME.includes(field) ? (keep.fullName ?? "this") : undefined);
    if (side) return side === "other" ? other[field] : survivor[field];
    return survivor[field] ?? other[field];
  };
  const fields = Object.fromEntries(MERGED_FIELDS.map((field) => [field, chosen(field)])) as Pick<Person, Field>;
  if (!STATUSES[survivor.kind].includes(fields.status))
    refuse("input-invalid", `A ${survivor.kind} cannot have the status ${fields.status}.`, "/keep/status");
  // Whoever asked on either side not to be written to has asked.
  if (survivor.status === DO_NOT_CONTACT || other.status === DO_NOT_CONTACT) fields.status = DO_NOT_CONTACT;
  const fromOther = fields.email !== null && fields.email === other.email;
  return {
    ...fields,
    fullName: fullNameOf(fields) ?? survivor.fullName,
    emailKey: fromOther ? other.emailKey : fields.email === null ? null : survivor.emailKey,
    ownerId: fields.owner === survivor.owner ? survivor.ownerId : other.ownerId,
    attributes: { ...other.attributes, ...survivor.attributes },
    ...unitedMeasuring(survivor, other),
    disabledAt: survivor.disabledAt ?? other.disabledAt,
  };
}

type Address = { readonly email: string; readonly key: string };

/** All addresses of both, each once, the primary first. */
function addressesOf(
  { survivor, other }: Pair,
  { emailKey }: { emailKey: string | null },
  further: readonly Address[],
) {
  const all = [survivor, other].flatMap(({ email, emailKey: key }) => (email && key ? [{ email, key }] : []));
  const each = new Map([...all, ...further].toReversed().map((address) => [address.key, address]));
  return [...each.values()]
    .toReversed()
    .sort((one, two) => Number(two.key === emailKey) - Number(one.key === emailKey));
}

function warningsOf(
  { survivor, other }: Pair,
  result: Pick<Person, "status" | "measuring" | "disabledAt">,
  optOuts: readonly { personId: number; scope: string }[],
): string[] {
  const told: string[] = [];
  for (const { id, fullName } of [survivor, other])
    if (optOuts.some(({ personId }) => personId === id))
      told.push(`${fullName} (${id}) has opted out of mail; that holds for every address of the merged person.`);
  if (result.status === DO_NOT_CONTACT && result.status !== survivor.status)
    told.push("The other is marked Do Not Contact, and so will this person be. What runs stops.");
  if (result.disabledAt && !survivor.disabledAt) told.push("The other is disabled, and so will this person be.");
  if (result.measuring !== survivor.measuring)
    told.push("Opens and clicks of the other are never measured, and so it will be for this person.");
  if (survivor.kind !== other.kind)
    told.push(`The other is a ${other.kind}; the merged person stays a ${survivor.kind}.`);
  return told;
}
