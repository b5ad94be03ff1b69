/** Turns endpoints into Fastify routes: checks the caller and the input, runs the handler, writes only what the contract names. */
import type { FastifyInstance, FastifyReply, FastifyRequest } from "fastify";
import { z } from "zod";
import { refuse } from "../core/problem.ts";
import type { Db } from "../db/database.ts";
import type { Role } from "../db/tables.ts";
import type { Endpoint, Wire } from "./contract.ts";
import { etagOf, isFresh, unchangedSince } from "./etag.ts";
import { claim, idempotencyKey, keep, release, type Seal } from "./idempotency.ts";
import { parse, strict, withLists } from "./input.ts";
import { chosen, writingSchema } from "./output.ts";

/** Who calls. `name` goes into the audit log: `key "CI"`, `ana@example.com`, `command line`. */
export type Actor = {
  readonly name: string;
  readonly role: Role;
  readonly userId: number | null;
  /** A program, by a key. */
  readonly byKey?: boolean;
};

type Parsed<Schema> = Schema extends z.ZodType ? z.output<Schema> : undefined;

/** What a handler gets: parsed input, the caller, and the moment of the request. */
export type Call<Of extends Endpoint> = {
  readonly params: Parsed<Of["params"]>;
  readonly query: Parsed<Of["query"]>;
  readonly body: Parsed<Of["body"]>;
  readonly actor: Actor;
  readonly now: Temporal.Instant;
  /** From If-Match: the edit is refused when the row changed since. Null: not asked for. */
  readonly unchangedSince: Temporal.Instant | null;
  readonly request: FastifyRequest;
  readonly reply: FastifyReply;
};

export type Answer<Of extends Endpoint> = Of["success"]["body"] extends z.ZodType
  ? Wire<z.output<Of["success"]["body"]>>
  : Of["produces"] extends string
    ? string | Buffer
    : void;

export type Handler<Of extends Endpoint> = (call: Call<Of>) => Promise<Answer<Of>> | Answer<Of>;

/** Registers one endpoint; `mount` in this file gives modules this function. */
export type Serve = <Of extends Endpoint>(endpoint: Of, handler: Handler<Of>) => void;

/** A caller who proved who they are. `identity` tells apart callers of one name and holds no secret. */
export type Caller = {
  readonly actor: Actor;
  readonly identity: string;
  /** What a key may be used for, `leads:read`; none: everything the role may. */
  readonly scopes?: readonly string[];
};

export type Serving = {
  readonly db: Db;
  readonly clock: () => Temporal.Instant;
  /** Who sent this request; null when nothing says so. Refuses a proof that is wrong. */
  readonly authenticate: (request: FastifyRequest, now: Temporal.Instant) => Promise<Caller | null>;
  /** Seals what is kept for repeated requests. */
  readonly seal: Seal;
  /** Every endpoint mounted is added here: the API's description is made from it. */
  readonly mounted?: Endpoint[];
};

export const API = "/api/v1";
const ROLES: readonly Role[] = ["viewer", "user", "manager", "administrator"];
const NOBODY: Caller = { actor: { name: "public", role: "viewer", userId: null }, identity: "public" };

/** The function by which modules register their endpoints on this server. */
export function mount(http: FastifyInstance, serving: Serving): Serve {
  return (endpoint, handler) => {
    serving.mounted?.push(endpoint);
    // A scope of its own, so that an upload's content types are accepted there and nowhere else.
    void http.register(async (scope) => {
      if (endpoint.upload) acceptUploads(scope, endpoint.upload);
      route(scope, endpoint, handler, serving);
    });
  };
}

/** Whether a role may do what asks for at least `least`. */
export function mayAct(role: Role, least: Role): boolean {
  return ROLES.indexOf(role) >= ROLES.indexOf(least);
}

