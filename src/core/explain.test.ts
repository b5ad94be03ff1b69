import { expect, it } from "vitest";
import { type StepMessage, explain } from "./explain.ts";
import { type Facts, NO_RULES, type Step } from "./schedule.ts";

const at = (text: string) => Temporal.Instant.from(text);
const step = (id: number, sendAfterDays: number): Step => ({
  id,
  position: id,
  sendAfterDays,
  timeOfDay: null,
  expiresAfterDays: null,
  addedAt: null,
  timing: null,
});
const facts: Facts = {
  startOn: Temporal.PlainDate.from("2026-12-01"),
  createdAt: at("2026-11-20T00:00:00Z"),
  steps: [step(1, 0), step(2, 4), step(3, 5)],
  resolutions: [],
  rules: NO_RULES,
};
const message = (stepId: number, more: Partial<StepMessage>): StepMessage => ({
  stepId,
  state: "accepted",
  reason: null,
  at: at("2026-12-01T09:00:02Z"),
  nextAttemptAt: null,
  reply: null,
  ...more,
});
const running = { status: "In Progress", stopReason: null } as const;
const codes = (...given: Parameters<typeof explain>) => explain(...given).map(({ code }) => code);

it("says what was sent, what waits for its day, and when", () => {
  const given = {
    ...facts,
    resolutions: [{ stepId: 1, state: "sent" as const, at: at("2026-12-01T09:00:02Z"), on: facts.startOn }],
  };
  const answers = explain(given, running, [message(1, {})], at("2026-12-02T00:00:00Z"));
  expect(answers.map(({ code }) => code)).toEqual(["sent", "scheduled", "scheduled"]);
  expect(answers.map((answer) => answer.at?.toString())).toEqual([
    "2026-12-01T09:00:02Z",
    "2026-12-05T09:00:00Z",
    "2026-12-06T09:00:00Z",
  ]);
});

it("says why a late step waits for its turn, and why an old one will not be sent", () => {
  const given = {
    ...facts,
    resolutions: [
      { stepId: 1, state: "sent" as const, at: at("2026-12-07T09:00:00Z"), on: Temporal.PlainDate.from("2026-12-07") },
    ],
  };
  const late = at("2026-12-07T12:00:00Z");
  expect(codes(given, running, [message(1, {})], late)).toEqual(["sent", "catching-up", "waits-for-previous"]);
  expect(codes(facts, running, [], at("2026-12-20T00:00:00Z"))).toEqual(["expired", "expired", "expired"]);
});

it("says that a pause, an opt-out or a stop holds the rest back", () => {
  const now = at("2026-12-02T00:00:00Z");
  expect(codes(facts, { status: "Paused", stopReason: null }, [], now)).toEqual(["paused", "paused", "paused"]);
  expect(codes(facts, { status: "Unsubscribed", stopReason: null }, [], now)[2]).toBe("unsubscribed");
  const [stopped] = explain(facts, { status: "Stopped", stopReason: "bounced" }, [], now);
  expect(stopped?.text).toBe("Will not be sent: the address bounced.");
});

it("E70 says that a step was held back by an opt-out, not that it was sent", () => {
  const [first] = explain(
    facts,
    running,
    [message(1, { state: "skipped", reason: "unsubscribed" })],
    at("2026-12-02T00:00:00Z"),
  );
  expect(first).toMatchObject({ code: "unsubscribed", text: "Not sent: the person has unsubscribed." });
});

it("shows what the server said and when it is tried again", () => {
  const deferred = message(1, { state: "deferred", reply: "451 try later", nextAttemptAt: at("2026-12-01T09:15:00Z") });
  const [first] = explain(facts, running, [deferred], at("2026-12-01T09:01:00Z"));
  expect(first).toMatchObject({ code: "will-retry", at: at("2026-12-01T09:15:00Z") });
  expect(first?.text).toContain("451 try later");
});

it("says the moment in words, by whose clock, and what moved it, in English and German", () => {
  const holidays = new Map([["2026-12-25", "Christmas Day"]]);
  const rules = { ...NO_RULES, timeZone: "Europe/Lisbon", holidays };
  const given = { ...facts, rules, startOn: Temporal.PlainDate.from("2026-12-21"), steps: [step(1, 4)] };
  const now = at("2026-12-22T00:00:00Z");
  const [english] = explain(given, running, [], now, { language: "en", person: "Ana", ownClock: true });
  expect(english?.text).toBe(
    "Waits for its day: Sat 26 Dec, 00:00 in Ana’s time (Lisbon) (Fri 25 Dec is a holiday (Christmas Day)).",
  );
  const [german] = explain(given, running, [], now, { language: "de", person: "Ana", ownClock: false });
  expect(german?.text).toBe(
    "Wartet auf ihren Tag: Sa., 26. Dez., 00:00 nach der Uhr des Arbeitsbereichs (Lisbon) (Fr., 25. Dez. ist ein Feiertag (Christmas Day)).",
  );
});

it("says that the frequency cap holds a mail, or that a date is missing, and until when", () => {
  const now = at("2026-12-02T00:00:00Z");
  const held = { ...facts, capFreeAt: at("2026-12-03T10:00:00Z") };
  expect(explain(held, running, [], now)[0]).toMatchObject({
    code: "frequency-cap",
    text: "Waits: the person has got as many mails as the workspace allows. It leaves Thu 3 Dec, 10:00 in the person’s time (UTC) at the earliest.",
  });
  const waitFor = { field: "renewal", offsetDays: 0, yearly: false };
  const timing = { window: null, counting: null, gap: null, waitFor };
  const waiting = { ...facts, steps: [{ ...step(1, 5), timing }] };
  expect(explain(waiting, running, [], now)[0]).toMatchObject({
    code: "waits-for-date",
    at: at("2026-12-06T09:00:00Z"),
  });
  expect(explain(waiting, running, [], at("2026-12-06T09:00:00Z"))[0]).toMatchObject({ code: "no-date" });
});
