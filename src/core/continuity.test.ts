/** Which evidence holds mail back, and which does not. */
import { expect, it } from "vitest";
import { type Evidence, reasonToHold, wentBack } from "./continuity.ts";

const now = Temporal.Instant.from("2026-12-01T09:00:00Z");
const ago = (hours: number) => now.subtract({ hours });

type Given = {
  pulse?: number;
  alive?: Temporal.Instant | null;
  place?: string | null;
  timeline?: number;
  witness?: Partial<NonNullable<Evidence["witness"]>> | null;
  due?: boolean;
};

function check({ pulse = 100, alive = ago(10), place = "here", timeline = 1, witness = {}, due = true }: Given) {
  return reasonToHold(
    {
      recorded: { installation: "ours", pulse, aliveAt: alive, place: "here", timeline: 1 },
      place,
      timeline,
      witness: witness && { installation: "ours", pulse: 100, copied: false, ...witness },
      due,
    },
    now,
  );
}

it("an outage of a night or a long weekend catches up by itself", () => {
  expect(check({})).toBe(null);
  expect(check({ alive: ago(71) })).toBe(null);
});

it("mail that came due in a silence of more than three days is asked about; without any there is nothing to ask", () => {
  expect(check({ alive: ago(73) })).toBe("silent");
  expect(check({ alive: ago(73), due: false })).toBe(null);
});

it("a database behind what its data folder saw has gone back, whether anything is due or not", () => {
  expect(check({ pulse: 50 })).toBe("went-back");
  expect(check({ pulse: 50, due: false })).toBe("went-back");
});

it("a replica that took over may lack the last moments; a dump read back may not lack one", () => {
  expect(check({ pulse: 96, timeline: 2 })).toBe(null);
  expect(check({ pulse: 99, place: "elsewhere" })).toBe("went-back");
});

it("others may have gone on while this folder slept", () => {
  expect(check({ pulse: 5000, alive: ago(0) })).toBe(null);
});

it("a copied data folder holds what is due", () => {
  expect(check({ witness: { copied: true } })).toBe("copied");
  expect(check({ witness: { copied: true }, due: false })).toBe(null);
});

it("a database that was moved with its folder, which saw its last moment, is no copy", () => {
  expect(check({ place: "elsewhere" })).toBe(null);
});

it("a dump in a folder that knows nothing of it is a copy", () => {
  expect(check({ witness: null, place: "elsewhere", due: false })).toBe("copied");
  expect(check({ witness: { installation: "another" }, place: "elsewhere" })).toBe("copied");
});

it("recovery to a point in time in a fresh folder is a copy where mail is due", () => {
  expect(check({ witness: null, timeline: 2 })).toBe("copied");
  expect(check({ witness: null, timeline: 2, due: false })).toBe(null);
});

it("one more process with a fresh folder is welcome", () => {
  expect(check({ witness: null, alive: ago(0) })).toBe(null);
});

it("a new installation begins at once; in the folder of another one what is due is asked about", () => {
  expect(check({ alive: null, pulse: 0, witness: null })).toBe(null);
  expect(check({ alive: null, pulse: 0, witness: { installation: "another" } })).toBe("copied");
  expect(check({ alive: null, pulse: 0, witness: { installation: "another" }, due: false })).toBe(null);
});

it("where the server does not tell which database it is, the rest is evidence enough", () => {
  expect(check({ place: null })).toBe(null);
  expect(check({ place: null, pulse: 50 })).toBe("went-back");
});

it("a database exchanged under a running program is known by what is missing in it", () => {
  expect(wentBack({ pulse: 100, place: "a" }, { pulse: 100, place: "a" })).toBe(false);
  expect(wentBack({ pulse: 100, place: "a" }, { pulse: 97, place: "a" })).toBe(false);
  expect(wentBack({ pulse: 100, place: "a" }, { pulse: 40, place: "a" })).toBe(true);
  expect(wentBack({ pulse: 100, place: "a" }, { pulse: 99, place: "b" })).toBe(true);
});
