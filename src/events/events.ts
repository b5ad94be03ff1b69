/** Front door: what people did elsewhere, told by programs of the user's. Records it; ends nothing: conditions hear of it by `pending_facts`. */
import { recordChanges } from "../accounts/audit.ts";
import { recordEvents } from "../communications/communications.ts";
import { parseAddress } from "../core/address.ts";
import { refuse } from "../core/problem.ts";
import { type Db, inTransaction, type Tx } from "../db/database.ts";
import type { Actor } from "../http/serve.ts";
import { currentId } from "../people/people.ts";
import type { EventInput } from "./api.ts";
import * as store from "./store.ts";

/** The clocks of two machines differ: so little ahead counts as now. */
const AHEAD_MINUTES = 5;
/** Names are written by programmers and chosen from by authors; with ids in them there would be one for each event. */
const MOST_NAMES = 1000;

/** What is wrong with one event, as a refusal would say it. */
export type Problem = { readonly code: string; readonly text: string; readonly pointer: string };

/** Records one event. `repeated`: the same `externalId` was told before, and that one is answered with. */
export function record(db: Db, input: EventInput, actor: Pick<Actor, "name">, now: Temporal.Instant) {
  return inTransaction(db, async (tx) => {
    const { recorded, judged } = await recordIn(tx, [input], actor, now);
    const [one] = judged;
    if (!one || "problem" in one) return refuse(one!.problem.code, one!.problem.text, one!.problem.pointer);
    const event = recorded[0] ?? (await store.known(tx, one.event));
    return { event, repeated: recorded.length === 0 };
  });
}

/** Records all that can be; of each other its place and what is wrong with it. */
export function recordMany(db: Db, inputs: readonly EventInput[], actor: Pick<Actor, "name">, now: Temporal.Instant) {
  return inTransaction(db, async (tx) => {
    const { recorded, judged } = await recordIn(tx, inputs, actor, now);
    const problems = judged.flatMap((one, index) =>
      "problem" in one ? [{ index, code: one.problem.code, text: one.problem.text }] : [],
    );
    return { recorded: recorded.length, repeated: inputs.length - problems.length - recorded.length, problems };
  });
}

type Judged = { readonly event: store.NewEvent } | { readonly problem: Problem };

async function recordIn(tx: Tx, inputs: readonly EventInput[], actor: Pick<Actor, "name">, now: Temporal.Instant) {
  const personOf = await peopleMeant(tx, inputs);
  const judged = inputs.map((input): Judged => {
    const at = momentOf(input.at, now);
    if ("problem" in at) return at;
    const person = personOf(input.person);
    if ("problem" in person) return person;
    const { name, externalId, properties } = input;
    return { event: { personId: person.id, name, happenedAt: at.moment, externalId, properties } };
  });
  const events = judged.flatMap((one) => ("event" in one ? [one.event] : []));
  if (events.length === 0) return { recorded: [], judged };
  await store.keepNames(tx, [...new Set(events.map(({ name }) => name))], now);
  if ((await store.countNames(tx)) > MOST_NAMES)
    refuse(
      "event-names-exhausted",
      `There are ${MOST_NAMES} names of events already. Put what differs into properties.`,
    );
  const recorded = await store.insert(tx, events, now);
  await recordEvents(
    tx,
    recorded.map(({ id, personId, name }) => ({ id, personId, name })),
    now,
  );
  // What it was and whose, not what was in it: the log outlives an erasure.
  const changes = recorded.map(({ id, personId, name }) => ({
    actor,
    action: "record",
    subjectType: "event",
    subjectId: id,
    after: { personId, name },
  }));
  await recordChanges(tx, changes, now);
  return { recorded, judged };
}

function momentOf(
  given: string | null,
  now: Temporal.Instant,
): { readonly moment: Temporal.Instant } | { readonly problem: Problem } {
  if (given === null) return { moment: now };
  const wrong = (code: string, text: string) => ({ problem: { code, text, pointer: "/at" } });
  let moment: Temporal.Instant;
  try {
    moment = Temporal.Instant.from(given).round("millisecond");
  } catch {
    return wrong("moment-invalid", "A moment is written as 2026-12-01T09:00:00Z.");
  }
  if (moment.epochMilliseconds < 0) return wrong("moment-invalid", "An event happened in 1970 or later.");
  if (Temporal.Instant.compare(moment, now.add({ minutes: AHEAD_MINUTES })) > 0)
    return wrong("event-in-future", "This event lies in the future: tell it when it has happened.");
  return { moment: Temporal.Instant.compare(moment, now) > 0 ? now : moment };
}

/** Finds everybody who is named, and keeps them from being erased or merged until the events are there. */
async function peopleMeant(tx: Tx, inputs: readonly EventInput[]) {
  const given = inputs.map(({ person }) => person);
  const keys = new Map(
    given.flatMap((one) => {
      if (typeof one === "number") return [];
      const address = parseAddress(one);
      return "problem" in address ? [] : [[one, address.key] as const];
    }),
  );
  const found = await store.lockPeople(
    tx,
    given.filter((one) => typeof one === "number"),
    [...keys.values()],
  );
  return (person: number | string): { readonly id: number } | { readonly problem: Problem } => {
    const key = typeof person === "string" ? keys.get(person) : undefined;
    const id = typeof person === "number" ? found.byId.get(person) : key && found.byKey.get(key);
    if (id) return { id };
    const text = typeof person === "number" ? `There is no person ${person}.` : "There is nobody with this address.";
    return { problem: { code: "person-not-found", text, pointer: "/person" } };
  };
}

/** What a person did, the last told first. */
export async function ofPerson(db: Db, givenId: number, filter: store.Filter) {
  const id = await currentId(db, givenId);
  if (!(await store.isThere(db, id))) refuse("person-not-found", `There is no person ${givenId}.`);
  return store.list(db, id, filter);
}

export const names = store.names;

/** Forgets what an erased person did (L4); their timeline's entries go with it. */
export async function forgetPerson(tx: Tx, personId: number): Promise<void> {
  await tx.deleteFrom("events").where("personId", "=", personId).execute();
}

/** Gives one person's events to another; what was told of both under one id counts once. */
export function movePerson(tx: Tx, formerId: number, personId: number): Promise<void> {
  return store.movePerson(tx, formerId, personId);
}
