/** What an author asks of a person before a mail leaves or a Campaign ends: as data, checked and evaluated. Knows no words and no database. */
import { z } from "zod";
import { type Status, STATUSES } from "./email-campaign.ts";

/** Which mail of the same Campaign: any, the last one the person got, or that of a step. */
export type Which = "any" | "before" | number;

/** How a field is compared. What is text is compared without regard to case; numbers and days by their order. */
export const OPERATORS = [
  "is",
  "contains",
  "starts-with",
  "at-least",
  "at-most",
  "more-than",
  "less-than",
  "set",
] as const;
export type Operator = (typeof OPERATORS)[number];

export type FieldValue = string | number | boolean | null;
type Wanted = string | number | boolean;

/** One thing that is true of a person or not. Times count from the beginning of the Email Campaign. */
export type Leaf =
  /** A field of the person, or one that was declared; `is` with several values: one of them. */
  | { readonly field: string; readonly op: Operator; readonly value?: Wanted | readonly string[] | null }
  /** A subscribed member of the Email Group. */
  | { readonly group: number }
  /** Opened, or clicked in, a mail of this Email Campaign; what a scanner did does not count. */
  | { readonly opened: Which }
  | { readonly clicked: Which; readonly link?: string | null }
  /** Answered since it began. An automatic reply is none. */
  | { readonly replied: true }
  /** Has an Email Campaign of another Campaign with one of these statuses. */
  | { readonly campaign: number; readonly statuses: readonly Status[] }
  /** Went through another Campaign to its end. */
  | { readonly finished: number }
  /** Did something a program of the user's told of: once unless said, at any time or since the Email Campaign was made. */
  | { readonly event: string; readonly times?: number | null; readonly since?: "start" | null };

export type Condition =
  | Leaf
  | { readonly all: readonly Condition[] }
  | { readonly any: readonly Condition[] }
  | { readonly not: Condition };

/** A person's own fields that can be asked for, by the names templates use; declared fields come beside them. */
export const OWN_FIELDS = [
  "kind",
  "status",
  "source",
  "owner",
  "company",
  "job_title",
  "city",
  "state",
  "country",
  "language",
] as const;

/** So deep and so long can a condition be that somebody still understands it. */
const MOST_DEPTH = 5;
const MOST_LEAVES = 30;
const MOST_VALUES = 50;
const MOST_TIMES = 1000;

/** The name of an event, the same whatever its case: `purchased`, `order completed`. */
export const eventName = z
  .string()
  .trim()
  .toLowerCase()
  .min(1, "An event has a name.")
  .max(100, "The name of an event has at most 100 characters.")
  .regex(/^[\p{L}\p{N}][\p{L}\p{N} ._:/-]*$/u, "The name of an event is letters, digits, blanks and . _ : / -");

const id = z.int().min(1);
const which = z.union([z.enum(["any", "before"]), id]);
const wanted = z.union([z.string().max(500), z.number(), z.boolean()]);
const leaf = z.union([
  z.strictObject({
    field: z.string().regex(/^[a-z][a-z0-9_]{0,62}$/, "Name a field by its key."),
    op: z.enum(OPERATORS),
    value: z.union([wanted, z.array(z.string().max(500)).min(1).max(MOST_VALUES)]).nullish(),
  }),
  z.strictObject({ group: id }),
  z.strictObject({ opened: which }),
  z.strictObject({ clicked: which, link: z.string().min(1).max(2048).nullish() }),
  z.strictObject({ replied: z.literal(true) }),
  z.strictObject({ campaign: id, statuses: z.array(z.enum(STATUSES)).min(1).max(STATUSES.length) }),
  z.strictObject({ finished: id }),
  z.strictObject({
    event: eventName,
    times: z.int().min(1).max(MOST_TIMES).nullish(),
    since: z.literal("start").nullish(),
  }),
]);
const branch: z.ZodType<Condition, Condition> = z.lazy(() =>
  z.union([
    leaf,
    z.strictObject({ all: z.array(branch).min(1) }),
    z.strictObject({ any: z.array(branch).min(1) }),
    z.strictObject({ not: branch }),
  ]),
);

/** A condition as the API takes it. */
export const conditionSchema = branch
  .refine((condition) => depthOf(condition) <= MOST_DEPTH, `A condition is nested ${MOST_DEPTH} deep at most.`)
  .refine((condition) => leavesOf(condition).length <= MOST_LEAVES, `A condition asks ${MOST_LEAVES} things at most.`);

/** What is known of a person in one Email Campaign: of each kind only what was asked for has to be there. */
export type Known = {
  readonly fields: Readonly<Record<string, FieldValue>>;
  /** The Email Groups they are subscribed to. */
  readonly groups: readonly number[];
  readonly replied: boolean;
  /** In the order in which they happened. */
  readonly engagements: readonly {
    readonly kind: "opened" | "clicked";
    readonly stepId: number;
    readonly link: string | null;
  }[];
  /** The statuses of their Email Campaigns, by Campaign. */
  readonly campaigns: Readonly<Record<number, readonly Status[]>>;
  /** How often each event happened: in all, and since the Email Campaign was made. */
  readonly events: Readonly<Record<string, { readonly ever: number; readonly sinceStart: number }>>;
  /** The step whose mail they got last; null: none yet. */
  readonly lastStepId: number | null;
};

