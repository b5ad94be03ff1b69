/** The sample campaign: what a newcomer sees first. Loads it once, removes it again, and starts nobody. */
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { sql } from "kysely";
import { workspace } from "../accounts/accounts.ts";
import * as senders from "../accounts/senders.ts";
import { parseAddress } from "../core/address.ts";
import { Refusal } from "../core/problem.ts";
import { type Db, inTransaction, type Tx } from "../db/database.ts";
import type { Tables } from "../db/tables.ts";
import * as emailGroups from "../email-groups/email-groups.ts";
import type { Actor } from "../http/serve.ts";
import * as people from "../people/people.ts";
import * as templates from "../templates/templates.ts";
import * as campaigns from "./campaigns.ts";
import { SAMPLE_PEOPLE, type SampleWords, wordsFor } from "./sample-words.ts";

type Kind = Tables["sampleItems"]["kind"];
type Made = { readonly id: number; readonly name: string };
/** Whoever loads it. */
type By = Pick<Actor, "name" | "userId">;

const MAILS = ["welcome", "tips", "feedback"] as const;
const DAYS = [0, 3, 7];

/** Loads it, all or nothing; what is there already stays as it is. */
export async function load(db: Db, actor: By, neighbours: people.Neighbours, now: Temporal.Instant) {
  const bodies = await Promise.all(
    MAILS.map((mail) => readFile(join(import.meta.dirname, "sample", `${mail}.mjml`), "utf8")),
  );
  return inTransaction(db, async (tx) => {
    // Two newcomers who press the button at once get one sample.
    await sql`lock table sample_items in share row exclusive mode`.execute(tx);
    const words = wordsFor((await workspace(tx)).language);
    const before = await itemsOf(tx, "campaign");
    const emailTemplates: Made[] = [];
    for (const [index, mail] of MAILS.entries()) {
      const make = () => makeTemplate(tx, words.mails[mail], bodies[index]!, actor, now);
      emailTemplates.push(await item(tx, "email-template", index, make, now));
    }
    const emailGroup = await item(tx, "email-group", 0, () => makeGroup(tx, words, actor, now), now);
    const found: Made[] = [];
    for (const [index, person] of SAMPLE_PEOPLE.entries())
      found.push(await samplePerson(tx, index, { ...person, source: words.source }, actor, neighbours, now));
    const ids = found.map(({ id }) => id);
    if (before.length === 0) await emailGroups.addPeople(tx, emailGroup.id, ids, actor, now);
    const sender = await senderIfNone(tx, actor, now);
    const steps = emailTemplates.map(({ id }, index) => ({
      emailTemplateId: id,
      sendAfterDays: DAYS[index] ?? 0,
      timeOfDay: null,
      expiresAfterDays: null,
    }));
    const campaign = await item(tx, "campaign", 0, () => makeCampaign(tx, words, steps, actor, now), now);
    return { created: before.length === 0, campaign, emailTemplates, emailGroup, people: found, sender };
  });
}

/** Removes what nothing else uses. The rest stays and says why; it is still the sample's, so that one can try again. */
export async function remove(db: Db, removal: people.Removal, actor: By, now: Temporal.Instant) {
  const kept: { kind: Kind; id: number; name: string; reason: string }[] = [];
  let removed = 0;
  const group = (await itemsOf(db, "email-group"))[0];
  const sample = (await itemsOf(db, "person")).map(({ id }) => id);
  const others = group ? await othersIn(db, group.id, sample) : 0;
  const removals: readonly [Kind, (tx: Tx, id: number) => Promise<unknown>][] = [
    ["campaign", (tx, id) => campaigns.remove(tx, id, removal, actor, now)],
    ["email-template", (tx, id) => templates.remove(tx, id, actor, now)],
    ["email-group", (tx, id) => emailGroups.remove(tx, id, removal, actor, now)],
    [
      "person",
      async (tx, id) => {
        if (group && others > 0) await emailGroups.removePeople(tx, group.id, [id], actor, now);
        await people.remove(tx, id, (await people.get(tx, id)).kind, actor, now);
      },
    ],
    ["sender", (tx, id) => senders.remove(tx, id, actor, now)],
  ];
  for (const [kind, work] of removals)
    for (const { id, name } of await itemsOf(db, kind)) {
      if (kind === "email-group" && others > 0) {
        kept.push({ kind, id, name, reason: `${others} further people are in it.` });
        continue;
      }
      try {
        await inTransaction(db, async (tx) => {
          await tx.deleteFrom("sampleItems").where("kind", "=", kind).where("itemId", "=", id).execute();
          await work(tx, id);
        });
        removed += 1;
      } catch (error) {
        if (!(error instanceof Refusal)) throw error;
        kept.push({ kind, id, name, reason: error.message });
      }
    }
  return { removed, kept };
}

/** The sample's own, if it is still there, else made now. */
async function item(
  tx: Tx,
  kind: Kind,
  position: number,
  make: () => Promise<Made>,
  now: Temporal.Instant,
): Promise<Made> {
  const known = (await itemsOf(tx, kind)).find((one) => one.position === position);
  if (known) return { id: known.id, name: known.name };
  const made = await make();
  await tx.deleteFrom("sampleItems").where("kind", "=", kind).where("position", "=", position).execute();
  await tx.insertInto("sampleItems").values({ kind, itemId: made.id, position, createdAt: now }).execute();
  return made;
}

