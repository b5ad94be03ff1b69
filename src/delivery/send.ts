/** Sends what is due: claims messages, hands each to its account, records what became of it. Never plans one. */
import { randomUUID } from "node:crypto";
import { setImmediate, setTimeout as sleep } from "node:timers/promises";
import type { Account, Vault } from "../accounts/accounts.ts";
import { isLimited, pace, ramped } from "../core/rates.ts";
import { measuredIn } from "../core/tracked-content.ts";
import type { Db } from "../db/database.ts";
import { CannotSign } from "../domains/domains.ts";
import { isDatabaseLoss } from "../http/problems.ts";
import type { Logger } from "../log.ts";
import type { Outcome } from "../mail/smtp.ts";
import { BODY_WITHIN_MS, type Claim, claim, type Claimer, type Due, type Entry, load, renew } from "./claim.ts";
import { createDesk } from "./desk.ts";
import { judge } from "./judge.ts";
import type { Held, Limited } from "./limits.ts";
import type { Meters } from "./metrics.ts";
import { chosen, type Origin, type Origins, origins } from "./origin.ts";
import { guard } from "./policy-guard.ts";
import { addressed, type Addressed, type Mail, prepare, type PrepareOptions } from "./prepare.ts";
import { type Became, recoverExpired, skipParked } from "./record.ts";
import { type RecipientDomain, rest, slower } from "./recipient-domains.ts";
import { createSlowDomains } from "./slow-domains.ts";
import { stopwatch } from "./stopwatch.ts";
import { createTurns } from "./turns.ts";
import type { Transports } from "./transports.ts";

/** Messages taken at once, and how many may be under way in one process. */
const BATCH = 500;
const MOST_UNDER_WAY = 1500;
/** Then whoever waits for an answer has a turn: to prepare hundreds in one go would keep the connections waiting. */
const PREPARED_AT_ONCE = 25;
/**
 * Of one account made at the same time: as many as its connections can take and some that are ready when they ask. A mail
 * that is made long before its turn tells an old time, and holds memory that has to be looked through again and again.
 */
const MADE_OF_AN_ACCOUNT = 150;
/** Of one account, so that a slow server leaves room for the others. */
const MOST_OF_AN_ACCOUNT = 500;
/** What a recipient domain's limit holds back is looked at again after this at the latest: the limit may be another. */
const LONGEST_HELD_MINUTES = 15;
const SPREAD_SECONDS = 30;
const MOST_OF_A_REASON = 300;
const RENEW_EVERY_MS = 20_000;
const LOOK_FOR_EXPIRED_EVERY_SECONDS = 15;
/** A message that makes us fail is tried again after this, and expires like any other. */
const FAILURE_PAUSE_MINUTES = 15;
const DOUBT_PAUSE_SECONDS = 30;
/** While the database is away, results wait for it this long: what was accepted must be written down. */
const RECORD_TRIES = 120;
const RECORD_PAUSE_MS = 1000;

export type Sender = {
  /** Takes what waits and room is for, and lets it go its way. @returns how many were taken. */
  pump(now: Temporal.Instant): Promise<number>;
  /** What could be sent at once; null while there is next to no room. */
  offer(now: Temporal.Instant): Promise<Offered | null>;
  /** Lets what was claimed for this worker go its way. */
  take(claims: readonly Claim[], now: Temporal.Instant): Promise<void>;
  /** Resolves when some of what is under way is done; at once when nothing is. */
  progress(): Promise<void>;
  underWay(): number;
  /** Sends all that is due as of now; resolves when it is done. @returns how many were taken. */
  sendDue(now: Temporal.Instant): Promise<number>;
  /** Finishes what is in DATA, gives back what was only claimed, closes the connections. */
  drain(graceMs: number): Promise<void>;
  /** When the first account that has reached its limits may send again; null: none has. */
  restEndsAt(): Temporal.Instant | null;
};

/** `crowded`: an account has as much on its way as one may have, and is left out. */
export type Offered = Claimer & { readonly crowded: boolean };

