/** Front door: what stands on timelines. An email stands there by its message (decision 3); everything else is an entry. */
import type { Measuring } from "../core/person.ts";
import { refuse } from "../core/problem.ts";
import { type Db, inTransaction, type Tx } from "../db/database.ts";
import type { EntryKind } from "../db/tables.ts";
import { renderedSubject } from "../delivery/delivery.ts";
import type { Actor } from "../http/serve.ts";
import * as store from "./store.ts";

export type NewEntry = {
  readonly personId: number;
  readonly emailCampaignId?: number | null;
  readonly kind: EntryKind;
  /** One line, as it is shown. */
  readonly subject: string;
  readonly detail?: Record<string, unknown>;
};

/** Writes an entry, in the transaction of what it tells about. */
export function recordEntry(tx: Tx, entry: NewEntry, now: Temporal.Instant): Promise<number> {
  return store.insert(tx, entry, now);
}

/** Whether opens and clicks of a person are measured changed; `by` is null where they said so themselves. */
export async function recordMeasuring(
  tx: Tx,
  {
    personId,
    measuring,
    by,
    ...more
  }: { personId: number; measuring: Measuring; by: string | null } & Pick<NewEntry, "emailCampaignId">,
  now: Temporal.Instant,
): Promise<void> {
  const subject =
    measuring === "never"
      ? "Opens and clicks are never measured"
      : "Opens and clicks are measured as the Campaign says";
  await store.insert(tx, { personId, ...more, kind: "measuring", subject, detail: { measuring, by } }, now);
}

/** Opens and clicks: the first of each kind and link of a mail makes an entry, machines apart; the rest is counted. */
export function recordEngagements(tx: Tx, engaged: readonly store.Engaged[], now: Temporal.Instant): Promise<void> {
  return store.insertEngaged(tx, engaged, now);
}

/** Events: an entry each; what is known of it is read from the event, and goes with it. */
export function recordEvents(
  tx: Tx,
  events: Parameters<typeof store.insertEvents>[1],
  now: Temporal.Instant,
): Promise<void> {
  return store.insertEvents(tx, events, now);
}

/** A note by a colleague. */
export function writeNote(
  db: Db,
  note: { personId: number; emailCampaignId: number | null; subject: string; text: string },
  actor: Pick<Actor, "name">,
  now: Temporal.Instant,
) {
  return inTransaction(db, async (tx) => {
    const { personId, emailCampaignId, subject, text } = note;
    const person = await store.findPerson(tx, personId);
    if (!person) refuse("person-not-found", `There is no person ${personId}.`, "/personId");
    if (emailCampaignId !== null && !(await store.isOf(tx, emailCampaignId, personId)))
      refuse("email-campaign-not-found", `This person has no Email Campaign ${emailCampaignId}.`, "/emailCampaignId");
    const detail = { text, by: actor.name };
    const id = await recordEntry(tx, { personId, emailCampaignId, kind: "note", subject, detail }, now);
    return get(tx, `entry-${id}`);
  });
}

/** A page of the timeline, newest first. */
export async function list(db: Db, filter: store.Filter) {
  const { rows, nextCursor } = await store.list(db, filter);
  return { data: await Promise.all(rows.map((row) => shown(db, row))), nextCursor };
}

/** One communication by its id as the API writes it. */
export async function get(db: Db, id: string) {
  const [kind, number] = id.split("-");
  const row = kind === "message" ? await store.message(db, Number(number)) : await store.entry(db, Number(number));
  return row ? shown(db, row) : refuse("communication-not-found", `There is no communication ${id}.`);
}

/** The message behind a communication; refuses what is no email. */
export function messageOf(id: string): number {
  const [kind, number] = id.split("-");
  return kind === "message" ? Number(number) : refuse("communication-not-found", `${id} is no email and has no bytes.`);
}

/** Forgets what entries say of an erased person; that they happened stays (L4). */
export function forgetPerson(tx: Tx, personId: number): Promise<void> {
  return store.forgetPerson(tx, personId);
}

/** Gives one person's timeline to another. */
export function movePerson(tx: Tx, formerId: number, personId: number): Promise<void> {
  return store.movePerson(tx, formerId, personId);
}

/** The subject as the person read it, once the email has been composed; before that as the template has it. */
async function shown(db: Db, { contentVersionId, variables, ...row }: store.Row) {
  if (contentVersionId === null || variables === null) return row;
  return { ...row, subject: (await renderedSubject(db, contentVersionId, variables)) ?? row.subject };
}