const TABLES = {
  campaign: ["campaigns", "name"],
  "email-template": ["email_templates", "name"],
  "email-group": ["email_groups", "title"],
  person: ["people", "full_name"],
  sender: ["senders", "name"],
} as const satisfies Record<Kind, readonly [string, string]>;

/** What the sample made and nobody has deleted since. */
async function itemsOf(db: Db, kind: Kind): Promise<(Made & { position: number })[]> {
  const [table, name] = TABLES[kind];
  const { rows } = await sql<Made & { position: number }>`
    select made.id, made.${sql.ref(name)} as name, sample_items.position
    from sample_items join ${sql.table(table)} made on made.id = sample_items.item_id
    where sample_items.kind = ${kind} order by sample_items.position`.execute(db);
  return rows;
}

async function makeTemplate(
  tx: Tx,
  { name, subject, preheader, words }: SampleWords["mails"]["welcome"],
  layout: string,
  actor: By,
  now: Temporal.Instant,
): Promise<Made> {
  const body = layout.replaceAll(/\[\[(\w+)\]\]/g, (_, key: string) => words[key] ?? "");
  const free = await freeName(name, async (wanted) => (await templates.findByName(tx, wanted)) !== undefined);
  return templates.create(tx, { name: free, subject, preheader, format: "mjml", body, text: null }, actor, now);
}

async function makeGroup(tx: Tx, words: SampleWords, actor: By, now: Temporal.Instant): Promise<Made> {
  const title = await freeName(words.group, async (wanted) => {
    const taken = tx.selectFrom("emailGroups").select("id").where("titleKey", "=", wanted.toLowerCase());
    return (await taken.executeTakeFirst()) !== undefined;
  });
  const { id } = await emailGroups.create(tx, { title, description: words.groupDescription }, actor, now);
  return { id, name: title };
}

async function makeCampaign(
  tx: Tx,
  words: SampleWords,
  steps: Parameters<typeof campaigns.create>[1]["steps"],
  actor: By,
  now: Temporal.Instant,
): Promise<Made> {
  const name = await freeName(words.campaign, async (wanted) => (await campaigns.findByName(tx, wanted)) !== undefined);
  const settings = { description: words.campaignDescription, timeOfDay: null, expiresAfterDays: null };
  return campaigns.create(tx, { name, ...settings, steps }, actor, now);
}

/** Somebody who has the address already is not the sample's, and stays when it goes. */
async function samplePerson(
  tx: Tx,
  position: number,
  input: (typeof SAMPLE_PEOPLE)[number] & { source: string },
  actor: By,
  neighbours: people.Neighbours,
  now: Temporal.Instant,
): Promise<Made> {
  const known = (await itemsOf(tx, "person")).find((one) => one.position === position);
  if (known) return { id: known.id, name: known.name };
  const address = parseAddress(input.email);
  const there = "key" in address ? await people.findByKey(tx, address.key) : undefined;
  if (there) return { id: there.id, name: there.fullName };
  const make = async () => {
    const { id, fullName } = await people.create(tx, "lead", input, actor, neighbours, now);
    return { id, name: fullName };
  };
  return item(tx, "person", position, make, now);
}

/** Without any sender nobody could try the sample: the caller becomes one. */
async function senderIfNone(tx: Tx, actor: By, now: Temporal.Instant): Promise<Made | null> {
  const [known] = await itemsOf(tx, "sender");
  if (known) return { id: known.id, name: known.name };
  if ((await senders.list(tx, { limit: 1 })).length > 0) return null;
  const user =
    actor.userId === null
      ? undefined
      : await tx.selectFrom("users").select(["id", "name", "email"]).where("id", "=", actor.userId).executeTakeFirst();
  const { name: workspaceName } = await workspace(tx);
  const input = user
    ? { userId: user.id, name: user.name, email: user.email }
    : { userId: null, name: workspaceName, email: "hello@example.com" };
  const make = async () => {
    const { id, name } = await senders.create(tx, input, actor, now);
    return { id, name };
  };
  return item(tx, "sender", 0, make, now);
}

/** How many names are tried before one is taken as it is, and refused. */
const MOST_NAMES = 100;

async function freeName(wanted: string, isTaken: (name: string) => Promise<boolean>): Promise<string> {
  for (let count = 1; count <= MOST_NAMES; count++) {
    const name = count === 1 ? wanted : `${wanted} (${count})`;
    if (!(await isTaken(name))) return name;
  }
  return wanted;
}

/** Members somebody added; who had a sample address before the sample came is none of them. */
async function othersIn(db: Db, groupId: number, sample: readonly number[]): Promise<number> {
  const { count } = await db
    .selectFrom("emailGroupMembers")
    .innerJoin("people", "people.id", "emailGroupMembers.personId")
    .select((select) => select.fn.countAll<number>().as("count"))
    .where("emailGroupId", "=", groupId)
    .where("personId", "<>", sql<number>`all(${[...sample]}::bigint[])`)
    .where(sql<boolean>`coalesce(people.email_key, '') <> all(${SAMPLE_PEOPLE.map(({ email }) => email)}::text[])`)
    .executeTakeFirstOrThrow();
  return count;
}
