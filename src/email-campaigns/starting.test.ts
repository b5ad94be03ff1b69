/** Who may be started and who not, on a real database. */
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { type FreshDatabase, freshDatabase } from "../../test/database.ts";
import { exampleCampaign, examplePerson } from "../../test/examples.ts";
import type { Refusal } from "../core/problem.ts";
import { inTransaction } from "../db/database.ts";
import type { SuppressionReason, SuppressionScope } from "../db/tables.ts";
import { suppress } from "../suppressions/suppressions.ts";
import { startInput } from "./api.ts";
import * as emailCampaigns from "./email-campaigns.ts";

const now = Temporal.Instant.from("2026-12-01T12:00:00Z");
const actor = { name: "ana@example.com", userId: null };

let fresh: FreshDatabase;
beforeAll(async () => {
  fresh = await freshDatabase();
});
afterAll(() => fresh?.close());

async function start(input: object, starter: emailCampaigns.Starter = actor, at = now) {
  const id = await emailCampaigns.start(fresh.db, startInput.parse(input), starter, at);
  return emailCampaigns.get(fresh.db, id, at);
}
const refusalOf = (work: Promise<unknown>) =>
  work.then(
    () => expect.fail("it was not refused"),
    (error: Refusal) => ({ code: error.code, detail: error.message, at: error.faults[0]?.pointer }),
  );
const opposing = (emailKey: string, scope: SuppressionScope, reason: SuppressionReason, campaignId?: number) =>
  inTransaction(fresh.db, (tx) =>
    suppress(tx, { emailKey, scope, reason, ...(campaignId === undefined ? {} : { campaignId }) }, now),
  );
const setStatus = (id: number, status: string, stopReason: string | null = null) =>
  fresh.pool.query("update email_campaigns set status = $2, stop_reason = $3, next_due_at = null where id = $1", [
    id,
    status,
    stopReason,
  ]);
async function exampleSender(more: { userDisabled?: boolean; disabled?: boolean } = {}) {
  const { rows } = await fresh.pool.query<{ user_id: number; id: number }>(
    `with made as (insert into users (name, email, email_key, role, disabled_at, created_at, changed_at)
       values ('Ana', gen_random_uuid()::text, gen_random_uuid()::text, 'user', case when $1 then now() end, now(), now()) returning id)
     insert into senders (user_id, name, email, email_key, disabled_at, created_at, changed_at)
     select id, 'Ana Ruiz', id || '@example.com', id || '@example.com', case when $2 then now() end, now(), now() from made
     returning id, user_id`,
    [more.userDisabled ?? false, more.disabled ?? false],
  );
  return { senderId: Number(rows[0]?.id), userId: Number(rows[0]?.user_id) };
}

describe("the number", () => {
  it("E13 is MAIL-CAMP-, the year in the workspace's calendar, and five digits that go up without gaps", async () => {
    const campaign = await exampleCampaign(fresh.db, [0]);
    const numbers: string[] = [];
    for (let nth = 0; nth < 3; nth += 1)
      numbers.push((await start({ campaignId: campaign.id, personId: await examplePerson(fresh.db) })).number);
    const taken = await examplePerson(fresh.db, { email: null, emailKey: null });
    await refusalOf(start({ campaignId: campaign.id, personId: taken }));
    numbers.push((await start({ campaignId: campaign.id, personId: await examplePerson(fresh.db) })).number);
    const first = Number(numbers[0]?.slice(-5));
    expect(numbers).toEqual([0, 1, 2, 3].map((nth) => `MAIL-CAMP-2026-${String(first + nth).padStart(5, "0")}`));
  });

  it("E13 finds the Email Campaign wherever its id does, in any letter case", async () => {
    const campaign = await exampleCampaign(fresh.db, [0]);
    const made = await start({ campaignId: campaign.id, personId: await examplePerson(fresh.db) });
    const found = await emailCampaigns.get(fresh.db, made.number.toLowerCase(), now);
    expect(found.id).toBe(made.id);
    for (const wrong of ["MAIL-CAMP-2026-99999", "0", "-1", "99999999999999999999999", "1;", ""])
      expect([wrong, (await refusalOf(emailCampaigns.get(fresh.db, wrong, now))).code]).toEqual([
        wrong,
        "email-campaign-not-found",
      ]);
  });
});

