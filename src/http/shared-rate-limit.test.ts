import { afterAll, beforeAll, expect, it } from "vitest";
import { type FreshDatabase, freshDatabase } from "../../test/database.ts";
import { at } from "../../test/world.ts";
import { createSharedRateLimit } from "./shared-rate-limit.ts";

let fresh: FreshDatabase;
beforeAll(async () => void (fresh = await freshDatabase()));
afterAll(() => fresh.close());
const NOW = at("2026-03-01");

it("two processes together let a caller do no more than the limit, even at the same moment", async () => {
  const limits = [0, 1].map(() => createSharedRateLimit(fresh.db, { deed: "test", most: 10, minutes: 10 }));
  const tries = Array.from({ length: 30 }, (_, index) => limits[index % 2]!("ana", 1, NOW));
  const done = await Promise.allSettled(tries);
  expect(done.filter(({ status }) => status === "fulfilled")).toHaveLength(10);
  await expect(limits[0]!("ana", 1, NOW.add({ minutes: 9 }))).rejects.toMatchObject({ code: "too-many-requests" });
  await limits[1]!("bo", 10, NOW);
  await limits[1]!("ana", 10, NOW.add({ minutes: 11 }));
  await expect(limits[0]!("ana", 1, NOW.add({ minutes: 12 }))).rejects.toMatchObject({ code: "too-many-requests" });
});

it("what is asked for at once counts at once, and nothing of it when it is too much", async () => {
  const limit = createSharedRateLimit(fresh.db, { deed: "other", most: 10, minutes: 10 });
  await expect(limit("ana", 11, NOW)).rejects.toMatchObject({ code: "too-many-requests" });
  await limit("ana", 10, NOW);
});
