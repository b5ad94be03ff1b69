/** Serves the built web application, and frames in which mail is shown without scripts. Knows nobody and no data. */
import { randomBytes } from "node:crypto";
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import fastifyStatic from "@fastify/static";
import type { FastifyInstance, FastifyReply, FastifyRequest } from "fastify";
import { problem, sendProblem } from "./problems.ts";
import { API } from "./serve.ts";

/** Where `npm run web` puts what it built. */
const BUILT = join(import.meta.dirname, "../../dist/web");
/** The largest template, and what a form makes of it. */
const FRAME_LIMIT_BYTES = 8 * 1024 * 1024;
const NONCE = "%NONCE%";

/**
 * Mounts the application's files under /assets, its page at every other address, and `/frame`.
 * Without a built application its addresses say how to build it.
 */
export function web(http: FastifyInstance, built = BUILT): void {
  if (existsSync(join(built, "assets")))
    void http.register(fastifyStatic, {
      root: join(built, "assets"),
      prefix: "/assets/",
      preCompressed: true,
      index: false,
      // Names hold a hash of the content, but for the few that are asked for by name.
      setHeaders: (reply, path) => {
        const hashed = /-[\w-]{8}\.\w+(?:\.br|\.gz)?$/.test(path);
        void reply.header("cache-control", hashed ? "public, max-age=31536000, immutable" : "public, max-age=3600");
      },
    });
  let document: string | undefined;
  http.get("/*", (request, reply) => {
    if (isForPrograms(request)) return reply.callNotFound();
    if (request.url === "/" && !request.headers.accept?.includes("text/html"))
      return reply.send({ name: "Tidings", api: API, description: `${API}/openapi.json`, health: "/healthz" });
    const path = join(built, "index.html");
    if (!existsSync(path))
      return sendProblem(
        reply,
        problem("not-found", "The web application is not built. Run: npm run web. The API works without it."),
      );
    document ??= readFileSync(path, "utf8");
    return applicationPage(reply, document);
  });
  void http.register(async (scope) => frames(scope));
}

function isForPrograms({ url }: FastifyRequest): boolean {
  return /^\/(?:api|assets)(?:\/|\?|$)/.test(url);
}

function applicationPage(reply: FastifyReply, document: string): FastifyReply {
  const nonce = randomBytes(16).toString("base64");
  return reply
    .headers({
      "content-security-policy": [
        "default-src 'none'",
        "script-src 'self'",
        // The component library writes its theme into one style element; style attributes set by scripts need nothing.
        `style-src 'self' 'nonce-${nonce}'`,
        "img-src 'self' data:",
        "font-src 'self'",
        "connect-src 'self'",
        "frame-src 'self'",
        "form-action 'self'",
        "manifest-src 'self'",
        "base-uri 'none'",
        "frame-ancestors 'none'",
      ].join("; "),
      "cache-control": "no-store",
    })
    .type("text/html; charset=utf-8")
    .send(document.replaceAll(NONCE, nonce));
}

/**
 * `POST /frame` gives back the HTML it was sent, as a document that may do nothing: no scripts, no forms, an origin of
 * its own, and nothing from elsewhere unless `remote` says so. Only this application's own pages may ask for it.
 */
function frames(http: FastifyInstance): void {
  http.removeContentTypeParser("application/x-www-form-urlencoded");
  http.addContentTypeParser(
    "application/x-www-form-urlencoded",
    { parseAs: "string", bodyLimit: FRAME_LIMIT_BYTES },
    (_request, body, done) => done(null, Object.fromEntries(new URLSearchParams(body as string))),
  );
  http.post<{ Body: { html?: string; remote?: string } }>(
    "/frame",
    { bodyLimit: FRAME_LIMIT_BYTES },
    (request, reply) => {
      if (request.headers["sec-fetch-site"] !== "same-origin")
        return sendProblem(reply, problem("forbidden", "Only a page of Tidings may show a mail here."));
      const sources = request.body?.remote === "yes" ? "data: https: http:" : "data:";
      return reply
        .headers({
          "content-security-policy":
            `sandbox; default-src 'none'; style-src 'unsafe-inline'${request.body?.remote === "yes" ? " https: http:" : ""}; ` +
            `img-src ${sources}; font-src ${sources}; base-uri 'none'; form-action 'none'; frame-ancestors 'self'`,
          "x-frame-options": "SAMEORIGIN",
        })
        .type("text/html; charset=utf-8")
        .send(request.body?.html ?? "");
    },
  );
}
