/** How mail of an email account is fetched, and where its bounces are sent. Secrets go in, are kept encrypted, and come out for fetching alone. */
import type { Selectable } from "kysely";
import type { z } from "zod";
import { refuse } from "../core/problem.ts";
import { type Db, inTransaction } from "../db/database.ts";
import type { Tables } from "../db/tables.ts";
import { refuseIfChanged } from "../http/etag.ts";
import type { Seal } from "../http/idempotency.ts";
import type { Actor } from "../http/serve.ts";
import { checkImapSecurity } from "../mail/imap-settings.ts";
import type { receiving as api } from "./api.ts";
import { difference, recordChange } from "./audit.ts";

export type ReceivingInput = z.output<typeof api.update.body>;
export type Receiving = ReturnType<typeof shown>;

const COLUMNS = [
  "id",
  "name",
  "email",
  "imapHost",
  "imapPort",
  "imapSecurity",
  "imapAuth",
  "imapUser",
  "imapPasswordEncrypted",
  "imapFolders",
  "oauthTokenUrl",
  "oauthClientId",
  "oauthClientSecretEncrypted",
  "oauthRefreshTokenEncrypted",
  "oauthScope",
  "bounceDomain",
  "plusAddressing",
  "changedAt",
] as const;

export type Row = Pick<Selectable<Tables["emailAccounts"]>, (typeof COLUMNS)[number]>;

export async function get(db: Db, id: number) {
  return shown(await find(db, id));
}

/** The row with its sealed secrets, for whoever fetches or tries. */
export async function find(db: Db, id: number): Promise<Row> {
  const row = await db.selectFrom("emailAccounts").select(COLUMNS).where("id", "=", id).executeTakeFirst();
  return row ?? refuse("email-account-not-found", `There is no email account ${id}.`);
}

/** Accounts whose mail is fetched. */
export function listFetched(db: Db): Promise<Row[]> {
  return db.selectFrom("emailAccounts").select(COLUMNS).where("imapHost", "is not", null).orderBy("id").execute();
}

/** What is left out stays as it is. */
export function update(
  db: Db,
  id: number,
  edit: ReceivingInput,
  seal: Seal,
  actor: Pick<Actor, "name">,
  unchangedSince: Temporal.Instant | null,
  now: Temporal.Instant,
) {
  return inTransaction(db, async (tx) => {
    await tx.selectFrom("emailAccounts").select("id").where("id", "=", id).forUpdate().execute();
    const found = await find(tx, id);
    refuseIfChanged(unchangedSince, found.changedAt);
    refuseMovedSecrets(found, edit);
    const changed = { ...found, ...stored(edit, seal) };
    check(changed);
    const { imapHost, imapPort, imapSecurity, imapUser } = changed;
    await tx
      .updateTable("emailAccounts")
      .set({ ...stored(edit, seal), imapHost, imapPort, imapSecurity, imapUser, changedAt: now })
      .where("id", "=", id)
      .execute();
    const saved = shown({ ...changed, changedAt: now });
    const changes = difference(shown(found), { ...saved, changedAt: found.changedAt });
    const secret = [edit.imapPassword, edit.oauthClientSecret, edit.oauthRefreshToken].some((one) => one !== undefined);
    if (changes || secret)
      await recordChange(tx, { actor, action: "update", subjectType: "email-account", subjectId: id, ...changes }, now);
    return saved;
  });
}

/** Mail of the account is not fetched any more; secrets of fetching are forgotten. */
export async function remove(db: Db, id: number, actor: Pick<Actor, "name">, now: Temporal.Instant): Promise<void> {
  await inTransaction(db, async (tx) => {
    const found = await find(tx, id);
    await tx
      .updateTable("emailAccounts")
      .set({ imapHost: null, imapPort: null, imapSecurity: null, imapUser: null, imapPasswordEncrypted: null })
      .where("id", "=", id)
      .execute();
    const before = shown(found);
    await recordChange(
      tx,
      { actor, action: "stop-fetching", subjectType: "email-account", subjectId: id, before },
      now,
    );
  });
}

function shown(row: Row) {
  const { imapPasswordEncrypted, oauthClientSecretEncrypted, oauthRefreshTokenEncrypted, id, ...rest } = row;
  const { name: _name, email: _email, ...settings } = rest;
  return {
    emailAccountId: id,
    ...settings,
    hasImapPassword: imapPasswordEncrypted !== null,
    hasOauthClientSecret: oauthClientSecretEncrypted !== null,
    hasOauthRefreshToken: oauthRefreshTokenEncrypted !== null,
  };
}

function stored({ imapPassword, oauthClientSecret, oauthRefreshToken, ...fields }: ReceivingInput, seal: Seal) {
  const sealed = (value: string | null | undefined) => (value ? seal.encrypt(value) : value);
  return {
    ...fields,
    ...(imapPassword === undefined ? {} : { imapPasswordEncrypted: sealed(imapPassword) ?? null }),
    ...(oauthClientSecret === undefined ? {} : { oauthClientSecretEncrypted: sealed(oauthClientSecret) ?? null }),
    ...(oauthRefreshToken === undefined ? {} : { oauthRefreshTokenEncrypted: sealed(oauthRefreshToken) ?? null }),
  };
}

/** Whoever may point an account elsewhere must not have its secrets sent there. */
export function refuseMovedSecrets(found: Row, edit: ReceivingInput): void {
  const moved = (key: "imapHost" | "oauthTokenUrl") => edit[key] != null && edit[key] !== found[key];
  if (moved("imapHost") && found.imapPasswordEncrypted !== null && edit.imapPassword === undefined)
    refuse("email-account-password-needed", "Give the password again when the server changes.", "/imapPassword");
  const kept = found.oauthRefreshTokenEncrypted !== null && edit.oauthRefreshToken === undefined;
  const keptSecret = found.oauthClientSecretEncrypted !== null && edit.oauthClientSecret === undefined;
  if (moved("oauthTokenUrl") && (kept || keptSecret))
    refuse(
      "email-account-password-needed",
      "Give the refresh token and the client's secret again when the token address changes.",
      "/oauthRefreshToken",
    );
}

function check(row: Row): void {
  const parts = {
    imapHost: row.imapHost,
    imapPort: row.imapPort,
    imapSecurity: row.imapSecurity,
    imapUser: row.imapUser,
  };
  const given = Object.values(parts).filter((value) => value !== null).length;
  if (given > 0 && given < 4) {
    const [missing] = Object.entries(parts).find(([, value]) => value === null)!;
    refuse("input-invalid", "Host, port, security and user of IMAP go together.", `/${missing}`);
  }
  if (row.imapHost !== null && row.imapSecurity !== null) checkImapSecurity(row.imapHost, row.imapSecurity);
  if (row.imapHost !== null && row.imapAuth === "password" && row.imapPasswordEncrypted === null)
    refuse("input-invalid", "Give the password of the mailbox.", "/imapPassword");
  const client = row.oauthTokenUrl !== null && row.oauthClientId !== null && row.oauthRefreshTokenEncrypted !== null;
  if (row.imapHost !== null && row.imapAuth === "oauth2" && !client)
    refuse("input-invalid", "OAuth 2 needs the token address, the client and a refresh token.", "/oauthRefreshToken");
  if (row.plusAddressing && row.email === null)
    refuse("input-invalid", "Plus addressing needs the account's own address.", "/plusAddressing");
}
