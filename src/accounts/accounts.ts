/** Front door: from whom a mail comes and by which server it leaves. Sends nothing; changes nothing. */
import { type Limits, type Ramp, UNLIMITED } from "../core/rates.ts";
import { refuse } from "../core/problem.ts";
import type { Selectable } from "kysely";
import type { Db } from "../db/database.ts";
import type { Tables } from "../db/tables.ts";
import type { Seal } from "../http/idempotency.ts";
import { type Reports, USUAL_REPORTS } from "../mail/smtp-message.ts";
import { parseSmtpUrl } from "../mail/smtp.ts";
import type { AccessTokens } from "./access-tokens.ts";
import * as senders from "./senders.ts";

export { find as findSender, findByEmail as findSenderByEmail, type Sender } from "./senders.ts";

/** A server to send by, with its password, or the built-in mailbox. `id` is null for one that stands in no table. */
export type Account = {
  readonly id: number | null;
  readonly name: string;
  readonly email: string | null;
  readonly connections: number;
  readonly forceAddress: boolean;
  readonly forceName: boolean;
  readonly holdUnknown: boolean;
  readonly pausedAt: Temporal.Instant | null;
  readonly pausedReason: string | null;
  /** Paused until a person resumes it. */
  readonly resumesByHand: boolean;
  readonly limits: Limits;
  readonly ramp: Ramp | null;
  /** Where its mails bounce to, each at an address of its own; null: to the account's or the sender's address. */
  readonly bounceDomain: string | null;
  /** Bounces go to the account's own address with a plus and a token. */
  readonly plusAddressing: boolean;
} & (
  | { readonly kind: "mailbox" }
  | {
      readonly kind: "smtp";
      readonly host: string;
      readonly port: number;
      readonly security: "tls" | "starttls" | "none";
      readonly user: string | null;
      readonly password: string | null;
      /** `oauth2`: not the password but an access token. */
      readonly auth: "password" | "oauth2";
      readonly chunking: "auto" | "always" | "never";
      readonly chunkingWindow: number;
      readonly reports: Reports;
    }
);

/** An account a sender's mail may leave by, and its share where they take turns. */
export type Weighted = { readonly account: Account; readonly weight: number };

/** What accounts need to know besides the database: how passwords open, and TIDINGS_SMTP_URL. */
export type Vault = {
  readonly seal: Seal;
  readonly smtpUrl?: string | null;
  /** Access tokens of accounts that sign in with them; left out, they are kept by whoever needs them. */
  readonly tokens?: AccessTokens;
};

/** The settings every module reads. */
export function workspace(db: Db) {
  return db.selectFrom("workspace").selectAll().executeTakeFirstOrThrow();
}

/**
 * Who an Email Campaign is sent by when it starts: the chosen sender, else the caller's own (E31), else nobody in
 * particular: null, and the account's own address is used (E81). Refuses a sender that cannot send (E32).
 */
export async function senderFor(
  db: Db,
  { senderId, userId }: { senderId?: number | null; userId?: number | null },
): Promise<senders.Sender | null> {
  const sender = senderId ? await senders.find(db, senderId) : userId ? await ownSender(db, userId) : null;
  if (senderId && !sender) return refuse("sender-not-found", `There is no sender ${senderId}.`, "/senderId");
  if (!sender) return null;
  if (sender.disabledAt)
    refuse("sender-disabled", `The sender ${sender.name} is disabled. Choose another one.`, "/senderId");
  if (sender.userId !== null) {
    const user = await db.selectFrom("users").select("disabledAt").where("id", "=", sender.userId).executeTakeFirst();
    if (user?.disabledAt)
      refuse(
        "sender-disabled",
        `The user of the sender ${sender.name} is disabled. Choose another sender.`,
        "/senderId",
      );
  }
  if (sender.emailAccountId === null && (await hasAccountsButNoDefault(db)))
    refuse(
      "sender-without-account",
      `The sender ${sender.name} has no email account, and no account is the default. Set one.`,
      "/senderId",
    );
  return sender;
}

/**
 * The account a sender's mails leave by: the sender's own, else the default one, else TIDINGS_SMTP_URL, else the
 * built-in mailbox.
 */
export async function accountFor(
  db: Db,
  sender: Pick<senders.Sender, "emailAccountId"> | null,
  vault: Vault,
): Promise<Account> {
  let query = db.selectFrom("emailAccounts").selectAll().limit(1);
  query = sender?.emailAccountId ? query.where("id", "=", sender.emailAccountId) : query.where("isDefault", "=", true);
  const row = await query.executeTakeFirst();
  if (!row) return vault.smtpUrl ? accountOfUrl(vault.smtpUrl) : MAILBOX;
  return accountOf(row, vault);
}

