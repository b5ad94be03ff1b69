/** Jobs over HTTP: the list, one job, and its progress as a stream. Starts and stops none. */
import { setTimeout as sleep } from "node:timers/promises";
import type { FastifyReply } from "fastify";
import { refuse } from "../core/problem.ts";
import type { Db } from "../db/database.ts";
import { pageOf } from "../http/paging.ts";
import type { Serve } from "../http/serve.ts";
import { jobs as api } from "./api.ts";
import * as jobs from "./jobs.ts";
import * as store from "./store.ts";

const LOOK_EVERY_MS = 500;
/** A stream ends after this many looks (an hour); the browser opens it again by itself. */
const MOST_LOOKS = 7200;
const MOST_STREAMS = 100;

export function routes(serve: Serve, { db, stopping }: { db: Db; stopping: AbortSignal }): void {
  let streams = 0;

  serve(api.list, async ({ query }) => pageOf(await store.list(db, query), query.limit));
  serve(api.get, ({ params }) => jobs.get(db, params.id));
  serve(api.events, async ({ params, reply }) => {
    await jobs.get(db, params.id);
    if (streams >= MOST_STREAMS) refuse("too-many-requests", "Too many streams are open. Ask GET /jobs/:id instead.");
    streams += 1;
    try {
      await stream(reply, params.id);
    } finally {
      streams -= 1;
    }
    return "";
  });

  async function stream(reply: FastifyReply, id: number): Promise<void> {
    reply.hijack();
    const raw = reply.raw;
    const gone = new AbortController();
    raw.on("close", () => gone.abort());
    raw.on("error", () => gone.abort());
    raw.writeHead(200, { ...(reply.getHeaders() as Record<string, string>), "content-type": "text/event-stream" });
    let last = "";
    try {
      for (let look = 0; look < MOST_LOOKS && !gone.signal.aborted && !stopping.aborted; look += 1) {
        const job = await jobs.get(db, id);
        const text = JSON.stringify(job);
        if (text !== last) raw.write(`event: progress\ndata: ${text}\n\n`);
        last = text;
        if (job.finishedAt) break;
        await sleep(LOOK_EVERY_MS, undefined, { signal: AbortSignal.any([gone.signal, stopping]) });
      }
    } catch {
      // The reader left, the server stops or the database is away: the browser asks again.
    } finally {
      raw.end();
    }
  }
}
