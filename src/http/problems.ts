/** Turns refusals and failures into RFC 9457 problem documents. Never lets a stack, a query or a path out. */
import { STATUS_CODES } from "node:http";
import type { FastifyReply } from "fastify";
import { Refusal, type Fault } from "../core/problem.ts";

export type Problem = {
  readonly type: string;
  readonly title: string;
  readonly status: number;
  readonly detail: string;
  readonly code: string;
  readonly errors?: readonly Fault[];
};

/** What a refusal is when it is not simply input that cannot be accepted (422). */
const STATUS: Readonly<Record<string, number>> = {
  "json-invalid": 400,
  "request-invalid": 400,
  unauthenticated: 401,
  "sign-in-failed": 401,
  "second-factor-required": 401,
  "session-needed": 403,
  forbidden: 403,
  "not-found": 404,
  "method-not-allowed": 405,
  "request-timeout": 408,
  "idempotency-key-running": 409,
  "changed-meanwhile": 412,
  "precondition-failed": 412,
  "body-too-large": 413,
  "address-too-long": 414,
  "unsupported-media-type": 415,
  "precondition-required": 428,
  "too-many-requests": 429,
  "headers-too-large": 431,
  internal: 500,
  "database-unavailable": 503,
  draining: 503,
};

/** Families of codes, by how they end. */
const ENDINGS: readonly (readonly [ending: string, status: number])[] = [
  ["-not-found", 404],
  ["-exists", 409],
  ["-taken", 409],
  ["-in-use", 409],
  ["-conflict", 409],
  ["-already-running", 409],
  ["-not-active", 409],
  ["-changed-meanwhile", 412],
  ["-too-large", 413],
];

/** The HTTP status of a refusal's code. */
function statusOf(code: string): number {
  return STATUS[code] ?? ENDINGS.find(([ending]) => code.endsWith(ending))?.[1] ?? 422;
}

/** The problem document of a code. `type` is stable and names the code; it is an identifier, not an address. */
export function problem(
  code: string,
  detail: string,
  faults: readonly Fault[] = [],
  status: number = statusOf(code),
): Problem {
  return {
    type: `urn:tidings:problem:${code}`,
    title: titleOf(code, status),
    status,
    detail,
    code,
    ...(faults.length > 0 ? { errors: faults } : {}),
  };
}

/** What the caller learns of an error: everything of a refusal, nothing of a bug but that it is one. */
export function problemOf(error: unknown): Problem {
  if (error instanceof Refusal) return problem(error.code, error.message, error.faults);
  const known = codeOf(error);
  if (known.startsWith("FST_")) return ofFastify(known, (error as { statusCode?: number }).statusCode ?? 500);
  if (isPrototypePoisoning(error) || error instanceof SyntaxError)
    return problem("json-invalid", "The body is not valid JSON, or names a forbidden property such as __proto__.");
  if (isDatabaseLoss(error))
    return problem("database-unavailable", "The database cannot be reached at the moment. Try again shortly.");
  return problem("internal", "Something went wrong on our side. The log has it under this request's id.");
}

/** Writes a problem as the answer. */
export function sendProblem(reply: FastifyReply, found: Problem): FastifyReply {
  if (found.status === 503) void reply.header("retry-after", "5");
  return reply.code(found.status).type("application/problem+json; charset=utf-8").send(JSON.stringify(found));
}

/** Whether an error says that the database is gone, rather than that a query is wrong. */
export function isDatabaseLoss(error: unknown): boolean {
  const code = codeOf(error);
  // Class 08: connection; 57P0x: shut down or starting; 25006: a primary that became a replica; the rest are the
  // socket's own words.
  if (/^(08\w{3}|57P0[1-5]|53300|25006|ECONNREFUSED|ECONNRESET|ENOENT|EPIPE|ETIMEDOUT)$/.test(code)) return true;
  return (
    error instanceof Error &&
    /Connection terminated|is not queryable|timeout exceeded when trying to connect|not currently accepting connections/.test(
      error.message,
    )
  );
}

function ofFastify(code: string, status: number): Problem {
  if (code === "FST_ERR_CTP_BODY_TOO_LARGE") return problem("body-too-large", "The body is larger than allowed here.");
  if (code === "FST_ERR_CTP_INVALID_MEDIA_TYPE")
    return problem(
      "unsupported-media-type",
      "Send the body as application/json, unless the description says otherwise.",
    );
  if (code.includes("JSON")) return problem("json-invalid", "The body is not valid JSON.");
  if (code === "FST_ERR_MAX_PARAM_LENGTH") return problem("address-too-long", "A part of the address is too long.");
  if (status < 500) return problem("request-invalid", "This request cannot be understood.", [], status);
  return problem("internal", "Something went wrong on our side. The log has it under this request's id.");
}

function isPrototypePoisoning(error: unknown): boolean {
  return error instanceof Error && "statusCode" in error && error.statusCode === 400;
}

function codeOf(error: unknown): string {
  return error instanceof Error && "code" in error && typeof error.code === "string" ? error.code : "";
}

function titleOf(code: string, status: number): string {
  if (status >= 500) return STATUS_CODES[status] ?? "Error";
  const words = code.replaceAll("-", " ");
  return words.charAt(0).toUpperCase() + words.slice(1);
}
