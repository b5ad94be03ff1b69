/** Received mails as they are shown: who wrote, what it was, what is kept of it. Changes nothing. */
import { type SelectQueryBuilder, sql } from "kysely";
import type { z } from "zod";
import { readMail } from "../core/inbound/mail.ts";
import { refuse } from "../core/problem.ts";
import type { Db } from "../db/database.ts";
import type { Tables } from "../db/tables.ts";
import { positionOf } from "../http/paging.ts";
import type { receivedMails as api } from "./api.ts";

type Filter = z.output<typeof api.list.query>;

/** The fields of a mail stand at its beginning. */
const HEAD_BYTES = 16_384;

const columns = <Output>(query: SelectQueryBuilder<Tables, "receivedMails", Output>) =>
  query.select([
    "id",
    "way",
    "emailAccountId",
    "folder",
    "state",
    "kind",
    "verdict",
    "personId",
    "emailCampaignId",
    "messageId",
    "attempts",
    "error",
    "receivedAt",
    "handledAt",
    sql<Buffer | null>`substring(raw from 1 for ${HEAD_BYTES})`.as("head"),
  ]);

type Row = Awaited<ReturnType<ReturnType<typeof columns>["executeTakeFirstOrThrow"]>>;

/** Newest first, one more than asked for. */
export async function list(db: Db, { limit, cursor, ...filter }: Filter) {
  let query = columns(db.selectFrom("receivedMails"))
    .orderBy("id", "desc")
    .limit(limit + 1);
  if (cursor) query = query.where("id", "<", positionOf(cursor).id);
  for (const key of ["state", "kind", "personId", "emailCampaignId", "messageId"] as const) {
    const value = filter[key];
    if (value !== undefined) query = query.where(key, "=", value);
  }
  return Promise.all((await query.execute()).map(shown));
}

export async function get(db: Db, id: number) {
  const row = await columns(db.selectFrom("receivedMails")).where("id", "=", id).executeTakeFirst();
  return row ? shown(row) : refuse("received-mail-not-found", `There is no received mail ${id}.`);
}

/** The bytes as they came; refuses where none are kept. */
export async function sourceOf(db: Db, id: number): Promise<Buffer> {
  const row = await db.selectFrom("receivedMails").select("raw").where("id", "=", id).executeTakeFirst();
  if (!row) return refuse("received-mail-not-found", `There is no received mail ${id}.`);
  return row.raw ?? refuse("received-mail-not-found", "The bytes of this mail are not kept.");
}

async function shown({ head, verdict, ...row }: Row) {
  const mail = head ? await readMail(head) : null;
  return {
    ...row,
    verdicts: (verdict ?? []).map((one) => ({ ...one })),
    from: mail?.from?.address ?? null,
    subject: mail ? mail.subject.slice(0, 500) : null,
    hasSource: head !== null,
  };
}
