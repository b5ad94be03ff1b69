/** The SQL of sending domains and their keys. Decides nothing. */
import { sql } from "kysely";
import type { Db, Tx } from "../db/database.ts";
import type { DomainCheck } from "../db/tables.ts";
import { positionOf } from "../http/paging.ts";
import type { NewKey } from "./keys.ts";

const DOMAIN = ["id", "domain", "mode", "checkedAt", "checks", "createdAt", "changedAt"] as const;
const KEY = ["id", "selector", "algorithm", "state", "publicKey", "publishedAt", "createdAt"] as const;

export type Key = Awaited<ReturnType<typeof keysOf>>[number];
export type Domain = NonNullable<Awaited<ReturnType<typeof find>>>;

export async function find(db: Db, id: number) {
  const found = await db.selectFrom("sendingDomains").select(DOMAIN).where("id", "=", id).executeTakeFirst();
  return found && { ...found, keys: await keysOf(db, id) };
}

/** One row more than asked for, each with its keys. */
export async function list(db: Db, { limit, cursor }: { limit: number; cursor?: string }): Promise<Domain[]> {
  let query = db
    .selectFrom("sendingDomains")
    .select(DOMAIN)
    .orderBy("id")
    .limit(limit + 1);
  if (cursor) query = query.where("id", ">", positionOf(cursor).id);
  const domains = await query.execute();
  return Promise.all(domains.map(async (domain) => ({ ...domain, keys: await keysOf(db, domain.id) })));
}

export async function lock(tx: Tx, id: number): Promise<Domain | undefined> {
  await tx.selectFrom("sendingDomains").select("id").where("id", "=", id).forUpdate().execute();
  return find(tx, id);
}

export async function insert(
  tx: Tx,
  { domain, mode }: Pick<Domain, "domain" | "mode">,
  now: Temporal.Instant,
): Promise<number> {
  const { id } = await tx
    .insertInto("sendingDomains")
    .values({ domain, mode, checkedAt: null, createdAt: now, changedAt: now })
    .returning("id")
    .executeTakeFirstOrThrow();
  return id;
}

export async function insertKey(
  tx: Tx,
  key: Omit<NewKey, "privateKey"> & {
    sendingDomainId: number;
    selector: string;
    state: Key["state"];
    privateKeyEncrypted: string;
  },
  now: Temporal.Instant,
): Promise<void> {
  await tx
    .insertInto("sendingDomainKeys")
    .values({ ...key, publishedAt: null, createdAt: now, changedAt: now })
    .execute();
}

/** Any change of the keys is one of the domain. */
export async function touch(
  tx: Tx,
  id: number,
  change: Partial<Pick<Domain, "mode">>,
  now: Temporal.Instant,
): Promise<void> {
  await tx
    .updateTable("sendingDomains")
    .set({ ...change, changedAt: now })
    .where("id", "=", id)
    .execute();
}

/** This key signs from now on; the one of its kind that did is retired. */
export async function signWith(tx: Tx, { id, algorithm }: Key, domainId: number, now: Temporal.Instant): Promise<void> {
  await tx
    .updateTable("sendingDomainKeys")
    .set({ state: "retired", changedAt: now })
    .where("sendingDomainId", "=", domainId)
    .where("algorithm", "=", algorithm)
    .where("state", "=", "signing")
    .where("id", "<>", id)
    .execute();
  await tx.updateTable("sendingDomainKeys").set({ state: "signing", changedAt: now }).where("id", "=", id).execute();
}

/** What a check found. It is no edit: `changedAt` stays. */
export async function keepChecks(
  tx: Tx,
  id: number,
  { checks, published }: { checks: readonly DomainCheck[]; published: readonly number[] },
  now: Temporal.Instant,
): Promise<void> {
  await tx
    .updateTable("sendingDomains")
    .set({ checks: JSON.stringify(checks), checkedAt: now })
    .where("id", "=", id)
    .execute();
  await sql`
    update sending_domain_keys
    set published_at = case when id = any(${[...published]}::bigint[]) then coalesce(published_at, ${now}::timestamptz) end
    where sending_domain_id = ${id}`.execute(tx);
}

export async function remove(tx: Tx, id: number): Promise<void> {
  await tx.deleteFrom("sendingDomains").where("id", "=", id).execute();
}

export async function removeKey(tx: Tx, id: number): Promise<void> {
  await tx.deleteFrom("sendingDomainKeys").where("id", "=", id).execute();
}

export type SigningKey = Pick<Key, "id" | "selector" | "algorithm" | "publicKey"> & {
  readonly privateKeyEncrypted: string;
};
export type Signing = Pick<Domain, "domain" | "mode"> & { readonly keys: readonly SigningKey[] };

/** What signs for which domain, by domain. */
export async function signing(db: Db): Promise<ReadonlyMap<string, Signing>> {
  const [domains, keys] = await Promise.all([
    db.selectFrom("sendingDomains").select(["id", "domain", "mode"]).execute(),
    db
      .selectFrom("sendingDomainKeys")
      .select(["id", "sendingDomainId", "selector", "algorithm", "publicKey", "privateKeyEncrypted"])
      .where("state", "=", "signing")
      // RSA before ed25519 would do as well; the order must only be one.
      .orderBy("algorithm")
      .execute(),
  ]);
  return new Map(
    domains.map(({ id, domain, mode }) => [
      domain,
      { domain, mode, keys: keys.filter(({ sendingDomainId }) => sendingDomainId === id) },
    ]),
  );
}

/** From which addresses of a domain mail leaves, by which server: senders that are in use, and accounts of their own. */
export async function uses(db: Db, domain: string) {
  const { rows } = await sql<{ from: string; returnPath: string; host: string | null; accountId: number | null }>`
    with origins as (
      select senders.email as from_address, account.email as account_email, account.smtp_host as host, account.id
      from senders left join email_accounts as account on account.id =
        coalesce(senders.email_account_id, (select id from email_accounts where is_default))
      where senders.disabled_at is null and not coalesce(account.force_address and account.email is not null, false)
      union
      select email, email, smtp_host, id from email_accounts where email is not null
    )
    select from_address as "from", coalesce(account_email, from_address) as return_path, host, id as account_id
    from origins
    where lower(split_part(from_address, '@', -1)) = ${domain}
      or right(lower(from_address), ${domain.length + 1}) = ${`.${domain}`}
    order by id, from_address
    limit ${MOST_USES}`.execute(db);
  return rows;
}

/** A check looks at so many addresses. */
const MOST_USES = 20;

function keysOf(db: Db, sendingDomainId: number) {
  return db
    .selectFrom("sendingDomainKeys")
    .select(KEY)
    .where("sendingDomainId", "=", sendingDomainId)
    .orderBy("id")
    .execute();
}
