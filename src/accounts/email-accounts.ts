/** Email accounts: the SMTP servers mails leave by. A password goes in, is kept encrypted, and comes out for sending alone. */
import { sql } from "kysely";
import type { z } from "zod";
import { refuse } from "../core/problem.ts";
import { brokenConstraint, inTransaction, type Db, type Tx } from "../db/database.ts";
import { refuseIfChanged } from "../http/etag.ts";
import type { Seal } from "../http/idempotency.ts";
import { positionOf } from "../http/paging.ts";
import type { Actor } from "../http/serve.ts";
import { isLoopback } from "../mail/smtp-settings.ts";
import { addressOf } from "./addresses.ts";
import type { emailAccounts as api } from "./api.ts";
import { difference, recordChange } from "./audit.ts";

export type NewEmailAccount = z.output<typeof api.create.body>;
export type EmailAccountEdit = z.output<typeof api.update.body>;

const COLUMNS = [
  "id",
  "name",
  "email",
  "smtpHost",
  "smtpPort",
  "smtpSecurity",
  "smtpUser",
  "connections",
  "forceAddress",
  "forceName",
  "holdUnknown",
  "isDefault",
  "pausedAt",
  "pausedReason",
  "resumesByHand",
  "maxPerSecond",
  "maxPerMinute",
  "maxPerHour",
  "maxPerDay",
  "rampFromPerDay",
  "rampDays",
  "rampStartedAt",
  "smtpAuth",
  "oauthTokenUrl",
  "oauthClientId",
  "oauthScope",
  "chunking",
  "chunkingWindow",
  "reportsNotify",
  "reportsReturn",
  "createdAt",
  "changedAt",
] as const;
const SHOWN = [
  ...COLUMNS,
  sql<boolean>`smtp_password_encrypted is not null`.as("hasPassword"),
  sql<boolean>`oauth_client_secret_encrypted is not null`.as("hasOauthClientSecret"),
  sql<boolean>`oauth_refresh_token_encrypted is not null`.as("hasOauthRefreshToken"),
] as const;

export async function create(
  db: Db,
  input: NewEmailAccount,
  seal: Seal,
  actor: Pick<Actor, "name">,
  now: Temporal.Instant,
) {
  return inTransaction(db, async (tx) => {
    const first = !(await tx.selectFrom("emailAccounts").select("id").limit(1).executeTakeFirst());
    const isDefault = input.isDefault ?? first;
    if (isDefault) await clearDefault(tx);
    checkSecurity(input);
    checkSignIn({ ...NO_CLIENT, ...input, hasOauthRefreshToken: Boolean(input.oauthRefreshToken) });
    const made = await refusing(() =>
      tx
        .insertInto("emailAccounts")
        .values({
          ...stored(input, seal),
          ...ramp(NO_RAMP, input, now),
          name: input.name,
          isDefault,
          createdAt: now,
          changedAt: now,
        })
        .returning(SHOWN)
        .executeTakeFirstOrThrow(),
    );
    await recordChange(
      tx,
      { actor, action: "create", subjectType: "email-account", subjectId: made.id, after: made },
      now,
    );
    return made;
  });
}

