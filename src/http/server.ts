/** The HTTP server before any module's routes: limits, security headers, problem documents for whatever goes wrong. */
import { randomUUID } from "node:crypto";
import formBody from "@fastify/formbody";
import Fastify, {
  LogController,
  type FastifyBaseLogger,
  type FastifyError,
  type FastifyInstance,
  type FastifyReply,
  type FastifyRequest,
} from "fastify";
import type { Logger } from "pino";
import type { Endpoint } from "./contract.ts";
import { problem, problemOf, sendProblem } from "./problems.ts";
import { API, mount, type Serve, type Serving } from "./serve.ts";

/** JSON bodies; templates are the largest of them. Uploads are streams with limits of their own. */
const BODY_LIMIT_BYTES = 4 * 1024 * 1024;
/** Signed links are long parts of an address. */
const MOST_IN_A_PARAMETER = 1000;
const REQUEST_TIMEOUT_MS = 300_000;

export type Server = {
  readonly http: FastifyInstance;
  readonly serve: Serve;
  readonly mounted: readonly Endpoint[];
};

/** Makes the server and the function modules mount their endpoints with. It listens to nothing yet. */
export function openServer(
  serving: Omit<Serving, "mounted"> & { log?: Logger; https?: boolean; trustProxy?: boolean },
): Server {
  const log: FastifyBaseLogger | undefined = serving.log;
  const http = Fastify({
    ...(log ? { loggerInstance: log } : { logger: false }),
    // Our own line for each answer, below: it holds the route, never the address, which may carry a token.
    logController: new LogController({ disableRequestLogging: true }),
    trustProxy: serving.trustProxy ?? false,
    genReqId: () => randomUUID(),
    bodyLimit: BODY_LIMIT_BYTES,
    requestTimeout: REQUEST_TIMEOUT_MS,
    forceCloseConnections: "idle",
    routerOptions: { maxParamLength: MOST_IN_A_PARAMETER, ignoreTrailingSlash: true },
    onProtoPoisoning: "error",
    onConstructorPoisoning: "error",
    frameworkErrors: (error: FastifyError, _request: FastifyRequest, reply: FastifyReply) => {
      void sendProblem(reply, problemOf(error));
    },
    clientErrorHandler(error, socket) {
      if (!socket.writable) return;
      const found =
        error.code === "HPE_HEADER_OVERFLOW"
          ? problem("headers-too-large", "The headers of this request are too large.")
          : problem("request-invalid", "This request cannot be understood.");
      const body = JSON.stringify(found);
      socket.end(
        `HTTP/1.1 ${found.status} Error\r\nContent-Type: application/problem+json\r\n` +
          `Content-Length: ${Buffer.byteLength(body)}\r\nConnection: close\r\n\r\n${body}`,
      );
    },
  });
  const mounted: Endpoint[] = [];
  readBodies(http);
  setHeaders(http, serving.https ?? false);
  answerFailures(http, mounted);
  logAnswers(http);
  return { http, serve: mount(http, { ...serving, mounted }), mounted };
}

function readBodies(http: FastifyInstance): void {
  http.removeAllContentTypeParsers();
  const readJson = http.getDefaultJsonParser("error", "error");
  http.addContentTypeParser("application/json", { parseAs: "string" }, (request, body, done) => {
    // Clients send the content type with an empty body when an action takes none.
    if (body === "") done(null, undefined);
    else void readJson(request, body as string, done);
  });
  void http.register(formBody, { bodyLimit: 16 * 1024 });
}

function setHeaders(http: FastifyInstance, https: boolean): void {
  http.addHook("onRequest", async (request, reply) => {
    void reply.headers({
      "x-request-id": request.id,
      "x-content-type-options": "nosniff",
      "x-frame-options": "DENY",
      "referrer-policy": "no-referrer",
      "cross-origin-resource-policy": "same-origin",
      "cross-origin-opener-policy": "same-origin",
      "permissions-policy": "camera=(), microphone=(), geolocation=()",
      // Nothing is loaded, run or framed unless a page says otherwise for itself.
      "content-security-policy": "default-src 'none'; frame-ancestors 'none'; base-uri 'none'; form-action 'self'",
      "cache-control": "no-store",
      ...(https ? { "strict-transport-security": "max-age=31536000" } : {}),
    });
  });
}

function answerFailures(http: FastifyInstance, mounted: readonly Endpoint[]): void {
  http.setErrorHandler((error, request, reply) => {
    const found = problemOf(error);
    if (found.status >= 500)
      request.log.error({ err: error, requestId: request.id, code: found.code }, "request failed");
    if (found.status === 401) void reply.header("www-authenticate", 'Bearer realm="tidings"');
    const wait = (error as { retryAfterSeconds?: number }).retryAfterSeconds;
    if (found.status === 429 && wait !== undefined) void reply.header("retry-after", String(wait));
    // A body that was not read to its end would be taken for the next request.
    if (found.status === 413) void reply.header("connection", "close");
    return sendProblem(reply, found);
  });
  http.setNotFoundHandler((request, reply) => {
    const path = (request.url.split("?")[0] ?? "").replace(/\/$/, "");
    const methods = mounted.filter((endpoint) => matches(endpoint.path, path)).map((endpoint) => endpoint.method);
    if (methods.length > 0) {
      const allowed = [...new Set(methods)].sort().join(", ");
      void reply.header("allow", allowed);
      return sendProblem(reply, problem("method-not-allowed", `This address takes ${allowed}.`));
    }
    return sendProblem(
      reply,
      problem("not-found", `There is nothing at this address. The API is described at ${API}/openapi.json.`),
    );
  });
}

function matches(pattern: string, path: string): boolean {
  const wanted = (API + pattern).split("/");
  const given = path.split("/");
  return wanted.length === given.length && wanted.every((part, at) => part.startsWith(":") || part === given[at]);
}

function logAnswers(http: FastifyInstance): void {
  http.addHook("onResponse", async (request, reply) => {
    const route = request.routeOptions.url ?? "none";
    request.log.debug(
      {
        requestId: request.id,
        method: request.method,
        route,
        status: reply.statusCode,
        ms: Math.round(reply.elapsedTime),
      },
      "answered",
    );
  });
}
