/** What leaves: the schema the serializer writes by, and the choice of fields a caller made. Adds nothing to an answer. */
import { z } from "zod";
import { refuse } from "../core/problem.ts";

/** The parts of JSON Schema that zod writes and this file reads. */
export type JsonSchema = {
  type?: string | string[];
  properties?: Record<string, JsonSchema>;
  additionalProperties?: JsonSchema | boolean;
  items?: JsonSchema;
  anyOf?: JsonSchema[];
  oneOf?: JsonSchema[];
  allOf?: JsonSchema[];
  nullable?: boolean;
  $ref?: string;
  $defs?: Record<string, JsonSchema>;
  [keyword: string]: unknown;
};

/**
 * The schema for fast-json-stringify, which writes the declared fields and drops all others.
 * Left out on purpose: `required` (sparse fields), `format` (a Temporal value is written by its own toString),
 * `const` and `default` (the answer says what is, not the schema). Unions of objects become one object with the fields
 * of all, so that nothing has to be validated in order to be written.
 */
export function writingSchema(body: z.ZodType): JsonSchema {
  const full = z.toJSONSchema(body, { io: "output", unrepresentable: "any" }) as JsonSchema;
  return forWriting(full, full.$defs ?? {}, []);
}

function forWriting(schema: JsonSchema, defs: Record<string, JsonSchema>, within: readonly string[]): JsonSchema {
  if (schema.$ref) {
    const name = schema.$ref.replace("#/$defs/", "");
    const target = defs[name];
    // What refers to itself has no end to unroll: written as it is.
    return target && !within.includes(name) ? forWriting(target, defs, [...within, name]) : {};
  }
  const inner = (part: JsonSchema) => forWriting(part, defs, within);
  const branches = schema.anyOf ?? schema.oneOf ?? schema.allOf;
  if (branches) return union(branches.map(inner));
  if (Array.isArray(schema.type)) return union(schema.type.map((type) => inner({ ...schema, type })));
  switch (schema.type) {
    case "object": {
      const others = schema.additionalProperties;
      return {
        type: "object",
        properties: Object.fromEntries(
          Object.entries(schema.properties ?? {}).map(([key, part]) => [key, inner(part)]),
        ),
        ...(others && typeof others === "object" ? { additionalProperties: inner(others) } : {}),
      };
    }
    case "array":
      return { type: "array", items: inner(schema.items ?? {}) };
    case undefined:
      return {};
    default:
      return { type: schema.type };
  }
}

function union(branches: readonly JsonSchema[]): JsonSchema {
  const nullable = branches.some((branch) => branch.type === "null" || branch.nullable);
  const parts = branches.filter((branch) => branch.type !== "null");
  const [first] = parts;
  if (!first) return { type: "null" };
  if (parts.every((part) => JSON.stringify(part) === JSON.stringify(first)))
    return nullable ? { ...first, nullable } : first;
  // Text or number: nothing to leave out, so JSON's own rules write it (a Temporal value knows its toJSON).
  if (!parts.every((part) => part.type === "object")) return {};
  const properties: Record<string, JsonSchema> = {};
  for (const part of parts) {
    for (const [key, value] of Object.entries(part.properties ?? {}))
      properties[key] = properties[key] ? union([properties[key], value]) : value;
  }
  const others = parts.find((part) => part.additionalProperties)?.additionalProperties;
  return {
    type: "object",
    properties,
    ...(others ? { additionalProperties: others } : {}),
    ...(nullable ? { nullable } : {}),
  };
}

/** The fields a caller may choose from: those of the rows of a list, else those of the answer itself. */
function fieldsOf(schema: JsonSchema): readonly string[] {
  return Object.keys(rowsOf(schema)?.properties ?? schema.properties ?? {});
}

/** Keeps the chosen fields of each row, or of the one answer; refuses a field that is not there. */
export function chosen(answer: unknown, fields: string, schema: JsonSchema): unknown {
  const known = fieldsOf(schema);
  const names = fields.split(",").map((name) => name.trim());
  for (const name of names) {
    if (!known.includes(name))
      refuse("input-invalid", `There is no field "${name}" to choose. There are: ${known.join(", ")}.`, "/fields");
  }
  const pick = (row: object) => Object.fromEntries(names.map((name) => [name, (row as Record<string, unknown>)[name]]));
  if (answer === null || typeof answer !== "object") return answer;
  if (rowsOf(schema)) {
    const list = answer as { data: readonly object[] };
    return { ...list, data: list.data.map(pick) };
  }
  return pick(answer);
}

function rowsOf(schema: JsonSchema): JsonSchema | undefined {
  return schema.properties?.nextCursor ? schema.properties.data?.items : undefined;
}
