/** The SQL of images; writes only that table. */
import type { Insertable } from "kysely";
import type { Db, Tx } from "../db/database.ts";
import { containing } from "../db/like.ts";
import type { Tables } from "../db/tables.ts";
import { positionOf } from "../http/paging.ts";

const COLUMNS = [
  "id",
  "name",
  "alt",
  "hash",
  "extension",
  "width",
  "height",
  "sizeBytes",
  "createdBy",
  "createdAt",
  "changedAt",
] as const;

export function list(db: Db, { limit, cursor, q }: { limit: number; cursor?: string; q?: string }) {
  let query = db
    .selectFrom("images")
    .select(COLUMNS)
    .orderBy("id", "desc")
    .limit(limit + 1);
  if (cursor) query = query.where("id", "<", positionOf(cursor).id);
  if (q)
    query = query.where((where) =>
      where.or([where("name", "ilike", containing(q)), where("alt", "ilike", containing(q))]),
    );
  return query.execute();
}

export const find = (db: Db, id: number) =>
  db.selectFrom("images").select(COLUMNS).where("id", "=", id).executeTakeFirst();

export const lock = (tx: Tx, id: number) =>
  tx.selectFrom("images").select(COLUMNS).where("id", "=", id).forUpdate().executeTakeFirst();

export const findByHash = (db: Db, hash: string) =>
  db.selectFrom("images").select(COLUMNS).where("hash", "=", hash).executeTakeFirst();

/** Undefined when the same picture was added meanwhile. */
export const insert = (tx: Tx, image: Insertable<Tables["images"]>) =>
  tx
    .insertInto("images")
    .values(image)
    .onConflict((conflict) => conflict.column("hash").doNothing())
    .returning(COLUMNS)
    .executeTakeFirst();

export const update = (tx: Tx, id: number, edit: { name?: string; alt?: string }, now: Temporal.Instant) =>
  tx
    .updateTable("images")
    .set({ ...edit, changedAt: now })
    .where("id", "=", id)
    .returning(COLUMNS)
    .executeTakeFirstOrThrow();

export const remove = (tx: Tx, id: number) => tx.deleteFrom("images").where("id", "=", id).execute();

export const isKnown = async (db: Db, hash: string, extension: string) =>
  (await db
    .selectFrom("images")
    .select("id")
    .where("hash", ">=", hash)
    .where("hash", "<", `${hash}g`)
    .where("extension", "=", extension as "png")
    .executeTakeFirst()) !== undefined;