/** All accounts a sender's mails may leave by, the first one first. */
export async function accountsFor(
  db: Db,
  sender: Pick<senders.Sender, "emailAccountId" | "furtherAccounts" | "accountWeight"> | null,
  vault: Vault,
): Promise<readonly Weighted[]> {
  const first = { account: await accountFor(db, sender, vault), weight: sender?.accountWeight ?? 1 };
  if (!sender || sender.furtherAccounts.length === 0) return [first];
  const ids = sender.furtherAccounts.map(({ emailAccountId }) => emailAccountId);
  const rows = await db.selectFrom("emailAccounts").selectAll().where("id", "in", ids).execute();
  const further = sender.furtherAccounts.flatMap(({ emailAccountId, weight }) => {
    const row = rows.find(({ id }) => id === emailAccountId);
    // The default account may stand among them too.
    return row && row.id !== first.account.id ? [{ account: accountOf(row, vault), weight }] : [];
  });
  return [first, ...further];
}

function accountOf(row: Selectable<Tables["emailAccounts"]>, vault: Vault): Account {
  const { smtpHost: host, smtpPort: port, smtpSecurity: security } = row;
  if (row.kind === "mailbox" || host === null || port === null || security === null)
    return { ...MAILBOX, ...common(row), id: row.id, name: row.name };
  const password = row.smtpPasswordEncrypted === null ? null : vault.seal.decrypt(row.smtpPasswordEncrypted);
  return {
    ...common(row),
    id: row.id,
    name: row.name,
    kind: "smtp",
    host,
    port,
    security,
    user: row.smtpUser,
    password,
    auth: row.smtpAuth,
    chunking: row.chunking,
    chunkingWindow: row.chunkingWindow,
    reports: { notify: row.reportsNotify, return: row.reportsReturn },
  };
}

/**
 * The From and Reply-To of a mail: the sender's address, or the account's when there is no sender (E81) or the account
 * forces its own address or name (E84); the sender then gets the answers (E83). Null: nobody has an address.
 */
export function identityOf(
  sender: Pick<senders.Sender, "name" | "email" | "replyTo"> | null,
  account: Account,
): { from: { name: string | null; address: string }; replyTo: { name: string | null; address: string } | null } | null {
  const forced = account.forceAddress && account.email !== null;
  const address = forced || !sender ? account.email : sender.email;
  if (address === null) return null;
  const name = account.forceName || !sender ? account.name : sender.name;
  const answersTo = sender?.replyTo ?? (sender && address !== sender.email ? sender.email : null);
  return { from: { name, address }, replyTo: answersTo === null ? null : { name: null, address: answersTo } };
}

const MAILBOX: Account = {
  id: null,
  kind: "mailbox",
  name: "Mailbox",
  email: null,
  connections: 1,
  forceAddress: false,
  forceName: false,
  holdUnknown: false,
  pausedAt: null,
  pausedReason: null,
  resumesByHand: false,
  limits: UNLIMITED,
  ramp: null,
  bounceDomain: null,
  plusAddressing: false,
};

/** The account a URL names; `email` and `name` stand behind a question mark: `smtp://host:587?email=a@example.com`. */
export function accountOfUrl(text: string): Account {
  const { host, port, security, auth, connections } = parseSmtpUrl(text);
  const options = new URL(text).searchParams;
  return {
    ...MAILBOX,
    kind: "smtp",
    name: options.get("name") ?? "Tidings",
    email: options.get("email"),
    connections,
    host,
    port,
    security,
    user: auth?.user ?? null,
    password: auth && "password" in auth ? auth.password : null,
    auth: "password",
    chunking: "auto",
    chunkingWindow: 1,
    reports: USUAL_REPORTS,
  };
}

function common(row: Selectable<Tables["emailAccounts"]>) {
  const { email, connections, forceAddress, forceName, holdUnknown, pausedAt, pausedReason, resumesByHand } = row;
  const { rampFromPerDay, rampDays, rampStartedAt, bounceDomain, plusAddressing } = row;
  const ramp =
    rampFromPerDay === null || rampDays === null || rampStartedAt === null
      ? null
      : { fromPerDay: rampFromPerDay, days: rampDays, startedAt: rampStartedAt };
  const limits = limitsOf(row);
  const usual = { email, connections, forceAddress, forceName, holdUnknown, pausedAt, pausedReason, resumesByHand };
  return { ...usual, limits, ramp, bounceDomain, plusAddressing };
}

/** The limits a row of an email account or a recipient domain sets. */
export function limitsOf(row: {
  maxPerSecond: number | null;
  maxPerMinute: number | null;
  maxPerHour: number | null;
  maxPerDay: number | null;
}): Limits {
  return {
    perSecond: row.maxPerSecond,
    perMinute: row.maxPerMinute,
    perHour: row.maxPerHour,
    perDay: row.maxPerDay,
  };
}

async function ownSender(db: Db, userId: number) {
  const row = await db
    .selectFrom("senders")
    .select("id")
    .where("userId", "=", userId)
    .where("disabledAt", "is", null)
    .orderBy("id")
    .limit(1)
    .executeTakeFirst();
  return row ? senders.find(db, row.id) : null;
}

async function hasAccountsButNoDefault(db: Db): Promise<boolean> {
  const rows = await db.selectFrom("emailAccounts").select("isDefault").orderBy("isDefault", "desc").limit(1).execute();
  return rows.length > 0 && !rows[0]?.isDefault;
}
