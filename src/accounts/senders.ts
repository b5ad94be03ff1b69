/** Senders: the name and address mails come from. Sends nothing itself. */
import { sql } from "kysely";
import type { z } from "zod";
import { refuse } from "../core/problem.ts";
import { brokenConstraint, inTransaction, type Db, type Tx } from "../db/database.ts";
import { refuseIfChanged } from "../http/etag.ts";
import { positionOf } from "../http/paging.ts";
import type { Actor } from "../http/serve.ts";
import { addressOf } from "./addresses.ts";
import type { senders as api } from "./api.ts";
import { difference, recordChange } from "./audit.ts";

export type NewSender = z.output<typeof api.create.body>;
export type SenderEdit = z.output<typeof api.update.body>;
export type Sender = Awaited<ReturnType<typeof get>>;

/** Other accounts, in their order. */
const furtherAccounts = sql<{ emailAccountId: number; weight: number }[]>`(
  select coalesce(jsonb_agg(jsonb_build_object('emailAccountId', email_account_id, 'weight', weight) order by position), '[]')
  from sender_email_accounts where sender_id = senders.id)`.as("furtherAccounts");

const COLUMNS = [
  "id",
  "userId",
  "name",
  "email",
  "replyTo",
  "signatureHtml",
  "signatureText",
  "emailAccountId",
  furtherAccounts,
  "accountChoice",
  "accountWeight",
  "disabledAt",
  "createdAt",
  "changedAt",
] as const;

export async function create(db: Db, input: NewSender, actor: Pick<Actor, "name">, now: Temporal.Instant) {
  return inTransaction(db, async (tx) => {
    const { furtherAccounts: further = [], ...fields } = input;
    const values = {
      ...fields,
      ...addressOf(input.email, "/email"),
      replyTo: replyToOf(input),
      createdAt: now,
      changedAt: now,
    };
    const { id } = await refusing(() =>
      tx.insertInto("senders").values(values).returning("id").executeTakeFirstOrThrow(),
    );
    await setFurther(tx, id, further, input.emailAccountId ?? null);
    const made = await get(tx, id);
    await recordChange(tx, { actor, action: "create", subjectType: "sender", subjectId: made.id, after: made }, now);
    return made;
  });
}

export async function update(
  db: Db,
  id: number,
  { disabled, furtherAccounts: further, ...edit }: SenderEdit,
  actor: Pick<Actor, "name">,
  unchangedSince: Temporal.Instant | null,
  now: Temporal.Instant,
) {
  return inTransaction(db, async (tx) => {
    const found = await lock(tx, id);
    refuseIfChanged(unchangedSince, found.changedAt);
    const wanted = {
      ...edit,
      ...(edit.email === undefined ? {} : addressOf(edit.email, "/email")),
      ...(edit.replyTo === undefined ? {} : { replyTo: replyToOf(edit) }),
      ...(disabled === undefined ? {} : { disabledAt: disabled ? (found.disabledAt ?? now) : null }),
    };
    const { emailKey: _key, ...shown } = { emailKey: "", ...wanted };
    const changes = difference(found, further === undefined ? shown : { ...shown, furtherAccounts: further });
    if (!changes) return found;
    await refusing(() =>
      tx
        .updateTable("senders")
        .set({ ...wanted, changedAt: now })
        .where("id", "=", id)
        .execute(),
    );
    const first = edit.emailAccountId === undefined ? found.emailAccountId : edit.emailAccountId;
    await setFurther(tx, id, further ?? found.furtherAccounts, first);
    const saved = await get(tx, id);
    await recordChange(tx, { actor, action: "update", subjectType: "sender", subjectId: id, ...changes }, now);
    return saved;
  });
}

/** Deletes a sender that no Email Campaign names; one that sent something is disabled instead. */
export async function remove(db: Db, id: number, actor: Pick<Actor, "name">, now: Temporal.Instant): Promise<void> {
  await inTransaction(db, async (tx) => {
    const found = await lock(tx, id);
    await refusing(() => tx.deleteFrom("senders").where("id", "=", id).execute());
    await recordChange(tx, { actor, action: "delete", subjectType: "sender", subjectId: id, before: found }, now);
  });
}

export async function get(db: Db, id: number) {
  return (await find(db, id)) ?? refuse("sender-not-found", `There is no sender ${id}.`);
}

export function find(db: Db, id: number) {
  return db.selectFrom("senders").select(COLUMNS).where("id", "=", id).executeTakeFirst();
}

/** The sender with this address, whatever its case. */
export function findByEmail(db: Db, email: string) {
  return db
    .selectFrom("senders")
    .select(COLUMNS)
    .where("emailKey", "=", addressOf(email, "/email").emailKey)
    .executeTakeFirst();
}

export function list(db: Db, { limit, cursor, userId }: { limit: number; cursor?: string; userId?: number }) {
  let query = db
    .selectFrom("senders")
    .select(COLUMNS)
    .orderBy("id")
    .limit(limit + 1);
  if (cursor) query = query.where("id", ">", positionOf(cursor).id);
  if (userId) query = query.where("userId", "=", userId);
  return query.execute();
}

/** Each account once: the first one stands in the sender itself. */
async function setFurther(
  tx: Tx,
  senderId: number,
  further: Sender["furtherAccounts"],
  first: number | null,
): Promise<void> {
  const ids = [...further.map(({ emailAccountId }) => emailAccountId), ...(first === null ? [] : [first])];
  if (new Set(ids).size < ids.length)
    refuse(
      "input-invalid",
      "An account is named twice. Each counts once; its weight says how much.",
      "/furtherAccounts",
    );
  await tx.deleteFrom("senderEmailAccounts").where("senderId", "=", senderId).execute();
  if (further.length === 0) return;
  const rows = further.map((one, index) => ({ ...one, senderId, position: index + 1 }));
  await refusing(() => tx.insertInto("senderEmailAccounts").values(rows).execute());
}

async function lock(tx: Tx, id: number) {
  const found = await tx.selectFrom("senders").select(COLUMNS).where("id", "=", id).forUpdate().executeTakeFirst();
  return found ?? refuse("sender-not-found", `There is no sender ${id}.`);
}

function replyToOf({ replyTo }: { replyTo?: string | null }): string | null {
  return replyTo ? addressOf(replyTo, "/replyTo").email : null;
}

/** Says in words which promise of the schema a write would have broken. */
async function refusing<Result>(write: () => Promise<Result>): Promise<Result> {
  try {
    return await write();
  } catch (error) {
    switch (brokenConstraint(error)) {
      case "senders_email_unique":
        return refuse("sender-exists", "There is a sender with this address already.", "/email");
      case "senders_user_id_fkey":
        return refuse("user-not-found", "There is no such user.", "/userId");
      case "senders_email_account_id_fkey":
        return refuse("email-account-not-found", "There is no such email account.", "/emailAccountId");
      case "sender_email_accounts_email_account_id_fkey":
        return refuse("email-account-not-found", "There is no such email account.", "/furtherAccounts");
      case "email_campaigns_sender_id_fkey":
        return refuse("sender-in-use", "Email Campaigns name this sender. Disable it instead.");
      default:
        throw error;
    }
  }
}
