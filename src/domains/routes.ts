/** Sending domains over HTTP. Never answers a private key. */
import type { Db } from "../db/database.ts";
import type { Seal } from "../http/idempotency.ts";
import { pageOf } from "../http/paging.ts";
import type { Serve } from "../http/serve.ts";
import { sendingDomains as api } from "./api.ts";
import * as domains from "./domains.ts";

export function routes(
  serve: Serve,
  { db, seal, ...asking }: { db: Db; seal: Seal; resolver: domains.Resolver; smtpUrl?: string | null | undefined },
): void {
  serve(api.list, async ({ query }) => pageOf(await domains.list(db, query), query.limit));
  serve(api.get, ({ params }) => domains.get(db, params.id));
  serve(api.create, ({ body, actor, now }) => domains.create(db, body, seal, actor, now));
  serve(api.update, ({ params, body, actor, unchangedSince, now }) =>
    domains.update(db, params.id, body, actor, unchangedSince, now),
  );
  serve(api.remove, ({ params, actor, now }) => domains.remove(db, params.id, actor, now));
  serve(api.addKeys, ({ params, body, actor, now }) => domains.addKeys(db, params.id, body, seal, actor, now));
  serve(api.signWith, ({ params, query, actor, now }) =>
    domains.signWith(db, { ...params, unpublished: query.unpublished === "true" }, actor, now),
  );
  serve(api.removeKey, ({ params, actor, now }) => domains.removeKey(db, params, actor, now));
  serve(api.check, ({ params, now }) => domains.check(db, params.id, asking, now));
}
