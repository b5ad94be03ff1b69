/** The database that needs no set-up: PostgreSQL as a child of this process, under the data folder. Knows no tables. */
import { resolve } from "node:path";
import { setTimeout as wait } from "node:timers/promises";
import { refuse } from "../core/problem.ts";
import type { Connection } from "./database.ts";
import { findBinaries } from "./embedded-binaries.ts";
import { lastOwner, livingOwner, type Owner, type Ownership, startTicks, takeOwnership } from "./embedded-owner.ts";
import { makePlace, makeSocketFolder, type Place, removeSocketFolder } from "./embedded-place.ts";
import { launch, makeCluster, NAME, PORT, type Server, type Settings } from "./embedded-server.ts";

export type Embedded = {
  readonly connection: Exclude<Connection, string>;
  /** True where another process runs the server; `stop` then leaves it alone. */
  readonly joined: boolean;
  /** The server's process now; it changes when the server is started again after a crash. */
  readonly pid: number | undefined;
  stop(): Promise<void>;
};

export type EmbeddedOptions = {
  readonly dataDir: string;
  readonly log: (sentence: string) => void;
  /** What runs, told to whoever comes second, such as `tidings import`. */
  readonly command?: string;
  /** A process that stays (serve, work). Two of them never share a folder; commands join it. */
  readonly serves?: boolean;
  /** Where it answers, told to whoever comes second. */
  readonly address?: string;
  /** Called once when the server is gone and could not be started again. The program should end. */
  readonly onExit?: (reason: string) => void;
  /** For tests, which need no durability. */
  readonly settings?: Settings;
};

/** A server that ends this often has a reason that another start does not mend. */
const RESTARTS = 5;
/** After running for so long an end counts as the first again. */
const SETTLED_MS = 600_000;
const POLL_MS = 50;
/** A command waits for another one that runs the database; an import of a million people takes under a minute. */
const WAIT_LIMIT_MS = 600_000;

/**
 * Starts the server of a data folder, or joins the one that `tidings serve` runs there.
 *
 * One process owns a folder at a time. A second one that `serves` is refused and told who does. A command joins a
 * serving owner; where another command is the owner it waits for its end (ten minutes at most), because that one takes
 * its server with it.
 * @throws Refusal `data-folder-in-use`, `data-folder-unusable`, `no-embedded-database`, `database-of-another-version`
 */
export async function startEmbedded(options: EmbeddedOptions, now: Temporal.Instant): Promise<Embedded> {
  const place = makePlace(resolve(options.dataDir));
  const found = await ownOrJoin(place, options);
  if ("host" in found) {
    const connection = connectionAt(found.host);
    return { connection, joined: true, pid: undefined, stop: () => Promise.resolve() };
  }
  try {
    return await own(place, found, options, now);
  } catch (error) {
    found.release();
    throw error;
  }
}

async function ownOrJoin(place: Place, options: EmbeddedOptions): Promise<Ownership | { host: string }> {
  const limit = performance.now() + WAIT_LIMIT_MS;
  let told = false;
  for (;;) {
    const ownership = takeOwnership(place.base);
    if (ownership) return ownership;
    const owner = livingOwner(place.base);
    if (owner?.serves && options.serves) {
      refuse("data-folder-in-use", `${nameOf(owner)} uses the data folder ${options.dataDir} already.`);
    }
    if (owner?.serves && owner.host !== undefined) return { host: owner.host };
    if (performance.now() > limit) {
      const who = owner ? nameOf(owner) : "Another process, perhaps in another container,";
      refuse("data-folder-in-use", `${who} still uses the data folder ${options.dataDir}.`);
    }
    if (owner && !owner.serves && !told) {
      options.log(`${nameOf(owner)} is using the database; waiting for it to end.`);
      told = true;
    }
    await wait(POLL_MS);
  }
}

const nameOf = (owner: Owner) =>
  `${owner.command} (pid ${owner.pid}, since ${owner.since}${owner.address ? `, at ${owner.address}` : ""})`;

async function own(
  place: Place,
  ownership: Ownership,
  options: EmbeddedOptions,
  now: Temporal.Instant,
): Promise<Embedded> {
  const { log, settings = {} } = options;
  const former = lastOwner(place.base)?.host;
  if (former !== undefined) removeSocketFolder(former);
  const owner: Owner = {
    pid: process.pid,
    startTicks: startTicks(process.pid) ?? "",
    command: options.command ?? "tidings",
    serves: options.serves ?? false,
    since: now.round("second").toString(),
    address: options.address,
  };
  ownership.tell(owner);
  const binaries = findBinaries(place.base, place.credentials);
  makeCluster(place, binaries);
  const host = makeSocketFolder(place);
  const start = () => launch(place, binaries, host, settings, log);
  const kept = await keep(start, log, options.onExit);
  ownership.tell({ ...owner, host });
  return {
    connection: connectionAt(host),
    joined: false,
    get pid() {
      return kept.server.pid;
    },
    async stop() {
      await kept.stop();
      removeSocketFolder(host);
      ownership.release();
    },
  };
}

const connectionAt = (host: string) => ({ host, port: PORT, user: NAME, database: NAME });

/** Keeps a server running: starts it again when it ends by itself, a few times. */
async function keep(start: () => Promise<Server>, log: EmbeddedOptions["log"], onExit: EmbeddedOptions["onExit"]) {
  let stopping = false;
  const kept = { server: await start(), stop };
  const watching = watch();

  async function watch(): Promise<void> {
    let ends = 0;
    for (;;) {
      const began = performance.now();
      await kept.server.ended;
      if (stopping) return;
      ends = performance.now() - began > SETTLED_MS ? 1 : ends + 1;
      if (ends > RESTARTS) return giveUp(`The database server ended ${ends} times`);
      log("The database server ended by itself; starting it again.");
      try {
        kept.server = await start();
      } catch (error) {
        return giveUp(`The database server ended and did not start again: ${(error as Error).message}`);
      }
      log("The database server runs again.");
    }
  }

  function giveUp(reason: string): void {
    if (stopping) return;
    log(reason);
    onExit?.(reason);
  }

  async function stop(): Promise<void> {
    stopping = true;
    await kept.server.stop();
    await watching;
    // The one that was being started again while we were told to stop.
    await kept.server.stop();
  }

  return kept;
}
