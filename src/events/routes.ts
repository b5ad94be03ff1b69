/** Events over HTTP: told one by one or by the hundred, read back by person. */
import type { Db } from "../db/database.ts";
import { pageOf } from "../http/paging.ts";
import { createRateLimit } from "../http/rate-limit.ts";
import type { Serve } from "../http/serve.ts";
import { events as api } from "./api.ts";
import * as events from "./events.ts";

/** Twenty a second, each of which may hold hundreds of events: whoever has more to tell tells it in batches. */
const MOST_REQUESTS = 1200;

export function routes(serve: Serve, { db }: { db: Db }): void {
  const limit = createRateLimit({ most: MOST_REQUESTS, minutes: 1 });
  serve(api.record, async ({ body, actor, now, reply }) => {
    limit(actor.name, 1, now);
    const { event, repeated } = await events.record(db, body, actor, now);
    if (repeated) void reply.code(200);
    return event;
  });
  serve(api.recordMany, ({ body, actor, now }) => {
    limit(actor.name, 1, now);
    return events.recordMany(db, body.events, actor, now);
  });
  serve(api.ofPerson, async ({ params, query }) => pageOf(await events.ofPerson(db, params.id, query), query.limit));
  serve(api.names, async () => ({ data: await events.names(db) }));
}
