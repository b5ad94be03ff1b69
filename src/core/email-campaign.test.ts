import fc from "fast-check";
import { expect, it } from "vitest";
import { EVENTS, STATUSES, type Status, actionsFor, after, diagram, statusesFor } from "./email-campaign.ts";

const someStatus = fc.constantFrom(...STATUSES);
const someEvents = fc.array(fc.constantFrom(...EVENTS), { maxLength: 30 });

it("whatever happens in whatever order, it has one of the known statuses", () => {
  fc.assert(
    fc.property(someStatus, someEvents, (from, events) => {
      let status: Status = from;
      for (const event of events) status = after(status, event) ?? status;
      expect(STATUSES).toContain(status);
    }),
  );
});

it("E43 Unsubscribed is final, whatever happens", () => {
  for (const event of EVENTS) expect(after("Unsubscribed", event)).toBeNull();
});

it("E64 from every status but the final one a person can still unsubscribe", () => {
  expect(statusesFor("unsubscribe").toSorted()).toEqual(
    STATUSES.filter((status) => status !== "Unsubscribed").toSorted(),
  );
});

it("every status can be reached from the start", () => {
  const reached = new Set<Status>(["Scheduled"]);
  for (const status of reached)
    for (const event of EVENTS) {
      const next = after(status, event);
      if (next) reached.add(next);
    }
  expect([...reached].toSorted()).toEqual([...STATUSES].toSorted());
});

it("E45 Completed goes on only when a step is added ahead", () => {
  const followers = EVENTS.filter((event) => after("Completed", event) === "In Progress");
  expect(followers).toEqual(["reopen"]);
});

it("E48 the buttons follow from the table; restart is offered where it ended without an opt-out", () => {
  expect(actionsFor("In Progress")).toEqual(["pause", "cancel", "move"]);
  expect(actionsFor("Paused")).toEqual(["resume", "cancel"]);
  expect(actionsFor("Completed")).toEqual(["restart"]);
  expect(actionsFor("Stopped")).toEqual(["restart"]);
  expect(actionsFor("Unsubscribed")).toEqual([]);
});

it("the diagram of the docs shows every arrow of the table", () => {
  const arrows = STATUSES.flatMap((status) => EVENTS.filter((event) => after(status, event)));
  expect(diagram().match(/-->/g)).toHaveLength(arrows.length + 2);
});