export type SenderOptions = PrepareOptions & {
  readonly db: Db;
  readonly vault: Vault;
  readonly transports: Transports;
  /** From 0 to 1. */
  readonly random: () => number;
  readonly log: Logger;
  readonly meters: Meters;
};

type Domains = ReadonlyMap<string, RecipientDomain>;
/** What mails that were claimed together have in common. */
type Batch = {
  readonly originOf: (senderId: number | null) => Promise<Origins>;
  readonly to: Addressed;
  readonly domains: Domains;
};
/** `claimedMs`: when it was claimed or its claim renewed last, by the clock that only goes forward. */
type UnderWay = Claim & { account: number | null; claimedMs: number };

export function createSender(options: SenderOptions): Sender {
  const { db, vault, transports, random, log, meters } = options;
  const worker = randomUUID();
  const underWay = new Map<number, UnderWay>();
  const waiters = new Set<{ below: number; resolve: () => void }>();
  let stopping = false;
  let at = stopwatch(Temporal.Instant.fromEpochMilliseconds(0));
  let lookedAt: Temporal.Instant | undefined;
  let heart: NodeJS.Timeout | undefined;

  /** Accounts that have reached their limits, by when they may go on; and when the next mail held back for a domain may. */
  const resting = new Map<number, Temporal.Instant>();
  const queued = new Map<string, number>();
  const slowDomains = createSlowDomains();
  const turn = createTurns(MADE_OF_AN_ACCOUNT);

  const { enter, settle } = createDesk(db, () => at(), keepTrying);

  async function offer(now: Temporal.Instant): Promise<Offered | null> {
    const limit = Math.min(BATCH, MOST_UNDER_WAY - underWay.size);
    if (stopping || limit < BATCH / 4) return null;
    const troubled = await transports.waiting(now);
    const full = saturated();
    const without = [...troubled, ...full, ...atRest(now)];
    return { worker, limit, without, serverByUrl: Boolean(vault.smtpUrl), crowded: full.length > 0 };
  }

  async function pump(now: Temporal.Instant): Promise<number> {
    const offered = await offer(now);
    if (!offered) return 0;
    await lookForExpired(now);
    const claims = await claim(db, offered, now);
    await take(claims, now);
    return claims.length;
  }

  async function take(claims: readonly Claim[], now: Temporal.Instant): Promise<void> {
    if (claims.length === 0) return;
    at = stopwatch(now);
    for (const one of claims) underWay.set(one.id, { ...one, account: null, claimedMs: performance.now() });
    heart ??= setInterval(() => void beat(), RENEW_EVERY_MS).unref();
    try {
      const due = await load(db, claims, now);
      meters.lag(due, now);
      const batch = { originOf: origins(db, vault), to: await addressed(db, due), domains: await slower(db, now) };
      for (const [at, message] of due.entries()) {
        void deliver(message, batch);
        if (at % PREPARED_AT_ONCE === PREPARED_AT_ONCE - 1) await setImmediate();
      }
    } catch (error) {
      // Nothing has begun: the leases run out and whoever is there takes the messages.
      for (const { id } of claims) done(id);
      throw error;
    }
  }

  /** One message on its way, until what became of it is written down. */
  async function deliver(due: Due, batch: Batch): Promise<void> {
    let endTurn: (() => void) | undefined;
    try {
      const ready = await outfit(due, batch, async (account) => void (endTurn = await turn(account.id ?? 0)));
      if ("account" in ready) await carry(due, ready, batch.domains);
      else await conclude(due, ready);
    } catch (error) {
      failed(due, error);
    } finally {
      endTurn?.();
      done(due.id);
    }
  }

  async function conclude(due: Due, became: Became, address: string | null = null): Promise<void> {
    await settle({ id: due.id, fence: due.fence, emailCampaignId: due.emailCampaignId, ...became });
    meters.count(became, address);
  }

  /** The lease runs out by itself; what was in DATA is then in doubt, as it must be. */
  function failed({ id }: Due, error: unknown): void {
    log.error({ err: error, messageId: id }, "what became of a message could not be recorded");
  }

  /** The mail and the account it leaves by, or what became of it without one. */
  async function outfit(
    due: Due,
    { originOf, to, domains }: Batch,
    takeTurn: (account: Account) => Promise<void>,
  ): Promise<{ readonly account: Account; readonly mail: Mail } | Became> {
    if (due.obstacle !== null) return kept(due, due.obstacle);
    let origin: Origin | null;
    let mail: Mail | { readonly failure: string };
    try {
      origin = await chosen(await originOf(due.senderId), due, works);
      // What may have arrived waits for its own account, while others pass.
      if (!origin) return back(due, "in-doubt", spread(at().add({ seconds: DOUBT_PAUSE_SECONDS })));
      const held = underWay.get(due.id);
      if (held) held.account = origin.account.id ?? 0;
      await takeTurn(origin.account);
      // Handed back before a connection is opened for it.
      if (stopping || rests(origin.account) || transports.waits(origin.account, at()))
        return back(due, null, place(due, at()));
      if (!origin.identity) return back(due, "no-from-address", at().add({ minutes: FAILURE_PAUSE_MINUTES }));
      const { restsUntil } = domains.get(domainOf(due.address ?? due.email ?? "")) ?? { restsUntil: null };
      if (restsUntil) return back(due, "domain-rests", spread(restsUntil));
      mail = await prepare(options, due, { ...origin, identity: origin.identity }, to, at());
    } catch (error) {
      if (isDatabaseLoss(error)) return back(due, null, at());
      const reason = error instanceof CannotSign ? "cannot-sign" : null;
      log.error({ err: error, messageId: due.id }, "a message could not be prepared");
      return back(due, reason, at().add({ minutes: FAILURE_PAUSE_MINUTES }));
    }
    if ("failure" in mail) {
      log.warn({ messageId: due.id, failure: mail.failure }, "a message could not be rendered");
      return { ...NOTHING, state: "refused", reason: "render-failed" };
    }
    return { account: origin.account, mail };
  }

  async function carry(due: Due, { account, mail }: { account: Account; mail: Mail }, domains: Domains): Promise<void> {
    let entry: Entry | Held | undefined;
    let beganMs = 0;
    const within = limitsFor(account, mail.fixed.address, domains);
    const beforeMail = async () => {
      if (stopping || rests(account)) return false;
      try {
        entry = await enter({ id: due.id, fence: due.fence, ...mail.fixed, within });
      } catch (error) {
        log.warn({ err: error }, "a message waits because the database does not answer");
      }
      beganMs = performance.now();
      return entry === "go";
    };
    // A process that was stopped wakes up with mail in its hands that others have sent meanwhile.
    const beforeBody = () => performance.now() - (underWay.get(due.id)?.claimedMs ?? -Infinity) < BODY_WITHIN_MS;
    const record = async (outcome: Outcome) => {
      if (outcome.kind !== "withdrawn" && entry === "go") meters.answered(performance.now() - beganMs);
      try {
        const judgement = await judged(due, account, outcome, entry);
        const measured = measuredIn(mail.fixed.composed.tracking);
        const became = judgement?.state === "accepted" ? { ...judgement, measured } : judgement;
        if (became) await conclude(due, became, entry === "go" ? mail.fixed.address : null);
        if (became && outcome.kind !== "withdrawn") await learn(due, account, mail.fixed.address, became);
      } catch (error) {
        failed(due, error);
      }
    };
    await transports.of(account)(mail.parcel, { beforeMail, beforeBody, record }, at());
  }

  /** Null: the claim is lost, and with it the right to write anything. */
  async function judged(
    due: Due,
    account: Account,
    outcome: Outcome,
    entry: Entry | Held | undefined,
  ): Promise<Became | null> {
    if (outcome.kind === "withdrawn") {
      if (entry === "lost") return null;
      if (typeof entry === "object" && "held" in entry) return heldBack(due, account, entry);
      if (typeof entry === "object") return kept(due, entry.obstacle);
      return { ...back(due, null, at()), ...(entry === "go" && { state: "deferred" }) };
    }
    const entered = entry === "go" ? 1 : 0;
    const attempted = {
      attempts: due.attempts + entered,
      firstAttemptAt: due.firstAttemptAt ?? at(),
      holdUnknown: account.holdUnknown,
    };
    const { trouble, ...result } = judge(outcome, attempted, random(), at());
    if (trouble) await transports.failed(account, trouble, at());
    else if (outcome.kind === "accepted") await transports.succeeded(account);
    if (result.state === "refused")
      log.warn({ messageId: due.id, reason: result.reason }, "a message could not be delivered");
    return result;
  }

  /** What this mail counts against, at today's step of the account's ramp. */
  function limitsFor(account: Account, address: string, domains: Domains): Limited[] {
    const own = { key: `account:${account.id}`, limits: ramped(account.limits, account.ramp, at()) };
    const domain = domainOf(address);
    const theirs = domains.get(domain);
    return [own, ...(theirs ? [{ key: `domain:${domain}`, limits: theirs.limits }] : [])].filter(({ limits }) =>
      isLimited(limits),
    );
  }

  /** A message beyond a limit: it keeps its place while its account rests; what a domain holds up lets others pass. */
  function heldBack(due: Due, account: Account, { held, limits, freeAt }: Held): Became {
    if (held === `account:${account.id}`) {
      resting.set(account.id ?? 0, freeAt);
      return back(due, "rate-limited", place(due, at()));
    }
    const latest = at().add({ minutes: LONGEST_HELD_MINUTES }).epochMilliseconds;
    const turn = Math.min(latest, Math.max(freeAt.epochMilliseconds, queued.get(held) ?? 0));
    queued.set(held, turn + pace(limits));
    return back(due, "rate-limited", Temporal.Instant.fromEpochMilliseconds(Math.floor(turn)));
  }

  /** What an answer says beyond its message: its domain wants a rest, or the account's mail is not wanted anywhere. */
  async function learn(due: Due, account: Account, address: string, became: Became): Promise<void> {
    const { state, reason, reply, stage } = became;
    const domain = domainOf(address);
    if (state === "accepted") slowDomains.accepted(domain);
    else if (reply && stage && state === "deferred") {
      const seconds = slowDomains.slowed(domain, reply);
      const said = `${reply.code} ${reply.text}`.slice(0, MOST_OF_A_REASON);
      if (seconds > 0) await rest(db, { domain, until: at().add({ seconds }), reason: said }, at());
    }
    if (account.id === null || state !== "refused" || reason !== "policy") return;
    const said = `${reply?.code ?? ""} ${reply?.text ?? ""}`.trim().slice(0, MOST_OF_A_REASON);
    const { id, name } = account;
    const campaign = { id: due.campaignId, name: due.campaignName };
    const paused = await guard(db, { account: { id, name }, campaign, said }, at());
    if (paused === "account") resting.set(account.id, at().add({ minutes: 1 }));
    if (paused)
      log.warn({ account: name, campaign: campaign.name, reply: said }, `paused the ${paused}: refused by policy`);
  }

  function works(account: Account): boolean {
    return !account.resumesByHand && !transports.waits(account, at()) && !rests(account);
  }

  function rests(account: Account): boolean {
    const until = resting.get(account.id ?? 0);
    return until !== undefined && Temporal.Instant.compare(until, at()) > 0;
  }

  function atRest(now: Temporal.Instant): number[] {
    for (const [account, until] of resting) if (Temporal.Instant.compare(until, now) <= 0) resting.delete(account);
    return [...resting.keys()];
  }

  /** A little after, so that not all that waited comes at once. */
  function spread(from: Temporal.Instant): Temporal.Instant {
    return from.add({ seconds: Math.floor(random() * SPREAD_SECONDS) });
  }

  async function lookForExpired(now: Temporal.Instant): Promise<void> {
    const next = lookedAt?.add({ seconds: LOOK_FOR_EXPIRED_EVERY_SECONDS });
    if (next && Temporal.Instant.compare(now, next) < 0 && Temporal.Instant.compare(now, lookedAt!) >= 0) return;
    lookedAt = now;
    for (;;) {
      const { freed, inDoubt, more } = await recoverExpired(db, [...underWay.keys()], now);
      if (freed > 0) log.warn({ freed, inDoubt }, "took over messages of a worker that died");
      if (!more) break;
    }
    await skipParked(db, now);
  }

  function saturated(): number[] {
    const counts = new Map<number, number>();
    for (const { account } of underWay.values())
      if (account !== null) counts.set(account, (counts.get(account) ?? 0) + 1);
    return [...counts].filter(([, count]) => count >= MOST_OF_AN_ACCOUNT).map(([account]) => account);
  }

  async function beat(): Promise<void> {
    try {
      const askedMs = performance.now();
      for (const id of await renew(db, [...underWay.values()], at())) {
        const held = underWay.get(id);
        if (held) held.claimedMs = askedMs;
      }
    } catch (error) {
      log.warn({ err: error }, "claims could not be renewed");
    }
  }

  function done(id: number): void {
    underWay.delete(id);
    for (const waiter of waiters) {
      if (underWay.size > waiter.below) continue;
      waiters.delete(waiter);
      waiter.resolve();
    }
    if (underWay.size > 0) return;
    clearInterval(heart);
    heart = undefined;
  }

  function fewerThan(below: number): Promise<void> {
    if (underWay.size <= below) return Promise.resolve();
    return new Promise((resolve) => void waiters.add({ below, resolve }));
  }

  /** The database may restart under us; what a server has accepted is worth waiting for it. */
  async function keepTrying(work: () => Promise<void>): Promise<void> {
    for (let tries = 1; ; tries += 1) {
      try {
        return await work();
      } catch (error) {
        const again = isDatabaseLoss(error) || isDeadlock(error);
        if (!again || tries === RECORD_TRIES || (stopping && tries > 10)) throw error;
        await sleep(RECORD_PAUSE_MS);
      }
    }
  }

  const progress = () => fewerThan(Math.floor(underWay.size / 2));

  return {
    pump,
    offer,
    take,
    progress,
    underWay: () => underWay.size,
    async sendDue(now) {
      let total = 0;
      for (;;) {
        const taken = await pump(now);
        total += taken;
        if (taken === 0 && underWay.size === 0) return total;
        if (taken === 0) await progress();
      }
    },
    restEndsAt: () => [...resting.values()].sort(Temporal.Instant.compare)[0] ?? null,
    async drain(graceMs) {
      stopping = true;
      await transports.close(graceMs);
      await fewerThan(0);
    },
  };
}

function isDeadlock(error: unknown): boolean {
  return error instanceof Error && "code" in error && (error.code === "40P01" || error.code === "40001");
}

const domainOf = (address: string) => address.slice(address.lastIndexOf("@") + 1).toLowerCase();

const NOTHING = { reason: null, nextAttemptAt: null, reply: null, stage: null };

/** What becomes of a message that must not leave: parked while its Email Campaign is paused, else skipped for good. */
function kept(due: Due, obstacle: string): Became {
  return obstacle === "paused" ? back(due, "paused", null) : { ...NOTHING, state: "skipped", reason: obstacle };
}

/** Where a message stands in the queue: it was due then, and those that were due later stay behind it. */
function place(due: Due, now: Temporal.Instant): Temporal.Instant {
  return due.attempts === 0 && Temporal.Instant.compare(due.dueAt, now) < 0 ? due.dueAt : now;
}

function back(due: Due, reason: string | null, nextAttemptAt: Temporal.Instant | null): Became {
  return { ...NOTHING, state: due.attempts > 0 ? "deferred" : "planned", reason, nextAttemptAt };
}
