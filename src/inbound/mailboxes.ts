/** Which mailboxes are watched, and by which process: one at a time each, over all of them. Reads none itself. */
import { randomUUID } from "node:crypto";
import type { AccessTokens } from "../accounts/access-tokens.ts";
import * as receiving from "../accounts/receiving.ts";
import type { Clock } from "../clock.ts";
import type { Db } from "../db/database.ts";
import type { Seal } from "../http/idempotency.ts";
import type { Logger } from "../log.ts";
import { TokenFailure } from "../mail/access-tokens.ts";
import { type ImapSettings, parseImapUrl } from "../mail/imap-settings.ts";
import { ImapTrouble } from "../mail/imap.ts";
import * as store from "./mailbox-store.ts";
import { watch } from "./watch.ts";

export type MailboxesOptions = {
  readonly db: Db;
  readonly seal: Pick<Seal, "decrypt">;
  readonly tokens: AccessTokens;
  /** TIDINGS_IMAP_URL. */
  readonly imapUrl: string | undefined;
  readonly clock: Clock;
  readonly log: Logger;
  readonly onStored: () => void;
  /** From 0 to 1, for the jitter of retries. */
  readonly random?: () => number;
  readonly turnMs?: number;
  readonly pollMs?: number;
};

const TURN_MS = 5000;
/** Six turns may be missed before another process takes over. */
const LEASE_SECONDS = 30;
const MOST_AT_ONCE = 200;
const FIRST_RETRY_SECONDS = 5;
const LAST_RETRY_SECONDS = 600;
/** A refused password is not tried so often that the account is locked. */
const LASTING_RETRY_SECONDS = 900;

type Known = store.Box & { readonly settings: () => Promise<ImapSettings> };
type Running = { readonly abort: AbortController; readonly ended: Promise<void>; readonly changedAt: Temporal.Instant };

/** Begins to watch, and goes on until it is stopped. What fails is noted with the mailbox, and tried again. */
export function startMailboxes(options: MailboxesOptions): { stop(): Promise<void> } {
  const { db, clock, log, turnMs = TURN_MS } = options;
  const holder = randomUUID();
  const running = new Map<string, Running>();
  let stopped = false;
  let timer: NodeJS.Timeout | undefined;

  async function turn(): Promise<void> {
    const now = clock();
    const boxes = await mailboxes(options);
    await store.sync(db, boxes, now);
    const until = now.add({ seconds: LEASE_SECONDS });
    const held = await store.renew(db, holder, until, now);
    for (const [mailbox, one] of running) {
      const box = boxes.find((each) => each.mailbox === mailbox);
      // Gone, taken over, or with other settings: it begins anew.
      if (!box || !held.has(mailbox) || !box.changedAt.equals(one.changedAt)) one.abort.abort();
    }
    const room = MOST_AT_ONCE - running.size;
    if (room <= 0 || stopped) return;
    for (const mailbox of await store.claim(db, holder, until, room, now)) {
      const box = boxes.find((each) => each.mailbox === mailbox);
      if (box && !running.has(mailbox)) begin(box);
    }
  }

  function begin(box: Known): void {
    const abort = new AbortController();
    const ended = follow(box, abort.signal).finally(() => running.delete(box.mailbox));
    running.set(box.mailbox, { abort, ended, changedAt: box.changedAt });
  }

  async function follow(box: Known, signal: AbortSignal): Promise<void> {
    let failed: Parameters<typeof store.release>[3] = null;
    try {
      const settings = await box.settings();
      await watch({ ...options, ...box, holder, settings }, signal);
    } catch (error) {
      if (box.emailAccountId !== null && error instanceof ImapTrouble && error.step === "auth")
        options.tokens.forget(box.emailAccountId);
      failed = await retryAfter(error, box, options);
      log.warn({ mailbox: box.mailbox, trouble: failed.trouble }, "a mailbox cannot be read; it is tried again");
    }
    await store.release(db, box.mailbox, holder, failed, clock()).catch(() => undefined);
  }

  const loop = async (): Promise<void> => {
    await turn().catch((error: unknown) => log.warn({ err: error }, "mailboxes could not be looked after"));
    if (!stopped)
      timer = setTimeout(() => {
        current = loop();
      }, turnMs);
  };
  let current = loop();

  return {
    async stop() {
      stopped = true;
      clearTimeout(timer);
      await current;
      const ending = [...running.values()];
      for (const { abort } of ending) abort.abort();
      await Promise.all(ending.map(({ ended }) => ended));
    },
  };
}

/** How each mailbox is, for whoever looks. */
export async function listMailboxes(db: Db, now: Temporal.Instant) {
  const rows = await store.list(db);
  return rows.map(({ claimedUntil, state, ...row }) => ({
    ...row,
    name: row.name ?? "TIDINGS_IMAP_URL",
    // A process that ended without a word holds nothing any more.
    state:
      state !== "failed" && (claimedUntil === null || Temporal.Instant.compare(claimedUntil, now) <= 0)
        ? ("waiting" as const)
        : state,
  }));
}

async function mailboxes({ db, imapUrl, seal, tokens, clock }: MailboxesOptions): Promise<Known[]> {
  const accounts = (await receiving.listFetched(db)).map((row) => ({
    mailbox: `account:${row.id}`,
    emailAccountId: row.id,
    changedAt: row.changedAt,
    settings: () => settingsOf(row, { seal, tokens }, clock()),
  }));
  if (!imapUrl) return accounts;
  const environment = {
    mailbox: "environment",
    emailAccountId: null,
    changedAt: Temporal.Instant.fromEpochMilliseconds(0),
    settings: async () => parseImapUrl(imapUrl),
  };
  return [...accounts, environment];
}

async function settingsOf(
  row: receiving.Row,
  { seal, tokens }: { seal: Pick<Seal, "decrypt">; tokens: AccessTokens },
  now: Temporal.Instant,
): Promise<ImapSettings> {
  const { imapHost: host, imapPort: port, imapSecurity: security, imapUser: user, imapFolders: folders } = row;
  if (host === null || port === null || security === null || user === null) throw new Error("It has no IMAP settings.");
  const auth =
    row.imapAuth === "oauth2"
      ? { user, accessToken: await tokens.of(row.id, now) }
      : { user, password: row.imapPasswordEncrypted === null ? "" : seal.decrypt(row.imapPasswordEncrypted) };
  return { host, port, security, auth, folders };
}

async function retryAfter(failure: unknown, { mailbox }: Known, { db, clock, random = Math.random }: MailboxesOptions) {
  const lasting =
    (failure instanceof ImapTrouble && failure.lasting) || (failure instanceof TokenFailure && failure.permanent);
  const failures = await store.failuresOf(db, mailbox).catch(() => 0);
  const seconds = lasting
    ? LASTING_RETRY_SECONDS
    : Math.min(FIRST_RETRY_SECONDS * 2 ** Math.min(failures, 10), LAST_RETRY_SECONDS);
  const text = failure instanceof Error ? failure.message : String(failure);
  const todo =
    failure instanceof ImapTrouble
      ? failure.todo
      : failure instanceof TokenFailure
        ? "Check the token address, the client and its secret; ask for a new refresh token by signing in again."
        : null;
  // A fifth more at most, so that several mailboxes of one server do not knock at once.
  const wait = Math.round(seconds * (1 + random() / 5));
  return { trouble: text.slice(0, 1000), todo, nextTryAt: clock().add({ seconds: wait }) };
}
