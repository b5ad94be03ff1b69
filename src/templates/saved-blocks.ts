/** Blocks kept under a name, to be put into other mails as a copy: changing one changes no mail. */
import type { z } from "zod";
import { difference, recordChange } from "../accounts/audit.ts";
import { refuse } from "../core/problem.ts";
import { brokenConstraint, type Db, inTransaction } from "../db/database.ts";
import type { savedBlocks } from "./api.ts";

type Input = z.output<typeof savedBlocks.create.body>;
type Actor = { readonly name: string };

/** Each may be large, and all are shown at once. */
const MAX_SAVED = 200;
const COLUMNS = ["id", "name", "blocks", "createdBy", "createdAt", "changedAt"] as const;

export const list = (db: Db) =>
  db.selectFrom("savedBlocks").select(COLUMNS).orderBy("nameKey").limit(MAX_SAVED).execute() as Promise<Row[]>;

type Row = Omit<Input, "blocks"> & {
  id: number;
  blocks: Input["blocks"];
  createdBy: string | null;
  createdAt: Temporal.Instant;
  changedAt: Temporal.Instant;
};

export function create(db: Db, { name, blocks }: Input, actor: Actor, now: Temporal.Instant): Promise<Row> {
  return inTransaction(db, async (tx) => {
    const { count } = await tx
      .selectFrom("savedBlocks")
      .select((select) => select.fn.countAll<number>().as("count"))
      .executeTakeFirstOrThrow();
    if (count >= MAX_SAVED) refuse("too-many-saved-blocks", `There can be ${MAX_SAVED} saved blocks at most.`);
    const row = await refusing(() =>
      tx
        .insertInto("savedBlocks")
        .values({ name, blocks: JSON.stringify(blocks), createdBy: actor.name, createdAt: now, changedAt: now })
        .returning(COLUMNS)
        .executeTakeFirstOrThrow(),
    );
    await recordChange(
      tx,
      { actor, action: "create", subjectType: "saved-block", subjectId: row.id, after: { name } },
      now,
    );
    return row as Row;
  });
}

export function update(db: Db, id: number, edit: Partial<Input>, actor: Actor, now: Temporal.Instant): Promise<Row> {
  return inTransaction(db, async (tx) => {
    const found = await tx
      .selectFrom("savedBlocks")
      .select(COLUMNS)
      .where("id", "=", id)
      .forUpdate()
      .executeTakeFirst();
    if (!found) return notFound(id);
    const changes = difference<{ name: string; blocks: unknown }>(found, edit);
    if (!changes) return found as Row;
    const row = await refusing(() =>
      tx
        .updateTable("savedBlocks")
        .set({
          ...(edit.name === undefined ? {} : { name: edit.name }),
          ...(edit.blocks ? { blocks: JSON.stringify(edit.blocks) } : {}),
          changedAt: now,
        })
        .where("id", "=", id)
        .returning(COLUMNS)
        .executeTakeFirstOrThrow(),
    );
    await recordChange(
      tx,
      { actor, action: "update", subjectType: "saved-block", subjectId: id, after: { name: row.name } },
      now,
    );
    return row as Row;
  });
}

export function remove(db: Db, id: number, actor: Actor, now: Temporal.Instant): Promise<void> {
  return inTransaction(db, async (tx) => {
    const gone = await tx.deleteFrom("savedBlocks").where("id", "=", id).returning("name").executeTakeFirst();
    if (!gone) notFound(id);
    await recordChange(tx, { actor, action: "delete", subjectType: "saved-block", subjectId: id, before: gone }, now);
  });
}

async function refusing<Result>(write: () => Promise<Result>): Promise<Result> {
  try {
    return await write();
  } catch (error) {
    if (brokenConstraint(error) === "saved_blocks_name_unique")
      return refuse("saved-block-exists", "There is a saved block with this name already.", "/name");
    throw error;
  }
}

const notFound = (id: number): never => refuse("saved-block-not-found", `There is no saved block ${id}.`);
