/** Where mail leaves: one pool of connections per account, or the built-in mailbox; and which accounts wait. Retries nothing. */
import { randomInt } from "node:crypto";
import type { AccessTokens } from "../accounts/access-tokens.ts";
import type { Account } from "../accounts/accounts.ts";
import { relayOf } from "../accounts/relay.ts";
import { endTrouble, noteTrouble } from "../accounts/trouble.ts";
import type { Db } from "../db/database.ts";
import type { Logger } from "../log.ts";
import * as mailbox from "../mail/mailbox.ts";
import { createSmtpPool, type Outcome, type SendHooks, type SmtpPool, type SmtpSettings } from "../mail/smtp.ts";
import type { Trouble } from "./judge.ts";
import { stopwatch } from "./stopwatch.ts";

/** A mail ready to leave. */
export type Parcel = {
  readonly id: number;
  readonly from: string;
  readonly to: string;
  /** Only the mailbox asks for it. */
  readonly subject: () => Promise<string>;
  readonly bytes: Buffer;
};

/** Resolves when the outcome has been recorded. */
export type Transport = (parcel: Parcel, hooks: Required<SendHooks>, now: Temporal.Instant) => Promise<void>;

export type Transports = {
  /** How mail of this account leaves; made at first use, and made anew when the settings have changed. */
  of(account: Account): Transport;
  /** Accounts that wait because of trouble; 0 is the one that stands in no table. */
  waiting(now: Temporal.Instant): Promise<number[]>;
  /** Whether it waits, as far as is known here. */
  waits(account: Account, now: Temporal.Instant): boolean;
  /** The account waits a while and says why. Messages wait with it; none fails (S17). */
  failed(account: Account, trouble: Trouble, now: Temporal.Instant): Promise<void>;
  /** The account has sent something. */
  succeeded(account: Account): Promise<void>;
  close(graceMs: number): Promise<void>;
};

/** A relay that restarts is back within this; a wrong password is not tried so often that the account is locked. */
const WAIT_SECONDS: Readonly<Record<Trouble["kind"], number>> = { server: 20, login: 15 * 60 };
/** Up to this much more, so that several processes do not knock at once. */
const JITTER_SECONDS = 10;
const REPLACED_GRACE_MS = 600_000;

export function createTransports(deps: {
  readonly db: Db;
  /** What we call ourselves to servers. */
  readonly hostName: string;
  readonly log: Logger;
  readonly tokens: AccessTokens;
  readonly createPool?: (settings: SmtpSettings) => SmtpPool;
}): Transports {
  const { db, log, hostName, tokens, createPool = createSmtpPool } = deps;
  let at = stopwatch(Temporal.Instant.fromEpochMilliseconds(0));
  const pools = new Map<number, { pool: SmtpPool; settings: string }>();
  const troubled = new Map<number, { until: Temporal.Instant; since: Temporal.Instant }>();
  const retiring = new Set<Promise<void>>();

  function poolOf(account: Account & { kind: "smtp" }): SmtpPool {
    const key = account.id ?? 0;
    const settings = relayOf(account, { name: hostName, tokens, at: () => at() });
    // A token is fetched by a function, which is no text.
    const written = JSON.stringify([settings, account.auth]);
    const found = pools.get(key);
    if (found?.settings === written) return found.pool;
    if (found) retire(found.pool);
    const pool = createPool(settings);
    pools.set(key, { pool, settings: written });
    return pool;
  }

  function retire(pool: SmtpPool): void {
    const closed = pool.close({ graceMs: REPLACED_GRACE_MS }).finally(() => retiring.delete(closed));
    retiring.add(closed);
  }

  function waits({ id }: Pick<Account, "id">, now: Temporal.Instant): boolean {
    const known = troubled.get(id ?? 0);
    return known !== undefined && Temporal.Instant.compare(known.until, now) > 0;
  }

  /** How an account fares is said again by the next mail; what became of this one is yet to be written down. */
  async function told(saying: Promise<unknown>): Promise<void> {
    try {
      await saying;
    } catch (error) {
      log.warn({ err: error }, "how an email account fares could not be noted");
    }
  }

  return {
    of(account) {
      if (account.kind === "mailbox") return intoMailbox(db);
      const pool = poolOf(account);
      return async ({ id, from, to, bytes }, hooks, now) => {
        at = stopwatch(now);
        await pool.send({ from, to, data: bytes, envelopeId: `m${id}` }, hooks);
      };
    },

    async waiting(now) {
      const ids = [...troubled.keys()];
      if (ids.length === 0) return [];
      // Whoever mends the settings need not wait for the next try.
      const accounts = await db
        .selectFrom("emailAccounts")
        .select(["id", "changedAt"])
        .where("id", "in", ids)
        .execute();
      for (const { id, changedAt } of accounts) {
        const trouble = troubled.get(id);
        if (trouble && Temporal.Instant.compare(changedAt, trouble.since) > 0) trouble.until = trouble.since;
      }
      return ids.filter((id) => waits({ id }, now));
    },

    waits,

    async failed(account, { kind, text }, now) {
      const key = account.id ?? 0;
      // Every message on the way to a server that went away says so; once is enough.
      if (waits(account, now)) return;
      const seconds = WAIT_SECONDS[kind] + randomInt(JITTER_SECONDS);
      troubled.set(key, { until: now.add({ seconds }), since: now });
      log.warn({ account: account.name, trouble: text, seconds }, "an email account cannot send; its mail waits");
      if (account.id !== null) await told(noteTrouble(db, account.id, text, now));
    },

    async succeeded(account) {
      const known = troubled.delete(account.id ?? 0);
      if (account.id !== null && (known || account.pausedAt)) await told(endTrouble(db, account.id));
    },

    async close(graceMs) {
      const closing = [...pools.values()].map(({ pool }) => pool.close({ graceMs }));
      pools.clear();
      await Promise.all([...closing, ...retiring]);
    },
  };
}

const KEPT: Outcome = {
  kind: "accepted",
  reply: { code: 250, enhanced: "2.0.0", text: "2.0.0 Kept in the mailbox" },
};

/** The mailbox takes everything. Handed over again after a crash, a mail is still kept once. */
function intoMailbox(db: Db): Transport {
  return async ({ id, from, to, subject, bytes }, { beforeMail, record }, now) => {
    if (!(await beforeMail())) return record({ kind: "withdrawn", by: "beforeMail" });
    await mailbox.keep(db, { messageId: id, envelopeFrom: from, envelopeTo: to, subject: await subject(), bytes }, now);
    await record(KEPT);
  };
}