describe("what is asked for", () => {
  it("E14 a Campaign without steps is refused by name; removed steps do not count", async () => {
    const campaign = await exampleCampaign(fresh.db, [0], { name: "Spring letters" });
    await fresh.pool.query("update steps set removed_at = now() where campaign_id = $1", [campaign.id]);
    const { code, detail } = await refusalOf(
      start({ campaignId: campaign.id, personId: await examplePerson(fresh.db) }),
    );
    expect([code, detail]).toEqual(["campaign-without-schedule", expect.stringContaining("Spring letters")]);
  });

  it("E15 Campaign and person are needed; a Lead is the kind that is meant when none is named", async () => {
    expect(startInput.safeParse({ campaignId: 1 }).success).toBe(false);
    expect(startInput.safeParse({ personId: 1 }).success).toBe(false);
    expect(startInput.safeParse({ campaignId: 1, personId: 1, startOn: "2026-02-30" }).success).toBe(false);
    expect(startInput.parse({ campaignId: 1, personId: 1 }).emailCampaignFor).toBe("lead");
  });

  it("E16 the kind is Lead or Contact and the person is one of that kind", async () => {
    expect(startInput.safeParse({ campaignId: 1, personId: 1, emailCampaignFor: "user" }).success).toBe(false);
    const campaign = await exampleCampaign(fresh.db, [0]);
    const contact = await examplePerson(fresh.db, { kind: "contact", status: "Open" });
    const asLead = await refusalOf(start({ campaignId: campaign.id, personId: contact }));
    expect(asLead).toMatchObject({ code: "person-not-found", at: "/personId" });
    expect((await refusalOf(start({ campaignId: campaign.id, personId: 999_999 }))).code).toBe("person-not-found");
    const started = await start({ campaignId: campaign.id, personId: contact, emailCampaignFor: "contact" });
    expect(started.emailCampaignFor).toBe("contact");
  });

  it("a Campaign that does not exist is refused", async () => {
    const person = await examplePerson(fresh.db);
    expect(await refusalOf(start({ campaignId: 999_999, personId: person }))).toMatchObject({
      code: "campaign-not-found",
      at: "/campaignId",
    });
  });
});

describe("the dates", () => {
  it("E18 yesterday is refused, today and later are accepted", async () => {
    const campaign = await exampleCampaign(fresh.db, [0]);
    const refused = await refusalOf(
      start({ campaignId: campaign.id, personId: await examplePerson(fresh.db), startOn: "2026-11-30" }),
    );
    expect([refused.code, refused.at]).toEqual(["start-in-the-past", "/startOn"]);
    for (const startOn of ["2026-12-01", "2026-12-02", "2030-01-01"]) {
      const made = await start({ campaignId: campaign.id, personId: await examplePerson(fresh.db), startOn });
      expect(String(made.startOn)).toBe(startOn);
    }
    const today = await start({ campaignId: campaign.id, personId: await examplePerson(fresh.db) });
    expect(String(today.startOn)).toBe("2026-12-01");
  });

  it("E18 today is the workspace's day", async () => {
    const campaign = await exampleCampaign(fresh.db, [0]);
    const justAfterMidnight = Temporal.Instant.from("2026-11-30T23:30:00Z");
    await fresh.pool.query("update workspace set time_zone = 'Europe/Berlin'");
    try {
      const person = await examplePerson(fresh.db);
      const refused = await refusalOf(
        start({ campaignId: campaign.id, personId: person, startOn: "2026-11-30" }, actor, justAfterMidnight),
      );
      expect(refused.code).toBe("start-in-the-past");
      const made = await start({ campaignId: campaign.id, personId: person }, actor, justAfterMidnight);
      expect([String(made.startOn), made.status]).toEqual(["2026-12-01", "In Progress"]);
    } finally {
      await fresh.pool.query("update workspace set time_zone = 'UTC'");
    }
  });

  it("E20 the end is the start plus the largest offset, whatever the row order", async () => {
    const campaign = await exampleCampaign(fresh.db, [8, 0, 4]);
    const person = await examplePerson(fresh.db);
    const made = await start({ campaignId: campaign.id, personId: person, startOn: "2026-12-28" });
    expect(String(made.endOn)).toBe("2027-01-05");
    expect(made.steps.map(({ sendAfterDays }) => sendAfterDays)).toEqual([0, 4, 8]);
  });

  it("E39 a start that lies ahead is Scheduled until the person's midnight", async () => {
    const campaign = await exampleCampaign(fresh.db, [0]);
    const person = await examplePerson(fresh.db, { timeZone: "America/New_York" });
    const made = await start({ campaignId: campaign.id, personId: person, startOn: "2026-12-05" });
    expect([made.status, String(made.nextDueAt)]).toEqual(["Scheduled", "2026-12-05T05:00:00Z"]);
    expect(made.steps.map(({ dueAt }) => String(dueAt))).toEqual(["2026-12-05T14:00:00Z"]);
  });

  it("E40 a start today is In Progress, and its first step is due at once (E51)", async () => {
    const campaign = await exampleCampaign(fresh.db, [0, 3]);
    const made = await start({ campaignId: campaign.id, personId: await examplePerson(fresh.db) });
    expect([made.status, String(made.nextDueAt)]).toEqual(["In Progress", String(now)]);
    expect(made.steps.map(({ dueAt }) => String(dueAt))).toEqual([String(now), "2026-12-04T09:00:00Z"]);
  });
});

