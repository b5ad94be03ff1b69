/** Says what publishing would do: totals, a list that can be filtered, and the same as a CSV. Leaves nothing changed. */
import { csvLine, guarded } from "../core/csv.ts";
import type { Prospect } from "../core/project.ts";
import type { Effect } from "../core/schedule-effects.ts";
import type { Db, Tx } from "../db/database.ts";
import { cursorOf, positionOf } from "../http/paging.ts";
import { type Change, compared, type MailEffect, type PersonEffect, undone } from "./compare.ts";
import { namesOf } from "./store.ts";

/** How one row of the new Schedule stands, over all. */
type Reach = { ahead: number; dueNow: number; tooLate: number; unmet: number; sent: number };
const nobody = (): Reach => ({ ahead: 0, dueNow: 0, tooLate: 0, unmet: 0, sent: 0 });

type Impact = {
  /** Running Email Campaigns, and Completed ones that would go on. */
  running: number;
  reopened: number;
  /** People who would have an email due at this moment, of which so many would not have one without the change. */
  dueNow: number;
  dueNowByChange: number;
  /** Mails by what becomes of them. */
  effects: Record<Effect, number>;
  steps: Reach[];
  removed: Map<number, Reach>;
  days: Map<string, { before: number; after: number }>;
};

/** How far ahead mails are counted by day. */
const MOST_DAYS = 120;

export const noImpact = (rows: number): Impact => ({
  running: 0,
  reopened: 0,
  dueNow: 0,
  dueNowByChange: 0,
  effects: {
    "due-now": 0,
    added: 0,
    moved: 0,
    "other-template": 0,
    removed: 0,
    "too-late": 0,
    unmet: 0,
    stopped: 0,
    unchanged: 0,
  },
  steps: Array.from({ length: rows }, nobody),
  removed: new Map(),
  days: new Map(),
});

/** Adds one person to the totals. */
export function add(impact: Impact, one: PersonEffect): void {
  if (one.status === "Completed") {
    if (one.mails.length === 0) return;
    impact.reopened += 1;
  } else impact.running += 1;
  let [due, dueByChange] = [false, false];
  for (const mail of one.mails) {
    impact.effects[mail.effect] += 1;
    if (mail.effect === "due-now") dueByChange = true;
    if (mail.row === null && mail.stepId !== null) countRemoved(impact, mail.stepId, mail.before);
    countDay(impact, mail.before, "before");
    if (mail.effect !== "stopped") countDay(impact, mail.after, "after");
  }
  one.rows.forEach((prospect, row) => {
    const evergreen = one.mails.some((mail) => mail.evergreen && mail.row === row);
    if (prospect) countReach(impact.steps[row]!, evergreen ? { ...prospect, outcome: "due-now" } : prospect);
    if (prospect?.outcome === "due-now" || evergreen) due = true;
  });
  if (one.status === "Paused") return;
  if (due) impact.dueNow += 1;
  if (dueByChange) impact.dueNowByChange += 1;
}

function countRemoved({ removed }: Impact, stepId: number, before: Prospect | null): void {
  const reach = removed.get(stepId) ?? nobody();
  removed.set(stepId, reach);
  if (before) countReach(reach, before);
}

function countReach(reach: Reach, { outcome }: Prospect): void {
  if (outcome === "ahead") reach.ahead += 1;
  else if (outcome === "due-now") reach.dueNow += 1;
  else if (outcome === "too-late") reach.tooLate += 1;
  else if (outcome === "unmet") reach.unmet += 1;
  else if (outcome === "behind" || outcome === "under-way") reach.sent += 1;
}

function countDay({ days }: Impact, prospect: Prospect | null, side: "before" | "after"): void {
  if (!prospect?.on) return;
  const day = days.get(prospect.on) ?? { before: 0, after: 0 };
  day[side] += 1;
  days.set(prospect.on, day);
}

/** As the API tells it. */
export function told(impact: Impact, change: Change, published: readonly { id: number; sendAfterDays: number }[]) {
  const { content } = change;
  const kept = new Set(content.steps.map(({ id }) => id));
  return {
    choice: change.choice,
    running: impact.running,
    lookedAt: impact.running,
    reopened: impact.reopened,
    dueNow: impact.dueNow,
    dueNowByChange: impact.dueNowByChange,
    effects: impact.effects,
    steps: impact.steps.map((reach, row) => ({ stepId: content.steps[row]?.id ?? null, ...reach })),
    removed: published
      .filter(({ id }) => !kept.has(id))
      .map(({ id, sendAfterDays }) => ({ stepId: id, sendAfterDays, ...(impact.removed.get(id) ?? nobody()) })),
    days: [...impact.days]
      .map(([day, counts]) => ({ day, ...counts }))
      .toSorted((one, other) => (one.day < other.day ? -1 : 1))
      .slice(0, MOST_DAYS),
  };
}

