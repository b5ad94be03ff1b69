/** Turns endpoints into Fastify routes: checks the caller and the input, runs the handler, writes only what the contract names. */
import type { FastifyInstance, FastifyReply, FastifyRequest } from "fastify";
import type { z } from "zod";
import type { Role } from "../db/tables.ts";
import type { Endpoint, Wire } from "./contract.ts";

/** Who calls. `name` goes into the audit log: `key "CI"`, `ana@example.com`, `command line`. */
export type Actor = { readonly name: string; readonly role: Role; readonly userId: number | null };

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

export type { FastifyInstance };
