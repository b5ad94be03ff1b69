/** The contract of events: what people did elsewhere, told by programs of the user's. Data only. */
import { z } from "zod";
import { eventName } from "../core/conditions.ts";
import { contract, id, idParams, instant, line, listOf, page } from "../http/contract.ts";

/** How many events one request may hold. */
export const MOST_AT_ONCE = 500;
const MOST_PROPERTIES = 50;

// PostgreSQL keeps neither NUL nor half a character.
const text = z
  .string()
  .max(500, "At most 500 characters.")
  .refine((value) => value.isWellFormed() && !value.includes("\u0000"), "Must be text without NUL characters.");
const properties = z
  .record(
    z.string().regex(/^[\p{L}_][\p{L}\p{N}_.-]{0,62}$/u, "A property is called by a word of at most 63 characters."),
    z.union([text, z.number(), z.boolean()]),
  )
  .refine((given) => Object.keys(given).length <= MOST_PROPERTIES, `At most ${MOST_PROPERTIES} properties.`);

export const eventInput = z.object({
  person: z
    .union([z.int().positive().max(Number.MAX_SAFE_INTEGER), line(320)])
    .describe("The id of a Lead or Contact, or any of their addresses."),
  name: eventName.describe("What happened: `purchased`. Case does not matter."),
  at: instant.nullable().default(null).describe("When it happened; now when left out. Never in the future."),
  externalId: line(200)
    .nullable()
    .default(null)
    .describe("Your own id for it: told again of the same person under the same name, it counts once."),
  properties: properties.default({}).describe("Flat: text, numbers and booleans."),
});
export type EventInput = z.output<typeof eventInput>;

const event = z.object({
  id,
  personId: id,
  name: z.string(),
  at: instant,
  receivedAt: instant,
  externalId: z.string().nullable(),
  properties: z.record(z.string(), z.union([z.string(), z.number(), z.boolean()])),
});

const tag = "Events";

export const events = contract({
  record: {
    method: "POST",
    path: "/events",
    summary: "Tell what a person did: it stands on their timeline, and conditions and goals ask for it",
    description:
      "Answers 201, or 200 with the first one when the same `externalId` was told before. Whoever reaches the goal of a Campaign by it gets nothing more of that Campaign.",
    tag,
    access: "user",
    body: eventInput,
    success: { status: 201, body: event },
  },
  recordMany: {
    method: "POST",
    path: "/events/batch",
    summary: "Tell up to 500 events at once",
    description: "What is wrong with one of them is told by its place, and the others are kept.",
    tag,
    access: "user",
    body: z.object({ events: z.array(eventInput).min(1).max(MOST_AT_ONCE) }),
    success: {
      status: 200,
      body: z.object({
        recorded: z.int(),
        repeated: z.int().describe("Known already by their `externalId`."),
        problems: z.array(z.object({ index: z.int(), code: z.string(), text: z.string() })),
      }),
    },
  },
  ofPerson: {
    method: "GET",
    path: "/people/:id/events",
    summary: "What a person did, the last told first",
    tag,
    access: "viewer",
    params: idParams,
    query: z.object({ ...page, name: eventName.optional() }),
    success: { status: 200, body: listOf(event) },
  },
  names: {
    method: "GET",
    path: "/event-names",
    summary: "The names of events that were told so far",
    tag,
    access: "viewer",
    success: { status: 200, body: z.object({ data: z.array(z.object({ name: z.string(), firstAt: instant })) }) },
  },
});
