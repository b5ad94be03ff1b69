/**
 * One seed: one or two people go through two or three steps while workers plan and send over one database, die between any two
 * statements, fall asleep past their leases, and people leave, pause and come back. Then all heals, and it is judged.
 */
import { randomFrom } from "../faults/chance.ts";
import type { FreshDatabase } from "../database.ts";
import { actor as by, linkKeys, PUBLIC_URL, seal, silent, type World } from "../world.ts";
import { createDelivery, type Delivery, resolveDoubt } from "../../src/delivery/delivery.ts";
import * as emailCampaigns from "../../src/email-campaigns/email-campaigns.ts";
import { suppress } from "../../src/suppressions/suppressions.ts";
import { leave, leaverOf } from "../../src/unsubscribe/unsubscribe.ts";
import { inTransaction } from "../../src/db/database.ts";
import { gatedDatabase, hangUp } from "./gated.ts";
import { type Entered, type Ended, judge } from "./judge.ts";
import { createRelay } from "./relay.ts";
import { type Actor, createTurnstile, type Done, type Turnstile } from "./turnstile.ts";

const WORKERS = 2;
/** Turns under faults; after them it heals. */
const MOST_TURNS = 80;
const MOST_ROUNDS_OF_HEALING = 120;

/** What else may happen between two turns, and how often of a thousand times. */
const EVENTS = { crash: 14, unheard: 10, sleep: 8, wake: 40, clock: 60, person: 14 } as const;

/** After these a worker that found nothing may find something. */
const WAKES = new Set(["AFTER RESULTS", "select pg_notify('tidings_due', '')", "RECOVER"]);

type Worker = Actor & { readonly delivery: Delivery; busy: boolean; /** It found nothing to do. */ rests: boolean };

export type Shared = {
  readonly fresh: FreshDatabase;
  readonly world: World;
  readonly account: { readonly id: number };
  readonly senderId: number;
  /** Of which day a seed is: each has its own, so that what is due is its own alone. */
  readonly clock: { now: Temporal.Instant };
};

export type Played = {
  readonly broken: readonly string[];
  readonly trace: readonly string[];
  readonly counts: Counts;
};

/** What came of it, added up over all seeds to see that something happened. */
type Counts = { turns: number; killed: number; taken: number; "once more": number; skipped: number };