export async function update(
  db: Db,
  id: number,
  { paused, ...edit }: EmailAccountEdit,
  seal: Seal,
  actor: Pick<Actor, "name">,
  unchangedSince: Temporal.Instant | null,
  now: Temporal.Instant,
) {
  return inTransaction(db, async (tx) => {
    const found = await lock(tx, id);
    refuseIfChanged(unchangedSince, found.changedAt);
    checkSecurity({ ...found, ...edit });
    // Whoever may point an account elsewhere must not have its password sent there.
    if (
      edit.smtpHost !== undefined &&
      edit.smtpHost !== found.smtpHost &&
      found.hasPassword &&
      edit.smtpPassword === undefined
    )
      refuse("email-account-password-needed", "Give the password again when the server changes.", "/smtpPassword");
    refuseMovedClient(found, edit);
    checkSignIn({
      ...found,
      ...edit,
      hasOauthRefreshToken:
        edit.oauthRefreshToken === undefined ? found.hasOauthRefreshToken : Boolean(edit.oauthRefreshToken),
    });
    if (edit.isDefault) await clearDefault(tx);
    const saved = await refusing(() =>
      tx
        .updateTable("emailAccounts")
        .set({
          ...stored(edit, seal),
          ...ramp(found, edit, now),
          ...(paused === undefined ? {} : pause(paused, found.pausedAt, now)),
          changedAt: now,
        })
        .where("id", "=", id)
        .returning(SHOWN)
        .executeTakeFirstOrThrow(),
    );
    const changes = difference(found, { ...saved, changedAt: found.changedAt });
    const secrets = [edit.smtpPassword, edit.oauthClientSecret, edit.oauthRefreshToken];
    if (!changes && secrets.every((one) => one === undefined)) return saved;
    await recordChange(tx, { actor, action: "update", subjectType: "email-account", subjectId: id, ...changes }, now);
    return saved;
  });
}

/** Deletes an account that no sender and no message names. */
export async function remove(db: Db, id: number, actor: Pick<Actor, "name">, now: Temporal.Instant): Promise<void> {
  await inTransaction(db, async (tx) => {
    const found = await lock(tx, id);
    await refusing(() => tx.deleteFrom("emailAccounts").where("id", "=", id).execute());
    await recordChange(
      tx,
      { actor, action: "delete", subjectType: "email-account", subjectId: id, before: found },
      now,
    );
  });
}

export async function get(db: Db, id: number) {
  const found = await db.selectFrom("emailAccounts").select(SHOWN).where("id", "=", id).executeTakeFirst();
  return found ?? refuse("email-account-not-found", `There is no email account ${id}.`);
}

export function list(db: Db, { limit, cursor }: { limit: number; cursor?: string }) {
  let query = db
    .selectFrom("emailAccounts")
    .select(SHOWN)
    .orderBy("id")
    .limit(limit + 1);
  if (cursor) query = query.where("id", ">", positionOf(cursor).id);
  return query.execute();
}

async function lock(tx: Tx, id: number) {
  const found = await tx.selectFrom("emailAccounts").select(SHOWN).where("id", "=", id).forUpdate().executeTakeFirst();
  return found ?? refuse("email-account-not-found", `There is no email account ${id}.`);
}

function clearDefault(tx: Tx) {
  return tx.updateTable("emailAccounts").set({ isDefault: false }).where("isDefault", "=", true).execute();
}

/** The given fields as columns: the address checked, the password sealed. */
function stored(
  { smtpPassword, oauthClientSecret, oauthRefreshToken, email, ...fields }: Partial<NewEmailAccount>,
  seal: Seal,
) {
  const sealed = (value: string | null) => (value === null ? null : seal.encrypt(value));
  return {
    ...fields,
    ...(email === undefined ? {} : { email: email === null ? null : addressOf(email, "/email").email }),
    ...(smtpPassword === undefined ? {} : { smtpPasswordEncrypted: sealed(smtpPassword) }),
    ...(oauthClientSecret === undefined ? {} : { oauthClientSecretEncrypted: sealed(oauthClientSecret) }),
    ...(oauthRefreshToken === undefined ? {} : { oauthRefreshTokenEncrypted: sealed(oauthRefreshToken) }),
  };
}

type Client = {
  readonly smtpAuth?: "password" | "oauth2" | undefined;
  readonly smtpUser?: string | null | undefined;
  readonly oauthTokenUrl?: string | null | undefined;
  readonly oauthClientId?: string | null | undefined;
  readonly hasOauthRefreshToken: boolean;
};

const NO_CLIENT = { smtpAuth: "password", smtpUser: null, oauthTokenUrl: null, oauthClientId: null } as const;

