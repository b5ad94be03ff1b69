/** Received mail over HTTP. Decides nothing. */
import { Readable } from "node:stream";
import { refuse } from "../core/problem.ts";
import type { Db } from "../db/database.ts";
import { pageOf } from "../http/paging.ts";
import type { Serve } from "../http/serve.ts";
import { inboundMailboxes, receivedMails as api } from "./api.ts";
import { receive, retry } from "./inbound.ts";
import { get, list, sourceOf } from "./listing.ts";
import { listMailboxes } from "./mailboxes.ts";

const MOST_BYTES = 30 * 1024 * 1024;

export function routes(serve: Serve, { db }: { db: Db }): void {
  serve(api.list, async ({ query }) => pageOf(await list(db, query), query.limit));
  serve(api.get, ({ params }) => get(db, params.id));
  serve(api.source, ({ params }) => sourceOf(db, params.id));
  serve(api.retry, async ({ params, actor, now }) => {
    await retry(db, params.id, actor, now);
    return get(db, params.id);
  });
  serve(api.upload, async ({ query, request, now }) => {
    const bytes = await bytesOf(request.body);
    const id = await receive(db, { way: "upload", bytes, envelopeTo: query.envelopeTo ?? null }, now);
    return id === "known" ? { id: null, known: true } : { id, known: false };
  });
  serve(inboundMailboxes.list, async ({ now }) => ({ data: await listMailboxes(db, now), nextCursor: null }));
}

async function bytesOf(body: unknown): Promise<Buffer> {
  if (!(body instanceof Readable)) return refuse("input-invalid", "Send the mail itself as the body.");
  const chunks: Buffer[] = [];
  let size = 0;
  for await (const chunk of body as AsyncIterable<Buffer>) {
    size += chunk.length;
    if (size > MOST_BYTES) return refuse("body-too-large", "A mail may have 30 MB.");
    chunks.push(chunk);
  }
  if (size === 0) return refuse("input-invalid", "The body is empty. Send the mail itself.");
  return Buffer.concat(chunks);
}