describe("the person", () => {
  it("E21, E22 without an address is refused, Lead or Contact", async () => {
    const campaign = await exampleCampaign(fresh.db, [0]);
    for (const [kind, status] of [
      ["lead", "Lead"],
      ["contact", "Open"],
    ] as const) {
      const personId = await examplePerson(fresh.db, { kind, status, email: null, emailKey: null });
      const { code } = await refusalOf(start({ campaignId: campaign.id, personId, emailCampaignFor: kind }));
      expect(code).toBe("person-without-address");
    }
  });

  it("E22 a Contact is not started by a further address while none is primary", async () => {
    const campaign = await exampleCampaign(fresh.db, [0]);
    const personId = await examplePerson(fresh.db, { kind: "contact", status: "Open", email: null, emailKey: null });
    await fresh.pool.query(
      "insert into person_addresses (person_id, email, email_key) values ($1, 'x@example.com', 'x@example.com')",
      [personId],
    );
    const { code } = await refusalOf(start({ campaignId: campaign.id, personId, emailCampaignFor: "contact" }));
    expect(code).toBe("person-without-address");
  });

  it.each([
    ["everything", "unsubscribed"],
    ["campaigns", "unsubscribed"],
    ["campaign", "unsubscribed"],
    ["everything", "hard-bounce"],
    ["everything", "complaint"],
    ["everything", "manual"],
    ["everything", "imported"],
    ["everything", "erased"],
  ] as const)("E23, E27 is not started after an opt-out from %s (%s)", async (scope, reason) => {
    const campaign = await exampleCampaign(fresh.db, [0]);
    const email = `${scope}.${reason}@example.com`;
    const personId = await examplePerson(fresh.db, { email, emailKey: email });
    await opposing(email, scope, reason, scope === "campaign" ? campaign.id : undefined);
    expect((await refusalOf(start({ campaignId: campaign.id, personId }))).code).toBe("person-opted-out");
  });

  it("E96 an opt-out from another Campaign, or of another address, does not keep one from starting", async () => {
    const [campaign, other] = [await exampleCampaign(fresh.db, [0]), await exampleCampaign(fresh.db, [0])];
    const personId = await examplePerson(fresh.db, { email: "free@example.com", emailKey: "free@example.com" });
    await opposing("free@example.com", "campaign", "unsubscribed", other.id);
    await opposing("free@example.org", "everything", "unsubscribed");
    expect((await start({ campaignId: campaign.id, personId })).status).toBe("In Progress");
  });

  it("E23 one who opts out later keeps an Email Campaign that can be edited", async () => {
    const campaign = await exampleCampaign(fresh.db, [0]);
    const personId = await examplePerson(fresh.db, { email: "later@example.com", emailKey: "later@example.com" });
    const made = await start({ campaignId: campaign.id, personId, startOn: "2026-12-09" });
    await opposing("later@example.com", "campaigns", "unsubscribed");
    const moved = await emailCampaigns.update(fresh.db, made.id, { startOn: "2026-12-10" }, actor, null, now);
    expect(String(moved.startOn)).toBe("2026-12-10");
  });

  it("E62 marked Do Not Contact, disabled or erased is refused", async () => {
    const campaign = await exampleCampaign(fresh.db, [0]);
    for (const more of [{ status: "Do Not Contact" }, { disabledAt: now }]) {
      const personId = await examplePerson(fresh.db, more);
      expect((await refusalOf(start({ campaignId: campaign.id, personId }))).code).toBe("person-not-to-contact");
    }
    const erased = await examplePerson(fresh.db, { erasedAt: now });
    expect((await refusalOf(start({ campaignId: campaign.id, personId: erased }))).code).toBe("person-erased");
  });
});