export async function play({ fresh, world, senderId, clock }: Shared, seed: number): Promise<Played> {
  const random = randomFrom(seed);
  const pick = <One>(all: readonly One[]): One => all[Math.floor(random() * all.length)]!;
  const { db, pool } = fresh;
  const count = pick([1, 2, 2]);
  const days = pick([
    [0, 0],
    [0, 0],
    [0, 0, 1],
  ]);
  clock.now = clock.now.add({ hours: 24 * 30 });
  const entered: Entered[] = [];
  const ended: Ended[] = [];
  let healing = false;
  const counts: Counts = { turns: 0, killed: 0, taken: 0, "once more": 0, skipped: 0 };
  const turnstile: Turnstile = createTurnstile((done) => {
    counts.turns += 1;
    notice(done);
  });
  const relay = createRelay(turnstile, random, () => healing);
  const giveBack = turnstile.takeTimers(() => clock.now.epochMilliseconds);

  const campaign = await world.campaign(
    days.map((day, step) => ({ day, subject: `Step ${step + 1}`, expiresAfterDays: 60 })),
  );
  const people: { readonly personId: number; readonly id: number }[] = [];
  for (let made = 0; made < count; made += 1) {
    const { id: personId } = await world.person();
    people.push({ personId, id: await world.start(campaign.id, personId, clock.now, { senderId }) });
  }
  await fresh.pool.query("update email_accounts set hold_unknown = $1", [random() < 0.3]);

  const workers: Worker[] = [];
  const others: Actor[] = [];
  let names = 0;

  function newActor(name: string): Actor {
    return { name, alive: true, asleep: false, connections: new Set(), open: new Set() };
  }
  function newWorker(): Worker {
    const actor = newActor(`worker ${(names += 1)}`);
    const gated = gatedDatabase(pool, turnstile, actor);
    const delivery = createDelivery({
      db: gated,
      vault: { seal },
      publicUrl: PUBLIC_URL,
      linkKeys,
      log: silent,
      random,
      createPool: () => relay.poolOf(actor),
    });
    return Object.assign(actor, { delivery, busy: false, rests: false });
  }
  function notice({ actor, what, began, result }: Done): void {
    if (WAKES.has(what)) wakeUp();
    if (what !== "ENTER") return;
    for (const { id } of (result as { rows: { id: number }[] }).rows)
      entered.push({ messageId: id, tick: began, actor: actor.name });
  }

  /** A worker's next turn, as its loop would take it; one that fails takes another. */
  function begin(worker: Worker): void {
    worker.busy = true;
    turnstile.note(`${worker.name} begins a turn`);
    void turnstile
      .as(worker, () => worker.delivery.turn(clock.now))
      .then((more) => (worker.rests = !more))
      .catch((error: unknown) => turnstile.note(`${worker.name} failed: ${(error as Error).message}`))
      .then(() => (worker.busy = false));
  }
  /** Something was recorded, somebody acted, or time went by: those that rest look again. */
  function wakeUp(): void {
    for (const worker of workers) worker.rests = false;
  }
  async function crash(worker: Worker): Promise<void> {
    counts.killed += 1;
    turnstile.note(`${worker.name} is killed`);
    turnstile.forget(worker);
    await hangUp(worker, turnstile);
    workers.splice(workers.indexOf(worker), 1, newWorker());
  }
  const settle = () =>
    turnstile.settle(async (pid) => {
      const { rows } = await pool.query("select pg_blocking_pids($1) <> '{}' as blocked", [pid]);
      return rows[0].blocked as boolean;
    });

  /** What somebody at the browser does about one of them. */
  function somebodyActs(): void {
    const actor = newActor(`person ${(names += 1)}`);
    others.push(actor);
    const gated = gatedDatabase(pool, turnstile, actor);
    const { id, personId } = pick(people);
    const now = clock.now;
    const deeds: Record<string, () => Promise<unknown>> = {
      async leaves() {
        const [first] = await world.messages(id);
        if (!first) return;
        const leaver = await leaverOf(gated, { emailCampaignId: id, personId, messageId: first.id });
        await leave(gated, leaver!, "everything", "page", now);
        ended.push({ emailCampaignId: id, from: turnstile.tick(), to: Infinity });
      },
      async "is suppressed"() {
        const { email } = await db
          .selectFrom("people")
          .select("email")
          .where("id", "=", personId)
          .executeTakeFirstOrThrow();
        const what = { emailKey: email!, personId, scope: "everything", reason: "manual", origin: null } as const;
        await inTransaction(gated, (tx) => suppress(tx, what, now));
        ended.push({ emailCampaignId: id, from: turnstile.tick(), to: Infinity });
      },
      async "is cancelled"() {
        await emailCampaigns.cancel(gated, id, by, now);
        ended.push({ emailCampaignId: id, from: turnstile.tick(), to: Infinity });
      },
      async "is paused"() {
        await emailCampaigns.pause(gated, id, by, now);
        const pause = { emailCampaignId: id, from: turnstile.tick(), to: Infinity };
        ended.push(pause);
        // Somebody resumes it later; from the first statement on it may leave again.
        await turnstile.ask(actor, "waits before resuming", () => Promise.resolve());
        pause.to = turnstile.tick();
        await emailCampaigns.resume(gated, id, by, clock.now);
      },
    };
    const name = pick(["leaves", "is paused", "is paused", "is suppressed", "is cancelled", "is paused"]);
    turnstile.note(`${actor.name}: Email Campaign ${id} ${name}`);
    void turnstile
      .as(actor, deeds[name]!)
      .catch((error: unknown) => turnstile.note(`${actor.name} was refused: ${(error as Error).message}`))
      .then(() => (actor.alive = false));
  }

  async function event(): Promise<void> {
    const dice = random() * 1000;
    let upTo = 0;
    const falls = (name: keyof typeof EVENTS) => dice < (upTo += EVENTS[name]);
    if (falls("crash")) await crash(pick(workers));
    else if (falls("unheard")) {
      // The server did it, and whoever asked is dead before the answer.
      const turns = turnstile.waiting().filter((turn) => workers.some((worker) => worker === turn.actor));
      if (turns.length === 0) return;
      const turn = pick(turns);
      await turn.take({ unheard: true });
      await settle();
      await crash(turn.actor as Worker);
    } else if (falls("sleep")) {
      const worker = pick(workers);
      // Whoever holds a transaction open would hold up all others for ever; PostgreSQL ends it by its own time limits.
      if (worker.open.size === 0) worker.asleep = true;
      turnstile.note(`${worker.name} falls asleep`);
    } else if (falls("wake")) {
      for (const worker of workers) worker.asleep = false;
    } else if (falls("clock")) {
      clock.now = clock.now.add({ seconds: pick([1, 5, 15, 15, 61]) });
      turnstile.note(`it is ${clock.now.toString()}`);
      wakeUp();
      turnstile.ring(clock.now.epochMilliseconds);
    } else if (falls("person")) somebodyActs();
  }

  async function one(): Promise<boolean> {
    const turns = turnstile.waiting();
    const idle = workers.filter((worker) => !worker.busy && !worker.asleep && !worker.rests);
    const choices: (() => Promise<void> | void)[] = [
      ...turns.map((turn) => () => turn.take()),
      ...idle.map((worker) => () => begin(worker)),
    ];
    if (choices.length === 0) {
      clock.now = clock.now.add({ seconds: 5 });
      wakeUp();
      // What is waited for may be held by who sleeps.
      if (turnstile.blockedCount() > 0 && workers.every((worker) => !worker.asleep)) await turnstile.unblock();
      for (const worker of workers) worker.asleep = false;
      await settle();
      return false;
    }
    await pick(choices)();
    await settle();
    return true;
  }

  try {
    for (let count = 0; count < WORKERS; count += 1) workers.push(newWorker());
    for (let turn = 0; turn < MOST_TURNS; turn += 1) {
      await event();
      await settle();
      await one();
    }
    await heal();
    counts.taken = relay.taken.length;
    counts["once more"] = relay.taken.length - new Set(relay.taken.map(({ messageId }) => messageId)).size;
    counts.skipped = await skipped();
    const seen = { people, steps: days.length, entered, ended, taken: relay.taken };
    return { broken: await judge(db, seen), trace: turnstile.trace, counts };
  } catch (error) {
    return { broken: [String((error as Error).stack)], trace: turnstile.trace, counts };
  } finally {
    giveBack();
    for (const actor of [...workers, ...others]) {
      turnstile.forget(actor);
      await hangUp(actor, turnstile);
    }
  }

  /** Everybody is awake, nobody dies any more, the relay takes everything, and time goes by. */
  async function heal(): Promise<void> {
    healing = true;
    turnstile.note("healing");
    for (const worker of workers) worker.asleep = false;
    for (let round = 0; round < MOST_ROUNDS_OF_HEALING; round += 1) {
      // What is under way ends, and each worker takes a turn that finds nothing more to do.
      for (let turn = 0; turn < 400; turn += 1) {
        const turns = turnstile.waiting();
        if (turns.length > 0) await pick(turns).take();
        else if (turnstile.blockedCount() > 0) await turnstile.unblock();
        else break;
        await settle();
      }
      const open = await unresolved();
      if (open.length === 0) return;
      for (const { id, state } of open)
        if (state === "unknown") await resolveDoubt(db, id!, random() < 0.5 ? "arrived" : "send-again", by, clock.now);
      const free = workers.filter((worker) => !worker.busy);
      if (free.length > 0) begin(pick(free));
      await settle();
      if (turnstile.waiting().length > 0 && round % 3 !== 2) continue;
      const wake = await nextMoment();
      const later = clock.now.add({ seconds: 21 });
      clock.now = wake !== null && Temporal.Instant.compare(wake, later) > 0 && round % 3 === 2 ? wake : later;
      turnstile.ring(clock.now.epochMilliseconds);
    }
    turnstile.note(`not healed: ${JSON.stringify(await unresolved())}`);
  }

  type Open = { readonly id: number | null; readonly state: string };

  async function unresolved(): Promise<readonly Open[]> {
    const { rows } = await pool.query<Open>(
      `select messages.id, messages.state from messages where email_campaign_id = any($1) and outcome is null
       union all
       select null, status from email_campaigns where id = any($1) and status in ('Scheduled', 'In Progress')`,
      [people.map(({ id }) => id)],
    );
    return rows;
  }

  async function skipped(): Promise<number> {
    const { rows } = await pool.query<{ count: number }>(
      "select count(*)::int as count from messages where email_campaign_id = any($1) and state = 'skipped'",
      [people.map(({ id }) => id)],
    );
    return rows[0]!.count;
  }

  async function nextMoment(): Promise<Temporal.Instant | null> {
    const { rows } = await pool.query<{ at: Temporal.Instant | null }>(
      `select least((select min(next_due_at) from email_campaigns where id = any($1)),
        (select min(greatest(next_attempt_at, claimed_until)) from messages where email_campaign_id = any($1) and outcome is null)) as at`,
      [people.map(({ id }) => id)],
    );
    return rows[0]!.at;
  }
}