export const NOTHING_KNOWN: Known = {
  fields: {},
  groups: [],
  replied: false,
  engagements: [],
  campaigns: {},
  events: {},
  lastStepId: null,
};

/** Which facts have to be known, over several conditions. */
export type Needs = {
  readonly fields: readonly string[];
  readonly groups: readonly number[];
  readonly replied: boolean;
  readonly engagements: boolean;
  readonly campaigns: readonly number[];
  readonly events: readonly string[];
};

/** Whether it is true of what is known. */
export function holds(condition: Condition, known: Known): boolean {
  if ("all" in condition) return condition.all.every((one) => holds(one, known));
  if ("any" in condition) return condition.any.some((one) => holds(one, known));
  if ("not" in condition) return !holds(condition.not, known);
  return leafHolds(condition, known);
}

function leafHolds(asked: Leaf, known: Known): boolean {
  if ("field" in asked) return compares(asked.op, known.fields[asked.field] ?? null, asked.value ?? null);
  if ("group" in asked) return known.groups.includes(asked.group);
  if ("opened" in asked) return engaged(known, asked.opened, () => true);
  if ("clicked" in asked) {
    const { link = null } = asked;
    return engaged(known, asked.clicked, (one) => one.kind === "clicked" && (link === null || one.link === link));
  }
  if ("replied" in asked) return known.replied;
  if ("campaign" in asked)
    return (known.campaigns[asked.campaign] ?? []).some((status) => asked.statuses.includes(status));
  if ("finished" in asked) return (known.campaigns[asked.finished] ?? []).includes("Completed");
  const happened = Object.hasOwn(known.events, asked.event) ? known.events[asked.event] : undefined;
  return ((asked.since === "start" ? happened?.sinceStart : happened?.ever) ?? 0) >= (asked.times ?? 1);
}

/** A click is an opening too: whoever keeps pictures out is known by their clicks alone. */
function engaged(known: Known, of: Which, counts: (one: Known["engagements"][number]) => boolean): boolean {
  const stepId = of === "before" ? known.lastStepId : of;
  return known.engagements.some((one) => (stepId === "any" || one.stepId === stepId) && counts(one));
}

/** A field that is empty is none of the values, and neither more nor less than any. */
function compares(op: Operator, fact: FieldValue, value: Wanted | readonly string[] | null): boolean {
  if (fact === null || fact === "") return false;
  if (op === "set") return true;
  if (value === null) return false;
  if (Array.isArray(value)) return op === "is" && value.some((one) => same(fact, one as string));
  const one = value as Wanted;
  if (op === "is") return same(fact, one);
  if (op === "contains") return lower(fact).includes(lower(one));
  if (op === "starts-with") return lower(fact).startsWith(lower(one));
  if (typeof fact !== typeof one || typeof one === "boolean") return false;
  if (op === "at-least") return fact >= one;
  if (op === "at-most") return fact <= one;
  return op === "more-than" ? fact > one : fact < one;
}

const same = (fact: Exclude<FieldValue, null>, value: Wanted) =>
  typeof value === "string" ? lower(fact) === lower(value) : fact === value;

const lower = (value: Wanted) => String(value).toLowerCase();

/** The things it asks, from left to right. */
export function leavesOf(condition: Condition): Leaf[] {
  if ("all" in condition) return condition.all.flatMap(leavesOf);
  if ("any" in condition) return condition.any.flatMap(leavesOf);
  if ("not" in condition) return leavesOf(condition.not);
  return [condition];
}

function depthOf(condition: Condition): number {
  if ("all" in condition) return 1 + Math.max(...condition.all.map(depthOf));
  if ("any" in condition) return 1 + Math.max(...condition.any.map(depthOf));
  // A single thing that is not so is as easy to read as one that is.
  if ("not" in condition) return depthOf(condition.not);
  return 1;
}

/** What has to be known before these can be evaluated. */
export function needsOf(conditions: readonly Condition[]): Needs {
  const leaves = conditions.flatMap(leavesOf);
  const each = <Value>(of: (one: Leaf) => Value | undefined): Value[] => {
    const found = new Set<Value>();
    for (const one of leaves) {
      const value = of(one);
      if (value !== undefined) found.add(value);
    }
    return [...found];
  };
  return {
    fields: each((one) => ("field" in one ? one.field : undefined)),
    groups: each((one) => ("group" in one ? one.group : undefined)),
    replied: leaves.some((one) => "replied" in one),
    engagements: leaves.some((one) => "opened" in one || "clicked" in one),
    campaigns: each((one) => ("campaign" in one ? one.campaign : "finished" in one ? one.finished : undefined)),
    events: each((one) => ("event" in one ? one.event : undefined)),
  };
}

/** The things it asks with whether each is so, for whoever wants to know why. */
export function answersOf(condition: Condition, known: Known): { readonly leaf: Leaf; readonly so: boolean }[] {
  return leavesOf(condition).map((one) => ({ leaf: one, so: leafHolds(one, known) }));
}
