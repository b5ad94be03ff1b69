import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { setTimeout as sleep } from "node:timers/promises";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { type FreshDatabase, freshDatabase } from "../../test/database.ts";
import { type Sink, startSink } from "../../test/smtp-sink.ts";
import { type World, world } from "../../test/world.ts";

const tidings = join(import.meta.dirname, "../../bin/tidings");
const CONNECTIONS = 3;
const MAILS = 60;
/** What docs/operations.md tells the administrator to give it. */
const MOST_MS = 30_000;

let fresh: FreshDatabase;
let small: World;
let dataDir: string;
let child: ChildProcess | undefined;
let sink: Sink | undefined;

beforeEach(async () => {
  fresh = await freshDatabase();
  small = world(fresh.db, fresh.database.batches);
  await small.postalAddress("1 Street");
  dataDir = mkdtempSync(join(tmpdir(), "tidings-drain-"));
});
afterEach(async () => {
  child?.kill("SIGKILL");
  await sink?.close();
  await fresh.close();
  rmSync(dataDir, { recursive: true });
});

/** Mail for many people by a server that answers the final dot after a while, and the program at work on it. */
async function working(command: "serve" | "work", slowMs: number) {
  sink = await startSink({ recipient: () => "slow", slowMs });
  const email = "us@example.com";
  const { id: emailAccountId } = await small.account(sink.port, { email, connections: CONNECTIONS });
  const { id: senderId } = await small.sender({ emailAccountId });
  const campaign = await small.campaign([{ day: 0 }]);
  const began = Temporal.Now.instant();
  for (let count = 0; count < MAILS; count += 1) {
    const { id } = await small.person();
    await small.start(campaign.id, id, began, { senderId });
  }
  const settings = { PATH: process.env["PATH"], DATABASE_URL: fresh.url, TIDINGS_DATA_DIR: dataDir, PORT: "0" };
  const program = spawn(tidings, [command, "--json"], { env: settings });
  child = program;
  let log = "";
  program.stderr.on("data", (chunk: Buffer) => (log += chunk.toString()));
  await once(createInterface({ input: program.stdout }), "line");
  return { program, sink, log: () => log, ended: once(program, "exit") };
}

/** Until the server has a whole mail on each connection and has answered none of them. */
async function inData(server: Sink): Promise<void> {
  for (let tries = 0; tries < 400; tries += 1) {
    if (server.messages.length >= CONNECTIONS) return;
    await sleep(50);
  }
  throw new Error("No mail came to the server.");
}

const messages = () => fresh.db.selectFrom("messages").selectAll().orderBy("id").execute();
const count = (rows: readonly { state: string }[], state: string) => rows.filter((row) => row.state === state).length;

describe("told to stop", () => {
  it.each(["serve", "work"] as const)(
    "O2 %s finishes and records what is in DATA, hands the rest back at once, and ends with 0 in time",
    async (command) => {
      const { program, ended, log, sink: server } = await working(command, 3000);
      await inData(server);
      const before = await messages();
      expect(count(before, "claimed") + count(before, "in_data")).toBeGreaterThan(CONNECTIONS);
      const toldMs = performance.now();
      program.kill("SIGTERM");
      expect([await ended, log().includes('"level":50')]).toEqual([[0, null], false]);
      expect(performance.now() - toldMs).toBeLessThan(MOST_MS);
      const after = await messages();
      // What the server took is recorded, and nothing else was begun.
      expect(count(after, "accepted")).toBe(server.messages.length);
      expect(server.messages.length).toBeLessThanOrEqual(2 * CONNECTIONS);
      expect(new Set(server.messages.map(({ to }) => to)).size).toBe(server.messages.length);
      const others = after.filter(({ state }) => state !== "accepted");
      expect(others.length).toBe(after.length - server.messages.length);
      // Free for any other process now, not when a lease runs out; and never tried.
      for (const { state, claimedUntil, claimedBy, nextAttemptAt } of others) {
        expect({ state, claimedUntil, claimedBy }).toEqual({ state: "planned", claimedUntil: null, claimedBy: null });
        expect(Temporal.Instant.compare(nextAttemptAt!, Temporal.Now.instant())).toBe(-1);
      }
    },
  );

  it("O2 a second time it ends at once; what is in DATA is then in doubt, and nothing else is", async () => {
    const { program, ended, sink: server } = await working("work", 25_000);
    await inData(server);
    program.kill("SIGTERM");
    await sleep(1500);
    expect([program.exitCode, program.signalCode]).toEqual([null, null]);
    const toldMs = performance.now();
    program.kill("SIGTERM");
    expect(await ended).toEqual([0, null]);
    expect(performance.now() - toldMs).toBeLessThan(3000);
    const after = await messages();
    // A connection has one mail in DATA, and the envelope of the next behind it.
    expect(count(after, "in_data")).toBeGreaterThanOrEqual(CONNECTIONS);
    expect(count(after, "in_data")).toBeLessThanOrEqual(2 * CONNECTIONS);
    expect(count(after, "planned")).toBe(after.length - count(after, "in_data"));
  });
});
