/** Received mail over HTTP. Decides nothing. */
import { Readable } from "node:stream";
import { refuse } from "../core/problem.ts";
import type { Db } from "../db/database.ts";
import type { Seal } from "../http/idempotency.ts";
import { pageOf } from "../http/paging.ts";
import type { Serve } from "../http/serve.ts";
import type { Fetcher } from "../mail/access-tokens.ts";
import { createRateLimit } from "../http/rate-limit.ts";
import { inboundMailboxes, inboundWebhooks, receivedMails as api } from "./api.ts";
import { receive, retry } from "./inbound.ts";
import { get, list, sourceOf } from "./listing.ts";
import { listMailboxes } from "./mailboxes.ts";
import * as webhooks from "./webhooks.ts";

const MOST_BYTES = 30 * 1024 * 1024;
const MOST_WEBHOOK_BYTES = 4 * 1024 * 1024;

export type InboundDeps = {
  readonly db: Db;
  readonly seal: Seal;
  readonly publicUrl: string;
  /** Fetches the certificates of Amazon SNS, and confirms subscriptions. */
  readonly fetcher: Fetcher;
  /** Something was stored: it can be handled at once. */
  readonly onStored: () => void;
};

export function routes(serve: Serve, { db, onStored, ...deps }: InboundDeps): void {
  serve(api.list, async ({ query }) => pageOf(await list(db, query), query.limit));
  serve(api.get, ({ params }) => get(db, params.id));
  serve(api.source, ({ params }) => sourceOf(db, params.id));
  serve(api.retry, async ({ params, actor, now }) => {
    await retry(db, params.id, actor, now);
    onStored();
    return get(db, params.id);
  });
  serve(api.upload, async ({ query, request, now }) => {
    const bytes = await bytesOf(request.body, MOST_BYTES);
    const id = await receive(db, { way: "upload", bytes, envelopeTo: query.envelopeTo ?? null }, now);
    onStored();
    return id === "known" ? { id: null, known: true } : { id, known: false };
  });
  const hooks = webhooks.createWebhooks({ db, ...deps });
  serve(inboundWebhooks.list, async ({ query }) => pageOf(await hooks.list(query), query.limit));
  serve(inboundWebhooks.create, ({ body, actor, now }) => hooks.create(body, actor, now));
  serve(inboundWebhooks.rotate, ({ params, body, actor, now }) => hooks.rotate(params.id, body, actor, now));
  serve(inboundWebhooks.remove, ({ params, actor, now }) => hooks.remove(params.id, actor, now));
  const refusals = createRateLimit({ most: 100, minutes: 10 });
  serve(inboundWebhooks.call, async ({ params, request, now }) => {
    try {
      const raw = await bytesOf(request.body, MOST_WEBHOOK_BYTES);
      const header = (name: string) => {
        const value = request.headers[name];
        return Array.isArray(value) ? value[0] : value;
      };
      const done = await hooks.accept(params.key, { header, raw }, now);
      if (done.stored > 0) onStored();
      return done;
    } catch (error) {
      // Whoever guesses is slowed down; a provider is right the first time.
      refusals(request.ip, 1, now);
      throw error;
    }
  });
  serve(inboundMailboxes.list, async ({ now }) => ({ data: await listMailboxes(db, now), nextCursor: null }));
}

async function bytesOf(body: unknown, most: number): Promise<Buffer> {
  if (!(body instanceof Readable)) return refuse("input-invalid", "Send the body itself.");
  const chunks: Buffer[] = [];
  let size = 0;
  for await (const chunk of body as AsyncIterable<Buffer>) {
    size += chunk.length;
    if (size > most) return refuse("body-too-large", `At most ${most / 1024 / 1024} MB are taken here.`);
    chunks.push(chunk);
  }
  if (size === 0) return refuse("input-invalid", "The body is empty.");
  return Buffer.concat(chunks);
}
