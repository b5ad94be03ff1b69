/** The workspace: reads and changes the one row of settings. What follows for schedules is handed in. */
import type { z } from "zod";
import { workspace as read } from "../accounts/accounts.ts";
import { difference, recordChange } from "../accounts/audit.ts";
import { inTransaction, type Db, type Tx } from "../db/database.ts";
import { refuseIfChanged } from "../http/etag.ts";
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
  { timeOfDay, brand, ...edit }: WorkspaceEdit,
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
    const changes = difference(found, { ...wanted, ...(brand === undefined ? {} : { brand }) });
    if (!changes) return found;
    await tx
      .updateTable("workspace")
      .set({ ...wanted, ...(brand === undefined ? {} : { brand: brand && JSON.stringify(brand) }), changedAt: now })
      .execute();
    await recordChange(tx, { actor, action: "update", subjectType: "workspace", subjectId: 1, ...changes }, now);
    const { timeZone, timeOfDay: time, expiresAfterDays } = changes.after;
    if (timeZone !== undefined || time !== undefined || expiresAfterDays !== undefined)
      await afterCalendarChange(tx, now);
    return read(tx);
  });
}
