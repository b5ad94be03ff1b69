/** Images over HTTP: the API, and the public addresses that mails show. */
import { Readable } from "node:stream";
import type { FastifyInstance } from "fastify";
import type { Clock } from "../clock.ts";
import { refuse } from "../core/problem.ts";
import { pageOf } from "../http/paging.ts";
import { problem, sendProblem } from "../http/problems.ts";
import type { Serve } from "../http/serve.ts";
import { images as api } from "./api.ts";
import * as images from "./images.ts";

export function routes(serve: Serve, app: images.Images): void {
  serve(api.list, async ({ query }) => pageOf(await images.list(app, query), query.limit));
  serve(api.create, async ({ query, request, actor, reply, now }) => {
    const { image, isNew } = await images.add(app, fileOf(request.body), query, actor, now);
    if (!isNew) void reply.code(200);
    return image;
  });
  serve(api.update, ({ params, body, actor, now }) => images.update(app, params.id, body, actor, now));
  serve(api.remove, ({ params, actor, now }) => images.remove(app, params.id, actor, now));
}

const TYPES: Readonly<Record<string, string>> = { png: "image/png", jpg: "image/jpeg", gif: "image/gif" };

/** What mail programs fetch. An address never changes what it shows, so it may be kept for ever. */
export function pictures(http: FastifyInstance, { clock, ...app }: images.Images & { clock: Clock }): void {
  http.get<{ Params: { name: string } }>("/i/:name", async (request, reply) => {
    const { name } = request.params;
    const bytes = await images.read(app, name, clock());
    if (!bytes) return sendProblem(reply, problem("not-found", "There is no such picture."));
    const etag = `"${name.slice(0, 32)}"`;
    void reply.headers({
      "cache-control": "public, max-age=31536000, immutable",
      // Mail is shown on pages of other origins.
      "cross-origin-resource-policy": "cross-origin",
      "content-security-policy": "default-src 'none'; sandbox",
      etag,
    });
    if (request.headers["if-none-match"] === etag) return reply.code(304).send();
    return reply.type(TYPES[name.split(".").at(-1) ?? ""] ?? "application/octet-stream").send(bytes);
  });
}

function fileOf(body: unknown): AsyncIterable<Uint8Array> {
  if (body instanceof Readable) return body;
  return refuse("unsupported-media-type", "Send the picture itself as the body, with its content type.");
}
