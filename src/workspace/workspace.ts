/** The workspace: reads and changes the one row of settings. What follows for schedules is handed in. */
import type { z } from "zod";
import { workspace as read } from "../accounts/accounts.ts";
import { difference, recordChange } from "../accounts/audit.ts";
import { sql } from "kysely";
import { refuse } from "../core/problem.ts";
import { localDay } from "../core/schedule.ts";
import { type FrequencyCap, neverOpens, type OwnHoliday, type QuietText, type WindowText } from "../core/timing.ts";
import { inTransaction, type Db, type Tx } from "../db/database.ts";
import { refuseIfChanged } from "../http/etag.ts";
import { hasHolidays } from "./holidays.ts";
import type { workspaceEdit } from "./api.ts";

export type WorkspaceEdit = z.output<typeof workspaceEdit>;

export { workspace as get } from "../accounts/accounts.ts";

/** Fills the workspace in for the first time. */
export async function setUp(
  tx: Tx,
  {
    name,
    timeZone,
    language,
    postalAddress,
  }: { name: string; timeZone: string; language: string; postalAddress?: string },
  actor: { readonly name: string },
  now: Temporal.Instant,
): Promise<void> {
  const after = { name, timeZone, language, postalAddress: postalAddress || null };
  await tx
    .updateTable("workspace")
    .set({ ...after, setUpAt: now, changedAt: now })
    .execute();
  await recordChange(tx, { actor, action: "set-up", subjectType: "workspace", subjectId: 1, after }, now);
}

/** What the modules above do when the calendar everybody falls back on changed: schedule anew, in the same transaction. */
export type AfterCalendarChange = (tx: Tx, now: Temporal.Instant) => Promise<void>;

/** Changes what is given and leaves the rest. */
export async function update(
  db: Db,
  { timeOfDay, brand, ownHolidays, quietHours, frequencyCap, ...edit }: WorkspaceEdit,
  actor: { readonly name: string },
  unchangedSince: Temporal.Instant | null,
  afterCalendarChange: AfterCalendarChange,
  now: Temporal.Instant,
) {
  return inTransaction(db, async (tx) => {
    await tx.selectFrom("workspace").select("id").forUpdate().execute();
    const found = await read(tx);
    if (found.changedAt) refuseIfChanged(unchangedSince, found.changedAt);
    const wanted = { ...edit, ...(timeOfDay ? { timeOfDay: Temporal.PlainTime.from(timeOfDay) } : {}) };
    const documents = given({ ownHolidays: ownHolidays?.map(inOneOrder), quietHours, frequencyCap, brand });
    const kept = { ...found, ownHolidays: found.ownHolidays.map(inOneOrder) };
    const changes = difference<object>(alike(kept), alike({ ...wanted, ...documents }));
    if (!changes) return found;
    if (edit.country && !(await hasHolidays(edit.country, localDay(now, found.timeZone).year)))
      refuse("country-not-known", `The public holidays of ${edit.country} are not known.`, "/country");
    if (quietHours) await refuseSilence(tx, quietHours);
    const json = Object.entries(documents).map(([name, value]) => [
      name,
      value === null ? null : JSON.stringify(value),
    ]);
    await tx
      .updateTable("workspace")
      .set({ ...wanted, ...Object.fromEntries(json), changedAt: now })
      .execute();
    await recordChange(tx, { actor, action: "update", subjectType: "workspace", subjectId: 1, ...changes }, now);
    if (CALENDAR.some((name) => name in changes.after)) await afterCalendarChange(tx, now);
    return read(tx);
  });
}

/** What schedules follow from. */
const CALENDAR = ["timeZone", "timeOfDay", "expiresAfterDays", "country", "ownHolidays", "quietHours", "frequencyCap"];

const given = <Values extends object>(values: Values) =>
  Object.fromEntries(Object.entries(values).filter(([, value]) => value !== undefined)) as Partial<Values>;

const inOneOrder = ({ on, name, yearly }: OwnHoliday): OwnHoliday => ({ on, name, yearly });

/** The same keys in the same order, so that saving what is there already is no change. */
function alike<Row extends { quietHours?: QuietText | null; frequencyCap?: FrequencyCap | null }>(row: Row): Row {
  const { quietHours, frequencyCap } = row;
  return {
    ...row,
    ...(quietHours ? { quietHours: { from: quietHours.from, to: quietHours.to } } : {}),
    ...(frequencyCap ? { frequencyCap: { mails: frequencyCap.mails, days: frequencyCap.days } } : {}),
  };
}

/** Quiet hours that cover a whole sending window would leave its Campaign without a moment to send. */
async function refuseSilence(tx: Tx, quietHours: QuietText): Promise<void> {
  const { rows } = await sql<{ name: string; window: WindowText }>`
    select name, timing -> 'window' as window from campaigns where jsonb_typeof(timing -> 'window') = 'object'
    union all
    select campaigns.name, steps.timing -> 'window' from steps join campaigns on campaigns.id = steps.campaign_id
    where steps.removed_at is null and jsonb_typeof(steps.timing -> 'window') = 'object'`.execute(tx);
  for (const { name, window } of rows)
    if (neverOpens(window, quietHours))
      refuse(
        "window-never-opens",
        `These quiet hours cover the whole sending window ${window.from} to ${window.to} of the Campaign “${name}”.`,
        "/quietHours",
      );
}