describe("a second time", () => {
  it.each(["Scheduled", "In Progress", "Paused"])("E25 is refused while the first is %s", async (status) => {
    const campaign = await exampleCampaign(fresh.db, [0]);
    const personId = await examplePerson(fresh.db);
    const first = await start({ campaignId: campaign.id, personId });
    await setStatus(first.id, status);
    const { code, detail } = await refusalOf(start({ campaignId: campaign.id, personId }));
    expect([code, detail]).toEqual(["email-campaign-exists", expect.stringContaining("already")]);
  });

  it("E26 is accepted after Completed or Stopped", async () => {
    const campaign = await exampleCampaign(fresh.db, [0]);
    const personId = await examplePerson(fresh.db);
    for (const [status, reason] of [
      ["Completed", null],
      ["Stopped", "cancelled"],
    ] as const) {
      const made = await start({ campaignId: campaign.id, personId });
      await setStatus(made.id, status, reason);
    }
    expect((await start({ campaignId: campaign.id, personId })).status).toBe("In Progress");
  });

  it("E28 another person of the same name, and another Campaign, are no second time", async () => {
    const [campaign, other] = [await exampleCampaign(fresh.db, [0]), await exampleCampaign(fresh.db, [0])];
    const lead = await examplePerson(fresh.db, { fullName: "Kim Lee" });
    const contact = await examplePerson(fresh.db, { fullName: "Kim Lee", kind: "contact", status: "Open" });
    await start({ campaignId: campaign.id, personId: lead });
    await start({ campaignId: campaign.id, personId: contact, emailCampaignFor: "contact" });
    expect((await start({ campaignId: other.id, personId: lead })).status).toBe("In Progress");
  });

  it("E29 saving an Email Campaign twice is not its own duplicate", async () => {
    const campaign = await exampleCampaign(fresh.db, [0]);
    const made = await start({
      campaignId: campaign.id,
      personId: await examplePerson(fresh.db),
      startOn: "2026-12-09",
    });
    for (let nth = 0; nth < 2; nth += 1)
      await emailCampaigns.update(fresh.db, made.id, { startOn: "2026-12-10" }, actor, null, now);
    expect(String((await emailCampaigns.get(fresh.db, made.id, now)).startOn)).toBe("2026-12-10");
  });

  it("E30 of eight starts at the same moment one succeeds and the others are told why not", async () => {
    const campaign = await exampleCampaign(fresh.db, [0]);
    const personId = await examplePerson(fresh.db);
    const answers = await Promise.allSettled(
      Array.from({ length: 8 }, () => start({ campaignId: campaign.id, personId })),
    );
    const refused = answers.flatMap((answer) => (answer.status === "rejected" ? [answer.reason as Refusal] : []));
    expect(refused.map(({ code }) => code)).toEqual(Array.from({ length: 7 }, () => "email-campaign-exists"));
    const { rows } = await fresh.pool.query(
      "select count(*)::int as count from email_campaigns where campaign_id = $1",
      [campaign.id],
    );
    expect(rows).toEqual([{ count: 1 }]);
  });
});

describe("the sender", () => {
  it("E31 is the caller's own unless one is named, and nobody when the caller has none", async () => {
    const campaign = await exampleCampaign(fresh.db, [0]);
    const [own, other] = [await exampleSender(), await exampleSender()];
    const caller = { name: "ana@example.com", userId: own.userId };
    const input = async () => ({ campaignId: campaign.id, personId: await examplePerson(fresh.db) });
    expect((await start(await input(), caller)).senderId).toBe(own.senderId);
    expect((await start({ ...(await input()), senderId: other.senderId }, caller)).senderId).toBe(other.senderId);
    expect((await start(await input())).senderId).toBeNull();
  });

  it("E32 one that is disabled, or whose user is, is refused when starting and when changing", async () => {
    const campaign = await exampleCampaign(fresh.db, [0]);
    for (const more of [{ disabled: true }, { userDisabled: true }]) {
      const { senderId } = await exampleSender(more);
      const personId = await examplePerson(fresh.db);
      const refused = await refusalOf(start({ campaignId: campaign.id, personId, senderId }));
      expect([refused.code, refused.at]).toEqual(["sender-disabled", "/senderId"]);
      const made = await start({ campaignId: campaign.id, personId });
      const edited = await refusalOf(emailCampaigns.update(fresh.db, made.id, { senderId }, actor, null, now));
      expect(edited.code).toBe("sender-disabled");
    }
    const personId = await examplePerson(fresh.db);
    const { code } = await refusalOf(start({ campaignId: campaign.id, personId, senderId: 999_999 }));
    expect(code).toBe("sender-not-found");
  });
});

it("E35 a start is written down: who, whom, what", async () => {
  const campaign = await exampleCampaign(fresh.db, [0]);
  const personId = await examplePerson(fresh.db);
  const made = await start({ campaignId: campaign.id, personId });
  const { rows } = await fresh.pool.query(
    "select actor, action, after from audit_entries where subject_type = 'email-campaign' and subject_id = $1",
    [String(made.id)],
  );
  expect(rows).toEqual([
    {
      actor: actor.name,
      action: "start",
      after: { number: made.number, personId, campaignId: campaign.id, startOn: "2026-12-01" },
    },
  ]);
});