/** The totals of a change, of which nothing is left. */
export function impactOf(db: Db, change: Change, now: Temporal.Instant): Promise<Impact> {
  return undone(db, async (tx) => {
    const impact = noImpact(change.content.steps.length);
    for await (const some of compared(tx, change, now)) for (const one of some) add(impact, one);
    return impact;
  });
}

/** One mail of one person, in the list. */
type ImpactRow = {
  readonly id: number;
  readonly emailCampaignId: number;
  readonly number: string;
  readonly personId: number;
  readonly person: string;
  readonly email: string | null;
  readonly row: number | null;
  readonly stepId: number | null;
  readonly effect: Effect;
  readonly beforeAt: Temporal.Instant | null;
  readonly afterAt: Temporal.Instant | null;
  readonly reason: string | null;
};

type RowFilter = { readonly effect?: Effect | undefined; readonly row?: number | undefined };

/** A page of the list, in the order of the Email Campaigns. */
export function impactRows(
  db: Db,
  change: Change,
  { limit, cursor, ...filter }: RowFilter & { readonly limit: number; readonly cursor?: string | undefined },
  now: Temporal.Instant,
) {
  return undone(db, async (tx) => {
    const beyond = cursor ? positionOf(cursor).id : 0;
    const rows: ImpactRow[] = [];
    // Whole Email Campaigns, so that the id of the last one is where the next page begins.
    for await (const some of namedRows(tx, change, filter, now, beyond)) {
      for (const one of some) {
        if (rows.length >= limit) {
          const last = rows.at(-1)!.emailCampaignId;
          return { data: rows, nextCursor: cursorOf({ value: last, id: last }) };
        }
        rows.push(...one);
      }
    }
    return { data: rows, nextCursor: null };
  });
}

async function* namedRows(
  tx: Tx,
  change: Change,
  filter: RowFilter,
  now: Temporal.Instant,
  beyond: number,
): AsyncGenerator<readonly ImpactRow[][]> {
  for await (const some of compared(tx, change, now, beyond)) {
    const wanted = some.flatMap((one) => {
      const mails = one.mails.filter((mail) => isWanted(mail, filter));
      return mails.length > 0 ? [{ ...one, mails }] : [];
    });
    const names = await namesOf(tx, [...new Set(wanted.map(({ personId }) => personId))]);
    yield wanted.map(({ id, number, personId, mails }) =>
      mails.map((mail) => ({
        id,
        emailCampaignId: id,
        number,
        personId,
        person: names.get(personId)?.person ?? "",
        email: names.get(personId)?.email ?? null,
        row: mail.row,
        stepId: mail.stepId,
        effect: mail.effect,
        beforeAt: mail.before?.at ?? null,
        afterAt: mail.effect === "stopped" ? null : mail.evergreen ? now : (mail.after?.at ?? null),
        reason: mail.after?.reason ?? null,
      })),
    );
  }
}

const isWanted = (mail: MailEffect, { effect, row }: RowFilter) =>
  (effect === undefined || mail.effect === effect) && (row === undefined || mail.row === row);

/** The whole list as CSV, written while it is found. */
export async function impactCsv(
  db: Db,
  change: Change,
  filter: RowFilter,
  labels: { readonly of: (row: ImpactRow) => string },
  now: Temporal.Instant,
): Promise<string> {
  const lines = [csvLine(["Email Campaign", "Person", "Email", "Mail", "Effect", "Before", "After", "Reason"])];
  await undone(db, async (tx) => {
    for await (const some of namedRows(tx, change, filter, now, 0))
      for (const row of some.flat())
        lines.push(
          csvLine(
            [
              row.number,
              row.person,
              row.email ?? "",
              labels.of(row),
              row.effect,
              row.beforeAt?.toString() ?? "",
              row.afterAt?.toString() ?? "",
              row.reason ?? "",
            ].map(guarded),
          ),
        );
  });
  return lines.join("");
}
