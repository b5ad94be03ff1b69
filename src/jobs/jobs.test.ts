import { get as request } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { afterAll, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { type FreshDatabase, freshDatabase } from "../../test/database.ts";
import * as keys from "../accounts/keys.ts";
import { createApp } from "../app.ts";
import { refuse } from "../core/problem.ts";
import { inTransaction } from "../db/database.ts";
import { openLog } from "../log.ts";
import { openSecrets } from "../secret.ts";
import { enqueue, get, type JobHandlers } from "./jobs.ts";
import { prepareQueue, rescueJobs, runJobsOnce, startJobs } from "./runner.ts";
import * as store from "./store.ts";

const noon = Temporal.Instant.from("2026-12-01T12:00:00Z");
const ana = { name: "ana@example.com" };

let fresh: FreshDatabase;
let logged = "";
const log = openLog({ readable: false }, { write: (text) => (logged += text) });
const running = (handlers: JobHandlers) => ({ database: fresh.database, handlers, clock: () => noon, log });
const queue = (kind: string, input = {}) => inTransaction(fresh.db, (tx) => enqueue(tx, kind, input, ana, noon));

beforeAll(async () => {
  fresh = await freshDatabase();
  await prepareQueue(fresh.database);
});
afterAll(() => fresh.close());
beforeEach(async () => {
  await fresh.pool.query("delete from jobs; delete from graphile_worker._private_jobs");
  logged = "";
});

describe("long work", () => {
  it("runs once, with its input, and leaves its result and how far it came", async () => {
    const seen: unknown[] = [];
    const id = await queue("count", { to: 5 });
    const handlers: JobHandlers = {
      count: async ({ progress }, job) => {
        seen.push(job.input);
        await progress(0, 5);
        await progress(5, 5);
        return { counted: 5 };
      },
    };
    await runJobsOnce(running(handlers));
    await runJobsOnce(running(handlers));
    expect(seen).toEqual([{ to: 5 }]);
    expect(await get(fresh.db, id)).toMatchObject({
      state: "succeeded",
      done: 5,
      total: 5,
      result: { counted: 5 },
      createdBy: ana.name,
    });
  });

  it("is not queued when the transaction that asked for it fails", async () => {
    const failing = inTransaction(fresh.db, async (tx) => {
      await enqueue(tx, "count", {}, ana, noon);
      throw new Error("changed my mind");
    });
    await expect(failing).rejects.toThrow("changed my mind");
    let ran = 0;
    await runJobsOnce(running({ count: async () => void (ran += 1) }));
    expect([ran, await store.list(fresh.db, { limit: 10 })]).toEqual([0, []]);
  });

  it("that is refused fails with the refusal's sentence", async () => {
    const id = await queue("refused");
    await runJobsOnce(running({ refused: () => refuse("file-not-found", "The file is gone.") }));
    expect(await get(fresh.db, id)).toMatchObject({ state: "failed", error: "The file is gone." });
  });

  it("that breaks fails once, tells its reader nothing of its inner life, and tells the log", async () => {
    const id = await queue("broken");
    let ran = 0;
    const handlers: JobHandlers = {
      broken: async () => {
        ran += 1;
        throw new Error("select secret from /etc");
      },
    };
    await runJobsOnce(running(handlers));
    await runJobsOnce(running(handlers));
    const job = await get(fresh.db, id);
    expect([ran, job.state]).toEqual([1, "failed"]);
    expect(job.error).not.toContain("secret");
    expect(logged).toContain("select secret from");
  });

  it("whose process died is run again, and the dead run writes nothing more", async () => {
    const id = await queue("long");
    // What a process leaves behind that dies in the middle: the queue's lock and a run with an old heartbeat.
    await fresh.pool.query(
      "update graphile_worker._private_jobs set locked_at = now(), locked_by = 'dead', attempts = 1",
    );
    const dead = await store.begin(fresh.db, id, noon.subtract({ minutes: 5 }));
    let ran = 0;
    const handlers: JobHandlers = { long: async () => void (ran += 1) };
    await runJobsOnce(running(handlers));
    expect(ran).toBe(0);

    expect(await rescueJobs(fresh.db, noon)).toBe(1);
    await runJobsOnce(running(handlers));
    expect([ran, (await get(fresh.db, id)).state]).toEqual([1, "succeeded"]);
    await store.fail(fresh.db, dead as store.Run, "I am not dead", noon);
    expect((await get(fresh.db, id)).state).toBe("succeeded");
  });

  it("that still has a heartbeat is left alone, however long it takes", async () => {
    const id = await queue("slow");
    await store.begin(fresh.db, id, noon.subtract({ hours: 5 }));
    await fresh.pool.query("update jobs set heartbeat_at = $1", [noon.subtract({ seconds: 20 })]);
    expect(await rescueJobs(fresh.db, noon)).toBe(0);
    expect((await get(fresh.db, id)).state).toBe("running");
  });

  it("that kills every process it runs in is given up", async () => {
    const id = await queue("poison");
    await store.begin(fresh.db, id, noon.subtract({ minutes: 5 }));
    await fresh.pool.query(
      "update graphile_worker._private_jobs set locked_at = now(), locked_by = 'dead', attempts = max_attempts",
    );
    await rescueJobs(fresh.db, noon);
    expect(await get(fresh.db, id)).toMatchObject({ state: "failed" });
  });

  it("that is asked to stop is put back and runs again later", async () => {
    const id = await queue("patient");
    const begun = Promise.withResolvers<void>();
    const runner = startJobs(
      running({
        patient: ({ signal }) =>
          new Promise((_resolve, reject) => {
            begun.resolve();
            signal.addEventListener("abort", () => reject(new Error("stopped")), { once: true });
          }),
      }),
    );
    await begun.promise;
    await runner.stop();
    expect((await get(fresh.db, id)).state).toBe("queued");
    const { rows } = await fresh.pool.query("select locked_by from graphile_worker._private_jobs");
    expect(rows).toEqual([{ locked_by: null }]);
  });

  it("streams its progress until it ends", async () => {
    const app = createApp({
      config: { publicUrl: "http://localhost", smtpUrl: undefined, dataDir: tmpdir() },
      database: fresh.database,
      secrets: openSecrets({ secret: "a secret that only this test uses", dataDir: "" }),
      log,
      clock: () => noon,
      migrate: async () => undefined,
    });
    const { key } = await keys.create(
      fresh.db,
      { name: "k", role: "viewer" },
      { name: "x", role: "administrator" },
      noon,
    );
    const id = await queue("streamed");
    await app.http.listen({ port: 0, host: "127.0.0.1" });
    const { port } = app.http.server.address() as AddressInfo;
    const events = await new Promise<string>((resolve, reject) => {
      const headers = { authorization: `Bearer ${key}` };
      request({ port, path: `/api/v1/jobs/${id}/events`, headers }, (answer) => {
        let text = "";
        expect(answer.headers["content-type"]).toBe("text/event-stream");
        answer.once("data", () => void runJobsOnce(running({ streamed: async () => ({ ok: true }) })));
        answer.on("data", (chunk: Buffer) => (text += chunk.toString()));
        answer.on("end", () => resolve(text));
      }).on("error", reject);
    });
    await app.stop();
    const states = [...events.matchAll(/"state":"(\w+)"/g)].map(([, state]) => state);
    expect([states[0], states.at(-1)]).toEqual(["queued", "succeeded"]);
    expect(events.startsWith("event: progress\ndata: {")).toBe(true);
  });
});
