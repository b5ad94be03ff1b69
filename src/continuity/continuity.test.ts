/** A restored copy sends nothing until somebody has answered; an outage is none. */
import { cpSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import pg from "pg";
import { afterEach, expect, inject, it } from "vitest";
import { type FreshDatabase, freshDatabase } from "../../test/database.ts";
import { actor, at, silent, world } from "../../test/world.ts";
import { openDatabase } from "../db/database.ts";
import { createLifeline, refuseUnlessMayLeave, resumeSending, sendingHold } from "./continuity.ts";

const BEGIN = at("2026-11-02");
const open: { close(): Promise<unknown> }[] = [];
const folders: string[] = [];

afterEach(async () => {
  for (const one of open.splice(0)) await one.close();
  for (const one of folders.splice(0)) rmSync(one, { recursive: true, force: true });
});

const folder = () => {
  const made = mkdtempSync(join(tmpdir(), "tidings-continuity-"));
  folders.push(made);
  return made;
};

async function fresh() {
  const made = await freshDatabase();
  open.push(made);
  return made;
}

/** What reading a dump into another database gives: the same rows, and other ids of database and table. */
async function restored(from: FreshDatabase) {
  await from.database.close();
  const name = `${from.connection.database}_copy`;
  const client = new pg.Client(inject("databaseServer"));
  await client.connect();
  await client.query(`create database ${name} template ${from.connection.database}`);
  await client.end();
  const reopened = openDatabase(from.connection);
  const copy = openDatabase({ ...from.connection, database: name });
  open.unshift(reopened, copy);
  return { original: reopened.db, copy: copy.db };
}

const clockAt = (moment: { now: Temporal.Instant }) => () => moment.now;

function lifeline(db: FreshDatabase["db"], dataDir: string, moment: { now: Temporal.Instant }, machineClock = false) {
  return createLifeline({ db, dataDir, clock: clockAt(moment), log: silent, machineClock });
}

/** Two steps, day 0 and day 3, started on 2 November; the program lives until `until`. */
async function installation(until: Temporal.Instant, dataDir = folder()) {
  const database = await fresh();
  const small = world(database.db, database.database.batches);
  const campaign = await small.campaign([{ day: 0 }, { day: 3 }, { day: 12 }]);
  const person = await small.person();
  const id = await small.start(campaign.id, person.id, BEGIN);
  const moment = { now: BEGIN };
  const line = lifeline(database.db, dataDir, moment);
  expect(await line.mayLeave()).toBe(true);
  await small.delivery().runUntilIdle(BEGIN);
  moment.now = until;
  await line.beat();
  return { database, id, dataDir, moment, line };
}

it("E57 a server that was down over night catches up by itself", async () => {
  const { database, dataDir, id } = await installation(at("2026-11-05T02:00:00Z"));
  const moment = { now: at("2026-11-05T12:00:00Z") };
  expect(await lifeline(database.db, dataDir, moment).mayLeave()).toBe(true);
  await world(database.db, database.database.batches).delivery().runUntilIdle(moment.now);
  expect(await world(database.db, database.database.batches).messages(id)).toMatchObject([
    { state: "accepted" },
    { state: "accepted" },
  ]);
});

it("a dump read back holds, shows what is due, and a `run` refuses", async () => {
  const { database } = await installation(at("2026-11-04"));
  const { copy } = await restored(database);
  const moment = { now: at("2026-11-06") };
  const line = lifeline(copy, folder(), moment);
  expect(await line.mayLeave()).toBe(false);
  const { held } = await sendingHold(copy, moment.now);
  expect(held).toMatchObject({ reason: "copied", lastAliveAt: at("2026-11-04"), due: 1 });
  expect(held?.first).toMatchObject([{ person: "Ana Ruiz", dueAt: at("2026-11-05") }]);
  await expect(refuseUnlessMayLeave(copy, line)).rejects.toMatchObject({ code: "sending-held" });
  // A second process, and the same one later, find it held.
  expect(await lifeline(copy, folder(), moment).mayLeave()).toBe(false);
});

it("`skip` resolves what is due, and what lies ahead goes on", async () => {
  const { database, id } = await installation(at("2026-11-04"));
  const { copy } = await restored(database);
  const moment = { now: at("2026-11-06") };
  const line = lifeline(copy, folder(), moment);
  await line.mayLeave();
  expect(await resumeSending(copy, "skip", actor, moment.now)).toEqual({ skipped: 1 });
  expect(await line.mayLeave()).toBe(true);
  const small = world(copy);
  await small.delivery().runUntilIdle(moment.now);
  expect(await small.messages(id)).toMatchObject([{ state: "accepted" }, { state: "skipped", reason: "restored" }]);
  expect(await small.status(id)).toMatchObject({ status: "In Progress", nextDueAt: at("2026-11-14") });
  await small.delivery().runUntilIdle(at("2026-11-14"));
  expect(await small.status(id)).toMatchObject({ status: "Completed" });
  await expect(resumeSending(copy, "skip", actor, moment.now)).rejects.toMatchObject({ code: "sending-not-held" });
});

it("`skip` resolves what was on its way when the backup was made, and wakes what waited for it", async () => {
  const { database, id } = await installation(at("2026-11-05T10:00:00Z"));
  await world(database.db, database.database.batches).delivery().planDue(at("2026-11-05T10:00:00Z"));
  await database.db
    .updateTable("messages")
    .set({ state: "in_data", claimedBy: "gone", claimedUntil: at("2026-11-05T10:01:00Z"), nextAttemptAt: null })
    .where("state", "=", "planned")
    .execute();
  const { copy } = await restored(database);
  const moment = { now: at("2026-11-06") };
  await lifeline(copy, folder(), moment).mayLeave();
  expect(await resumeSending(copy, "skip", actor, moment.now)).toEqual({ skipped: 1 });
  await world(copy).delivery().runUntilIdle(moment.now);
  expect(await world(copy).messages(id)).toMatchObject([
    { state: "accepted" },
    { state: "skipped", reason: "restored" },
  ]);
  expect(await world(copy).status(id)).toMatchObject({ nextDueAt: at("2026-11-14") });
});

it("`keep` lets what is due leave", async () => {
  const { database, id } = await installation(at("2026-11-04"));
  const { copy } = await restored(database);
  const moment = { now: at("2026-11-06") };
  const line = lifeline(copy, folder(), moment);
  await line.mayLeave();
  expect(await resumeSending(copy, "keep", actor, moment.now)).toEqual({ skipped: 0 });
  expect(await line.mayLeave()).toBe(true);
  await world(copy).delivery().runUntilIdle(moment.now);
  expect(await world(copy).messages(id)).toMatchObject([{ state: "accepted" }, { state: "accepted" }]);
});

it("a folder that saw a later state holds a backup, even where nothing is due", async () => {
  const { database, dataDir } = await installation(at("2026-11-03"));
  const { original, copy } = await restored(database);
  await lifeline(original, dataDir, { now: at("2026-11-03T00:01:00Z") }).beat();
  const moment = { now: at("2026-11-03T00:02:00Z") };
  expect(await lifeline(copy, dataDir, moment).mayLeave()).toBe(false);
  expect((await sendingHold(copy, moment.now)).held).toMatchObject({ reason: "went-back", due: 0 });
});

it("a data folder copied with its database holds what is due; the same folder after the same time does not", async () => {
  const { database, dataDir } = await installation(at("2026-11-05T02:00:00Z"));
  const moment = { now: at("2026-11-05T12:00:00Z") };
  const copied = folder();
  cpSync(dataDir, copied, { recursive: true, preserveTimestamps: true });
  expect(await lifeline(database.db, copied, moment).mayLeave()).toBe(false);
  expect((await sendingHold(database.db, moment.now)).held).toMatchObject({ reason: "copied" });
});

it("more than three silent days with mail due are asked about", async () => {
  const { database, dataDir } = await installation(at("2026-11-03"));
  const moment = { now: at("2026-11-06T10:00:00Z") };
  expect(await lifeline(database.db, dataDir, moment).mayLeave()).toBe(false);
  expect((await sendingHold(database.db, moment.now)).held).toMatchObject({ reason: "silent", due: 1 });
});

it("a database that is exchanged under a running program is held at its next turn", async () => {
  const { database, line } = await installation(at("2026-11-03"));
  for (let beats = 0; beats < 8; beats += 1) await line.beat();
  expect(await line.mayLeave()).toBe(true);
  await database.db.updateTable("continuity").set({ pulse: 1 }).execute();
  expect(await line.mayLeave()).toBe(false);
  expect(await line.mayLeave()).toBe(false);
  expect((await sendingHold(database.db, at("2026-11-03"))).held).toMatchObject({ reason: "went-back" });
});

it("a machine whose clock is far from the database's sends nothing until it is right", async () => {
  const database = await fresh();
  const moment = { now: Temporal.Now.instant().add({ seconds: 30 }) };
  const line = lifeline(database.db, folder(), moment, true);
  expect(await line.mayLeave()).toBe(false);
  expect(line.clockSkewMs()).toBeGreaterThan(20_000);
  moment.now = Temporal.Now.instant();
  expect(await line.mayLeave()).toBe(true);
  moment.now = Temporal.Now.instant().subtract({ hours: 2 });
  expect(await line.mayLeave()).toBe(false);
});
