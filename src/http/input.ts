/** Reads what a caller sent against a schema, and says of every fault where it is. Never lets an unknown field through. */
import { z } from "zod";
import { refuse, type Fault } from "../core/problem.ts";

/** Checks and returns the parsed value, or refuses with one fault for each thing that is wrong. */
export async function parse<Schema extends z.ZodType>(schema: Schema, value: unknown): Promise<z.output<Schema>> {
  const parsed = await schema.safeParseAsync(value);
  if (parsed.success) return parsed.data;
  const faults = faultsOf(parsed.error.issues).slice(0, MOST_FAULTS);
  const [first] = faults;
  const detail =
    faults.length === 1 && first
      ? `${first.pointer === "" ? "The body" : first.pointer.slice(1)}: ${first.detail}`
      : `${faults.length} things are wrong with this input.`;
  return refuse("input-invalid", detail, faults);
}

/** How many faults one answer lists. */
const MOST_FAULTS = 100;

/**
 * The same schema with unknown fields refused at every depth, so that a misspelt or smuggled field is never ignored.
 * Objects that declare what other keys may hold keep their word.
 */
export function strict(schema: z.ZodType): z.ZodType {
  const def = schema.def as Definition;
  switch (def.type) {
    case "object": {
      const shape = Object.fromEntries(Object.entries(def.shape).map(([key, value]) => [key, strict(value)]));
      return cloned(schema, { ...def, shape, catchall: def.catchall ?? z.never() });
    }
    case "array":
      return cloned(schema, { ...def, element: strict(def.element) });
    case "union":
      return cloned(schema, { ...def, options: def.options.map(strict) });
    case "record":
      return cloned(schema, { ...def, valueType: strict(def.valueType) });
    case "optional":
    case "nullable":
    case "default":
    case "prefault":
    case "nonoptional":
    case "readonly":
    case "catch":
      return cloned(schema, { ...def, innerType: strict(def.innerType) });
    case "pipe":
      return cloned(schema, { ...def, in: strict(def.in), out: strict(def.out) });
    default:
      return schema;
  }
}

/** A copy with another definition: its own checks and wording come along. */
function cloned(schema: z.ZodType, definition: object): z.ZodType {
  return z.core.clone(schema, definition as never);
}

/** A query parameter given once where the schema takes several is a list of one. */
export function withLists(schema: z.ZodObject, query: Readonly<Record<string, unknown>>): Record<string, unknown> {
  const listed = { ...query };
  for (const [key, value] of Object.entries(schema.shape)) {
    if (typeof listed[key] === "string" && takesList(value)) listed[key] = [listed[key]];
  }
  return listed;
}

// The parts of zod's definitions that hold further schemas.
type Definition =
  | { type: "object"; shape: Record<string, z.ZodType>; catchall?: z.ZodType }
  | { type: "array"; element: z.ZodType }
  | { type: "union"; options: z.ZodType[] }
  | { type: "record"; valueType: z.ZodType }
  | {
      type: "optional" | "nullable" | "default" | "prefault" | "nonoptional" | "readonly" | "catch";
      innerType: z.ZodType;
    }
  | { type: "pipe"; in: z.ZodType; out: z.ZodType }
  | { type: "string" };

function takesList(schema: z.ZodType): boolean {
  const def = schema.def as Definition;
  if (def.type === "array") return true;
  return "innerType" in def && takesList(def.innerType);
}

function faultsOf(issues: readonly z.core.$ZodIssue[], base: readonly PropertyKey[] = []): Fault[] {
  return issues.flatMap((issue): Fault[] => {
    const path = [...base, ...issue.path];
    if (issue.code === "unrecognized_keys")
      return issue.keys.map((key) => ({ pointer: pointerTo([...path, key]), detail: "There is no such field here." }));
    if (issue.code === "invalid_union" && issue.errors.length > 0) {
      // The branch with the fewest faults is the one that was meant.
      const nearest = issue.errors.reduce((best, branch) => (branch.length < best.length ? branch : best));
      return faultsOf(nearest, path);
    }
    return [{ pointer: pointerTo(path), detail: inWords(issue) }];
  });
}

function inWords(issue: z.core.$ZodIssue): string {
  switch (issue.code) {
    case "invalid_type":
      if (issue.message.endsWith("received undefined")) return "Is required.";
      return `Must be ${KINDS[issue.expected] ?? issue.expected}.`;
    case "invalid_value":
      return `Must be ${issue.values.length > 1 ? "one of " : ""}${issue.values.map((value) => JSON.stringify(value)).join(", ")}.`;
    case "too_small":
      return issue.message.startsWith("Too small")
        ? `Must be at least ${issue.minimum}${unitOf(issue.origin)}.`
        : issue.message;
    case "too_big":
      return issue.message.startsWith("Too big")
        ? `Must be at most ${issue.maximum}${unitOf(issue.origin)}.`
        : issue.message;
    default:
      return issue.message;
  }
}

const KINDS: Readonly<Record<string, string>> = {
  string: "text",
  number: "a number",
  int: "a whole number",
  boolean: "true or false",
  array: "a list",
  object: "an object",
  record: "an object",
  null: "null",
};

function unitOf(origin: string): string {
  return { string: " characters long", array: " entries long", set: " entries long" }[origin] ?? "";
}

/** RFC 6901. */
function pointerTo(path: readonly PropertyKey[]): string {
  return path.map((part) => `/${String(part).replaceAll("~", "~0").replaceAll("/", "~1")}`).join("");
}
