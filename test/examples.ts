/** People and Campaigns for tests of what is done with them, written straight into the tables. Tests nothing itself. */
import type { Insertable } from "kysely";
import type { Db } from "../src/db/database.ts";
import type { Tables } from "../src/db/tables.ts";

const made = Temporal.Instant.from("2026-01-01T00:00:00Z");
let serial = 0;

/** A Lead with an address of their own, unless told otherwise. @returns the id. */
export async function examplePerson(db: Db, more: Partial<Insertable<Tables["people"]>> = {}): Promise<number> {
  serial += 1;
  const email = `person${serial}@example.com`;
  const plain = {
    kind: "lead",
    fullName: `Person ${serial}`,
    status: "Lead",
    createdAt: made,
    changedAt: made,
  } as const;
  const row = await db
    .insertInto("people")
    .values({ ...plain, email, emailKey: email, ...more })
    .returning("id")
    .executeTakeFirstOrThrow();
  return row.id;
}

/** A Campaign with a step on each of these days, all there from the beginning. */
export async function exampleCampaign(
  db: Db,
  days: readonly number[],
  more: Partial<Insertable<Tables["campaigns"]>> = {},
): Promise<{ id: number; steps: number[] }> {
  serial += 1;
  const stamps = { createdAt: made, changedAt: made };
  const template = await db
    .insertInto("emailTemplates")
    .values({ name: `Template ${serial}`, currentVersionId: null, ...stamps })
    .returning("id")
    .executeTakeFirstOrThrow();
  const campaign = await db
    .insertInto("campaigns")
    .values({ name: `Campaign ${serial}`, ...stamps, ...more })
    .returning("id")
    .executeTakeFirstOrThrow();
  const steps: number[] = [];
  for (const [index, sendAfterDays] of days.entries()) {
    const step = { emailTemplateId: template.id, position: index + 1, sendAfterDays, addedAt: made };
    const row = await db
      .insertInto("steps")
      .values({ ...step, campaignId: campaign.id, timeOfDay: null, expiresAfterDays: null, removedAt: null })
      .returning("id")
      .executeTakeFirstOrThrow();
    steps.push(row.id);
  }
  return { id: campaign.id, steps };
}
