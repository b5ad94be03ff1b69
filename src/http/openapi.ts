/** The API's description (OpenAPI 3.1), made from the endpoints that are mounted: what is served is described. */
import { z } from "zod";
import { contract, type Endpoint } from "./contract.ts";
import type { JsonSchema } from "./output.ts";
import { API } from "./serve.ts";

export const openapi = contract({
  describe: {
    method: "GET",
    path: "/openapi.json",
    summary: "This description",
    tag: "Description",
    access: "public",
    produces: "application/json; charset=utf-8",
    success: { status: 200 },
  },
});

const PROBLEM = {
  type: "object",
  description: "RFC 9457. `code` is stable; `errors` say where the input is at fault, as JSON pointers.",
  required: ["type", "title", "status", "detail", "code"],
  properties: {
    type: { type: "string", examples: ["urn:tidings:problem:input-invalid"] },
    title: { type: "string" },
    status: { type: "integer" },
    detail: { type: "string" },
    code: { type: "string" },
    errors: {
      type: "array",
      items: {
        type: "object",
        required: ["pointer", "detail"],
        properties: { pointer: { type: "string" }, detail: { type: "string" }, code: { type: "string" } },
      },
    },
  },
};

type Operation = Record<string, unknown>;

/** Describes the endpoints. The document holds no address of this server: clients know where they found it. */
export function describeApi(endpoints: readonly Endpoint[], version: string) {
  const schemas: Record<string, unknown> = { Problem: PROBLEM };
  const paths: Record<string, Record<string, Operation>> = {};
  for (const endpoint of endpoints) {
    const path = endpoint.path.replace(/:(\w+)/g, "{$1}");
    paths[path] = { ...paths[path], [endpoint.method.toLowerCase()]: operation(endpoint, schemas) };
  }
  return {
    openapi: "3.1.0",
    info: {
      title: "Tidings",
      version,
      description:
        "Everything Tidings does, for programs. Lists page by `cursor`; `fields` chooses fields; a POST with an " +
        "`Idempotency-Key` may be repeated; `If-Match` with an ETag guards an edit.",
      license: { name: "MIT", identifier: "MIT" },
    },
    servers: [{ url: API }],
    tags: [...new Set(endpoints.map((endpoint) => endpoint.tag))].map((name) => ({ name })),
    paths,
    components: {
      schemas,
      securitySchemes: { apiKey: { type: "http", scheme: "bearer", description: "An API key: `tdg_…`" } },
    },
  };
}

function operation(endpoint: Endpoint, schemas: Record<string, unknown>): Operation {
  const { success } = endpoint;
  const parameters = [
    ...parametersOf(endpoint.params, "path", schemas),
    ...parametersOf(endpoint.query, "query", schemas),
    ...headersOf(endpoint),
  ];
  const content = success.body
    ? { "application/json": { schema: schemaOf(success.body, "output", schemas) } }
    : endpoint.produces && { [endpoint.produces]: { schema: { type: "string" } } };
  const body = endpoint.upload
    ? Object.fromEntries(endpoint.upload.map((type) => [type, { schema: { type: "string", format: "binary" } }]))
    : endpoint.body && { "application/json": { schema: schemaOf(endpoint.body, "input", schemas) } };
  return {
    operationId: operationId(endpoint),
    summary: endpoint.summary,
    description: [endpoint.description, endpoint.access === "public" ? "" : `Needs the role ${endpoint.access}.`]
      .filter(Boolean)
      .join("\n\n"),
    tags: [endpoint.tag],
    ...(endpoint.access === "public" ? { security: [] } : { security: [{ apiKey: [] }] }),
    ...(parameters.length > 0 ? { parameters } : {}),
    ...(body
      ? { requestBody: { required: !(endpoint.body?.safeParse(undefined).success ?? false), content: body } }
      : {}),
    responses: {
      [success.status]: { description: endpoint.summary, ...(content ? { content } : {}) },
      default: {
        description: "What is wrong, and where",
        content: { "application/problem+json": { schema: { $ref: "#/components/schemas/Problem" } } },
      },
    },
  };
}

/** `getEmailCampaignsIdExplain`: stable as long as the address is. */
function operationId({ method, path }: Endpoint): string {
  const words = path.split(/[^A-Za-z0-9]+/).filter(Boolean);
  return method.toLowerCase() + words.map((word) => word.charAt(0).toUpperCase() + word.slice(1)).join("");
}

function parametersOf(schema: z.ZodObject | undefined, place: "path" | "query", schemas: Record<string, unknown>) {
  if (!schema) return [];
  const { properties = {}, required = [] } = schemaOf(schema, "input", schemas) as JsonSchema & { required?: string[] };
  return Object.entries(properties).map(([name, { description, ...rest }]) => ({
    name,
    in: place,
    required: place === "path" || required.includes(name),
    ...(description ? { description } : {}),
    schema: rest,
  }));
}

function headersOf({ method, access, upload, produces }: Endpoint) {
  const header = (name: string, description: string) => ({
    name,
    in: "header",
    required: false,
    description,
    schema: { type: "string" },
  });
  if (access === "public") return [];
  if (method === "POST" && !upload && !produces)
    return [header("Idempotency-Key", "A repeated request with the same key gets the first one's answer, for a day.")];
  if (method === "PATCH" || method === "PUT")
    return [header("If-Match", "The ETag you read; the edit is refused (412) when somebody changed it since.")];
  return [];
}

/** A schema with what it refers to moved among the components, where references in the document can find it. */
function schemaOf(schema: z.ZodType, io: "input" | "output", schemas: Record<string, unknown>): JsonSchema {
  const { $schema: _dialect, $defs, ...found } = z.toJSONSchema(schema, { io, unrepresentable: "any" }) as JsonSchema;
  if (!$defs) return found;
  const names = new Map<string, string>();
  for (const name of Object.keys($defs)) {
    let free = name.startsWith("__") ? `Part${Object.keys(schemas).length}` : name;
    while (free in schemas && JSON.stringify(schemas[free]) !== JSON.stringify($defs[name])) free += "_";
    schemas[free] ??= null;
    names.set(`#/$defs/${name}`, `#/components/schemas/${free}`);
  }
  const moved = (part: unknown): unknown =>
    JSON.parse(JSON.stringify(part), (key, value: unknown) =>
      key === "$ref" ? (names.get(String(value)) ?? value) : value,
    );
  for (const [name, part] of Object.entries($defs)) {
    schemas[(names.get(`#/$defs/${name}`) ?? "").replace("#/components/schemas/", "")] = moved(part);
  }
  return moved(found) as JsonSchema;
}
