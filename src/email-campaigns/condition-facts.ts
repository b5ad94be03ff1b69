/** Loads what conditions ask of people: by set, and only what they name. Evaluates nothing. */
import { sql } from "kysely";
import { type Condition, type FieldValue, type Known, needsOf, NOTHING_KNOWN, OWN_FIELDS } from "../core/conditions.ts";
import type { Db } from "../db/database.ts";
import type { EmailCampaignStatus } from "../db/tables.ts";

/** An Email Campaign and the conditions that ask about it. */
export type Asking = {
  readonly id: number;
  readonly personId: number;
  readonly conditions: readonly Condition[];
};

type KnownOfOne = Omit<Known, "lastStepId">;

/**
 * What is known for each, by id: a statement for each kind of fact, however many there are. Who is asked nothing is left
 * out and costs nothing.
 */
export async function knownFor(db: Db, asking: readonly Asking[]): Promise<ReadonlyMap<number, KnownOfOne>> {
  const asked = asking.filter(({ conditions }) => conditions.length > 0);
  if (asked.length === 0) return NOBODY;
  const needs = needsOf([...new Set(asked.flatMap(({ conditions }) => conditions))]);
  const ids = asked.map(({ id }) => id);
  const people = [...new Set(asked.map(({ personId }) => personId))];
  const fields = needs.fields.length > 0 ? await fieldsOf(db, people, needs.fields) : NOBODY;
  const groups = needs.groups.length > 0 ? await groupsOf(db, people, needs.groups) : NOBODY;
  const replied = needs.replied ? await repliedAmong(db, ids) : NOBODY;
  const engagements = needs.engagements ? await engagementsOf(db, ids) : NOBODY;
  const events = needs.events.length > 0 ? await eventsOf(db, ids, needs.events) : NOBODY;
  const campaigns = needs.campaigns.length > 0 ? await campaignsOf(db, people, needs.campaigns) : NOBODY;
  return new Map(
    asked.map(({ id, personId }) => [
      id,
      {
        fields: fields.get(personId) ?? NOTHING_KNOWN.fields,
        groups: groups.get(personId) ?? NOTHING_KNOWN.groups,
        replied: replied.has(id),
        engagements: engagements.get(id) ?? NOTHING_KNOWN.engagements,
        campaigns: campaigns.get(personId) ?? NOTHING_KNOWN.campaigns,
        events: events.get(id) ?? NOTHING_KNOWN.events,
      },
    ]),
  );
}

const NOBODY: ReadonlyMap<number, never> = new Map<number, never>();
const OWN: ReadonlySet<string> = new Set(OWN_FIELDS);

async function fieldsOf(db: Db, personIds: readonly number[], names: readonly string[]) {
  const own = names.filter((name) => OWN.has(name));
  const columns = own.map((name) => sql`${sql.lit(name)}, ${sql.ref(`people.${name}`)}`);
  const { rows } = await sql<{ id: number; own: Record<string, FieldValue>; held: Record<string, FieldValue> | null }>`
    select id, jsonb_build_object(${columns.length > 0 ? sql.join(columns) : sql``}) as own, (
      select jsonb_object_agg(key, value) from jsonb_each(attributes) where key = any(${[...names]}::text[])) as held
    from people where id = any(${[...personIds]}::bigint[])`.execute(db);
  // A declared field cannot take the name of a person's own.
  return new Map(rows.map(({ id, own: ofPerson, held }) => [id, { ...held, ...ofPerson }]));
}

async function groupsOf(db: Db, personIds: readonly number[], groupIds: readonly number[]) {
  const { rows } = await sql<{ personId: number; groups: number[] }>`
    select person_id, array_agg(email_group_id) as groups from email_group_members
    where person_id = any(${[...personIds]}::bigint[]) and email_group_id = any(${[...groupIds]}::bigint[])
      and unsubscribed_at is null
    group by person_id`.execute(db);
  return new Map(rows.map(({ personId, groups }) => [personId, groups.map(Number)]));
}

/** SQL over `email_campaigns`: the person has answered since it began, whichever mail of whomever they answered. */
export const hasReplied = sql<boolean>`exists (
  select from timeline_entries as entry
  where entry.person_id = email_campaigns.person_id and entry.kind = 'reply' and entry.at >= email_campaigns.created_at)`;

async function repliedAmong(db: Db, ids: readonly number[]) {
  const { rows } = await sql<{ id: number }>`
    select id from email_campaigns where id = any(${[...ids]}::bigint[]) and ${hasReplied}`.execute(db);
  return new Map(rows.map(({ id }) => [id, true]));
}

async function engagementsOf(db: Db, ids: readonly number[]) {
  const { rows } = await sql<{
    emailCampaignId: number;
    kind: "opened" | "clicked";
    stepId: number;
    link: string | null;
  }>`
    select email_campaign_id, kind, step_id, link from engagements
    where email_campaign_id = any(${[...ids]}::bigint[]) and not automatic and step_id is not null
    group by 1, 2, 3, 4`.execute(db);
  return Map.groupBy(rows, ({ emailCampaignId }) => emailCampaignId);
}

async function eventsOf(db: Db, ids: readonly number[], names: readonly string[]) {
  const { rows } = await sql<{ id: number; events: Known["events"] }>`
    select id, jsonb_object_agg(name, jsonb_build_object('ever', ever, 'sinceStart', since_start)) as events
    from (
      select email_campaigns.id, events.name, count(*) as ever,
        count(*) filter (where events.happened_at >= email_campaigns.created_at) as since_start
      from email_campaigns join events on events.person_id = email_campaigns.person_id
        and events.name = any(${[...names]}::text[])
      where email_campaigns.id = any(${[...ids]}::bigint[])
      group by 1, 2) as counted
    group by id`.execute(db);
  return new Map(rows.map(({ id, events }) => [id, events]));
}

async function campaignsOf(db: Db, personIds: readonly number[], campaignIds: readonly number[]) {
  const { rows } = await sql<{ personId: number; campaignId: number; status: EmailCampaignStatus }>`
    select distinct person_id, campaign_id, status from email_campaigns
    where person_id = any(${[...personIds]}::bigint[]) and campaign_id = any(${[...campaignIds]}::bigint[])`.execute(
    db,
  );
  const byPerson = new Map<number, Record<number, EmailCampaignStatus[]>>();
  for (const { personId, campaignId, status } of rows) {
    const known = byPerson.get(personId) ?? {};
    (known[campaignId] ??= []).push(status);
    byPerson.set(personId, known);
  }
  return byPerson;
}

/** A condition read from its JSON once, however many rows carry it. */
export function reader(): (text: string | null) => Condition | null {
  const known = new Map<string, Condition>();
  return (text) => {
    if (text === null) return null;
    const read = known.get(text) ?? (JSON.parse(text) as Condition);
    known.set(text, read);
    return read;
  };
}