function route(http: FastifyInstance, endpoint: Endpoint, handler: Handler<Endpoint>, serving: Serving): void {
  const reading = endpoint.method === "GET";
  const writing = endpoint.success.body && writingSchema(endpoint.success.body);
  const query = strict(queryOf(endpoint)) as z.ZodObject;
  const body = strict(endpoint.body ?? z.strictObject({}).optional());
  const params = endpoint.params ?? z.object({});
  // A repeated upload is harmless by itself (an import changes nothing twice), and its body is not at hand to compare.
  const repeatable = endpoint.method === "POST" && !endpoint.upload && !endpoint.produces;
  const callers = new WeakMap<FastifyRequest, { caller: Caller; now: Temporal.Instant }>();

  http.route({
    method: endpoint.method,
    url: API + endpoint.path,
    // For every success, so that no other status takes an unfiltered way out.
    ...(writing ? { schema: { response: { "2xx": writing } } } : {}),
    // Before the body is read: a stranger's body is never parsed.
    onRequest: async (request) => {
      // Milliseconds, so that what is stored and what is answered are the same moment.
      const now = serving.clock().round("millisecond");
      callers.set(request, { caller: await callerOf(request, endpoint, serving, now), now });
    },
    handler: async (request, reply) => {
      const { caller, now } = callers.get(request) ?? { caller: NOBODY, now: serving.clock() };
      const fields = reading && (request.query as { fields?: unknown }).fields;
      const call: Call<Endpoint> = {
        params: (await parse(params, request.params)) as never,
        query: (await parse(query, withLists(query, request.query as Record<string, unknown>))) as never,
        body: endpoint.upload ? undefined : ((await parse(body, request.body ?? undefined)) as never),
        actor: caller.actor,
        now,
        unchangedSince: reading ? null : unchangedSince(request.headers["if-match"]),
        request,
        reply,
      };
      // A handler may still say another one: 200 instead of 201 where nothing was new.
      void reply.code(endpoint.success.status);
      const key = repeatable && caller !== NOBODY ? idempotencyKey(request.headers["idempotency-key"]) : undefined;
      if (key !== undefined) return once(key, caller, call);
      return answer(await handler(call), call, fields);
    },
  });

  function answer(result: unknown, { request, reply }: Call<Endpoint>, fields: unknown): unknown {
    // The handler wrote the answer itself: a stream of progress.
    if (reply.sent || reply.raw.headersSent) return reply;
    if (endpoint.produces) {
      if (!reply.hasHeader("content-type")) void reply.type(endpoint.produces);
      return reply.send(result);
    }
    if (!writing) return reply.send();
    if (typeof fields === "string" && fields !== "") return reply.send(chosen(result, fields, writing));
    const etag = etagOf(result);
    if (etag) {
      void reply.header("etag", etag);
      if (reading && isFresh(request.headers["if-none-match"], etag)) return reply.code(304).send();
    }
    return reply.send(result);
  }

  async function once(key: string, { identity }: Caller, call: Call<Endpoint>): Promise<unknown> {
    const { request, reply, now } = call;
    const { db, seal } = serving;
    const content = JSON.stringify([endpoint.method, request.url, request.body ?? null]);
    let kept = await claim(db, { caller: identity, key, content }, seal, now);
    if (kept) void reply.header("idempotent-replayed", "true");
    else {
      try {
        const result: unknown = await handler(call);
        kept = {
          status: reply.statusCode,
          etag: etagOf(result) ?? null,
          body: writing ? (reply.serializeInput(result as Record<string, unknown>, "2xx") as string) : "",
        };
      } catch (error) {
        await release(db, { caller: identity, key });
        throw error;
      }
      await keep(db, { caller: identity, key }, kept, seal);
    }
    void reply.code(kept.status);
    if (kept.etag) void reply.header("etag", kept.etag);
    if (kept.body === "") return reply.send();
    // Written already: sent as it is, past the serializer.
    return reply.type("application/json; charset=utf-8").serializer(String).send(kept.body);
  }
}

async function callerOf(
  request: FastifyRequest,
  endpoint: Endpoint,
  serving: Serving,
  now: Temporal.Instant,
): Promise<Caller> {
  if (endpoint.access === "public") return NOBODY;
  // A form is what a foreign page can make a browser send; only public pages take one.
  if (request.headers["content-type"]?.startsWith("application/x-www-form-urlencoded"))
    refuse("unsupported-media-type", "Send the body as application/json.");
  const caller = await serving.authenticate(request, now);
  if (!caller) return refuse("unauthenticated", "Send an API key: Authorization: Bearer tdg_…");
  if (!mayAct(caller.actor.role, endpoint.access))
    refuse("forbidden", `This needs the role ${endpoint.access}; you have ${caller.actor.role}.`);
  const scope = scopeOf(endpoint);
  if (caller.scopes && caller.scopes.length > 0 && !caller.scopes.includes(scope))
    refuse("forbidden", `This key is not for ${scope}. It is for ${caller.scopes.join(", ")}.`);
  return caller;
}

/** The scope an endpoint belongs to: its resource, read or written. */
function scopeOf({ method, path }: Pick<Endpoint, "method" | "path">): string {
  return `${path.split("/")[1] ?? ""}:${method === "GET" ? "read" : "write"}`;
}

/** What a query may hold: what the endpoint says, and the choice of fields wherever an answer has some. */
function queryOf(endpoint: Endpoint): z.ZodObject {
  const declared = endpoint.query ?? z.object({});
  if (endpoint.method !== "GET" || !endpoint.success.body || "fields" in declared.shape) return declared;
  return declared.extend({ fields: z.string().max(1000).optional() });
}

function acceptUploads(http: FastifyInstance, types: readonly string[]): void {
  http.removeAllContentTypeParsers();
  http.addContentTypeParser([...types], (_request, payload, done) => done(null, payload));
}

export type { FastifyInstance };
