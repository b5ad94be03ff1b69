/** An endpoint as data: one description gives validation, the typed client, OpenAPI and the serializer. Serves nothing itself. */
import { z } from "zod";
import type { Role } from "../db/tables.ts";

export type Access = "public" | Role;

/** What an endpoint is. `access` is the least role that may call it; `success` names the status and the shape of the answer. */
export type Endpoint = {
  readonly method: "GET" | "POST" | "PUT" | "PATCH" | "DELETE";
  /** Below /api/v1, with `:name` parameters: `/email-campaigns/:id`. */
  readonly path: string;
  readonly summary: string;
  readonly description?: string;
  readonly tag: string;
  readonly access: Access;
  readonly params?: z.ZodObject;
  readonly query?: z.ZodObject;
  readonly body?: z.ZodType;
  /** The body is not JSON (an uploaded file): handed to the handler as the raw stream. */
  readonly upload?: readonly string[];
  /** The answer is not JSON: the handler returns a string or Buffer of this content type. */
  readonly produces?: string;
  readonly success: { readonly status: 200 | 201 | 202 | 204; readonly body?: z.ZodType };
};

/** Declares a module's endpoints, keeping the exact types. */
export function contract<const Endpoints extends Record<string, Endpoint>>(endpoints: Endpoints): Endpoints {
  return endpoints;
}

/** What a handler may return for a schema: text may also be a Temporal value, which is written as ISO 8601. */
export type Wire<Type> = Type extends string
  ? string extends Type
    ? Type | Temporal.Instant | Temporal.PlainDate | Temporal.PlainTime
    : Type
  : Type extends readonly (infer Item)[]
    ? readonly Wire<Item>[]
    : Type extends object
      ? { [Key in keyof Type]: Wire<Type[Key]> }
      : Type;

/** A moment, ISO 8601 in UTC. */
export const instant = z.string().meta({ format: "date-time", example: "2026-12-01T09:00:00Z" });
/** A calendar day, ISO 8601. */
export const day = z.string().meta({ format: "date", example: "2026-12-01" });
/** A time of day, `HH:MM` or `HH:MM:SS`. */
export const timeOfDay = z
  .string()
  .regex(/^([01]\d|2[0-3]):[0-5]\d(:[0-5]\d)?$/, "A time of day is written as 09:00.")
  .meta({ example: "09:00" });
/** A calendar day given by the caller. */
export const dayInput = z.string().refine(isDay, "A day is written as 2026-12-01.").meta({ format: "date" });

function isDay(text: string): boolean {
  if (!/^\d{4}-\d{2}-\d{2}$/.test(text)) return false;
  try {
    Temporal.PlainDate.from(text);
    return true;
  } catch {
    return false;
  }
}

export const id = z.coerce.number().int().positive().max(Number.MAX_SAFE_INTEGER);
export const idParams = z.object({ id });

/** How many rows a page may hold. */
const MAX_PAGE = 500;

/** What every list takes: `limit`, the `cursor` of the page before, sparse `fields`. */
export const page = {
  limit: z.coerce.number().int().min(1).max(MAX_PAGE).default(50),
  cursor: z.string().max(1000).optional(),
  fields: z
    .string()
    .max(1000)
    .optional()
    .describe("Only these fields of each row, comma-separated: `id,email,status`."),
};

/** The shape of a list: rows, and the cursor of the next page or null at the end. */
export function listOf<Row extends z.ZodType>(row: Row) {
  return z.object({ data: z.array(row), nextCursor: z.string().nullable() });
}

/** Deleting what rules or conditions of Campaigns name. */
export const removalQuery = z.object({
  force: z.stringbool().default(false).describe("Delete it although rules or conditions of Campaigns name it."),
});
export const NAMED_IN_USE =
  "Refused with `named-in-use` (409) while rules of automatic start or conditions of Campaigns name it; the errors say which. With `force` rules that wait for it go with it, and what conditions ask of it is not so any more.";

/** Text a caller gives for a name or title: trimmed, not empty, one line. */
export const line = (most = 200) =>
  z
    .string()
    .trim()
    .min(1, "Must not be empty.")
    .max(most, `At most ${most} characters.`)
    // oxlint-disable-next-line no-control-regex -- control characters are what is refused here
    .regex(/^[^\u0000-\u001f\u007f\u2028\u2029]*$/, "Must be a single line without control characters.");