function checkSignIn({ smtpAuth, smtpUser, oauthTokenUrl, oauthClientId, hasOauthRefreshToken }: Client): void {
  if (smtpAuth !== "oauth2") return;
  if (!smtpUser) refuse("input-invalid", "Give the user whose mailbox it is, usually the whole address.", "/smtpUser");
  const whole = oauthTokenUrl && oauthClientId && hasOauthRefreshToken;
  if (!whole)
    refuse("input-invalid", "OAuth 2 needs the token address, the client and a refresh token.", "/oauthRefreshToken");
}

/** Whoever may point an account elsewhere must not have the client's secrets sent there. */
function refuseMovedClient(
  found: { oauthTokenUrl: string | null; hasOauthClientSecret: boolean; hasOauthRefreshToken: boolean },
  edit: EmailAccountEdit,
): void {
  if (edit.oauthTokenUrl == null || edit.oauthTokenUrl === found.oauthTokenUrl) return;
  const kept =
    (found.hasOauthRefreshToken && edit.oauthRefreshToken === undefined) ||
    (found.hasOauthClientSecret && edit.oauthClientSecret === undefined);
  if (kept)
    refuse(
      "email-account-password-needed",
      "Give the refresh token and the client's secret again when the token address changes.",
      "/oauthRefreshToken",
    );
}

function pause(paused: boolean, since: Temporal.Instant | null, now: Temporal.Instant) {
  return {
    pausedAt: paused ? (since ?? now) : null,
    pausedReason: paused ? "paused by a person" : null,
    resumesByHand: paused,
  };
}

type Ramped = Pick<NewEmailAccount, "rampFromPerDay" | "rampDays" | "maxPerDay">;

const NO_RAMP = { rampFromPerDay: null, rampDays: null, rampStartedAt: null, maxPerDay: null };
const RAMP_DAYS = 30;

/** A ramp begins when it is set, and begins anew when it is set otherwise. */
function ramp(
  found: {
    rampFromPerDay: number | null;
    rampDays: number | null;
    rampStartedAt: Temporal.Instant | null;
    maxPerDay: number | null;
  },
  edit: Ramped,
  now: Temporal.Instant,
) {
  const { rampFromPerDay = found.rampFromPerDay, maxPerDay = found.maxPerDay } = edit;
  if (rampFromPerDay === null) return { rampFromPerDay: null, rampDays: null, rampStartedAt: null };
  if (maxPerDay === null)
    return refuse(
      "ramp-without-limit",
      "A ramp leads to a limit per day. Give one, or leave the ramp out.",
      "/maxPerDay",
    );
  const rampDays = edit.rampDays ?? found.rampDays ?? RAMP_DAYS;
  const same = rampFromPerDay === found.rampFromPerDay && rampDays === found.rampDays;
  return { rampFromPerDay, rampDays, rampStartedAt: same ? found.rampStartedAt : now };
}

function checkSecurity(account: { smtpHost: string | null; smtpSecurity: string | null }): void {
  if (account.smtpSecurity === "none" && !isLoopback(account.smtpHost ?? ""))
    refuse(
      "email-account-insecure",
      "Without TLS, mails may go to this machine only. Choose tls or starttls.",
      "/smtpSecurity",
    );
}

async function refusing<Result>(write: () => Promise<Result>): Promise<Result> {
  try {
    return await write();
  } catch (error) {
    switch (brokenConstraint(error)) {
      case "email_accounts_name_unique":
        return refuse("email-account-exists", "There is an email account of this name already.", "/name");
      case "email_accounts_one_default":
        return refuse(
          "email-account-conflict",
          "Another account became the default just now. Try again.",
          "/isDefault",
        );
      case "senders_email_account_id_fkey":
      case "sender_email_accounts_email_account_id_fkey":
        return refuse("email-account-in-use", "Senders use this account. Give them another one first.");
      case "messages_email_account_id_fkey":
        return refuse("email-account-in-use", "Mails were sent by this account. Pause it instead.");
      default:
        throw error;
    }
  }
}
