/** Simulations of drafts and the forecast over the API, on a real database. */
import { afterAll, beforeAll, expect, it } from "vitest";
import { openApp, type TestApp } from "../../test/app.ts";

let app: TestApp;
beforeAll(async () => {
  app = await openApp();
});
afterAll(() => app?.close());

const template = (name: string) =>
  app.good("POST", "/email-templates", {
    name,
    subject: "Hello {{ first_name }}",
    format: "markdown",
    body: "Dear {{ first_name }}\n\n[Leave]({{ unsubscribe_url }})",
  });

async function campaign(name: string, days: number[]) {
  const { id } = await template(name);
  const steps = days.map((sendAfterDays) => ({ emailTemplateId: id, sendAfterDays, timeOfDay: "15:00" }));
  return app.good("POST", "/campaigns", { name, steps });
}

it("simulates the draft where there is one, or what is published, and keeps nothing", async () => {
  const made = await campaign("Simulated", [0, 3]);
  const [first] = made.steps;
  await app.good("PUT", `/campaigns/${made.id}/draft`, {
    steps: [
      { id: first.id, emailTemplateId: first.emailTemplateId, sendAfterDays: 0 },
      { emailTemplateId: first.emailTemplateId, sendAfterDays: 9 },
    ],
  });
  const ask = (of: string) =>
    app.good("POST", `/campaigns/${made.id}/simulation`, { madeUp: [{ name: "Ana" }], days: 30, of }, "viewer");
  const days = (found: any) => found.mails.map(({ on }: { on: string }) => on);
  expect(days(await ask("draft"))).toEqual(["2026-12-01", "2026-12-10"]);
  expect(days(await ask("published"))).toEqual(["2026-12-01", "2026-12-04"]);
  expect((await app.good("GET", "/email-campaigns")).data).toEqual([]);
  const refused = await app.ask("POST", `/campaigns/${made.id}/simulation`, { madeUp: [] });
  expect([refused.status, refused.body.code]).toEqual([422, "nobody-to-start"]);
});

it("simulates real people: named ones, a group's, a filter's, each once, with what stands in their way", async () => {
  const made = await campaign("For real", [0, 2]);
  const make = (email: string, more: object = {}) => app.good("POST", "/leads", { firstName: "Real", email, ...more });
  const [one, two, three] = [
    await make("one@example.net"),
    await make("two@example.net", { source: "fair" }),
    await make("three@example.net", { source: "fair" }),
  ];
  await app.good("POST", "/suppressions", { email: "three@example.net" });
  const group = await app.good("POST", "/email-groups", { title: "Real ones" });
  await app.good("POST", `/email-groups/${group.id}/members`, { personIds: [one.id, two.id] });
  const ask = (body: object) => app.good("POST", `/campaigns/${made.id}/simulation`, { days: 10, ...body }, "viewer");
  const ids = (found: any) => found.people.map(({ personId }: { personId: number }) => personId);
  expect(ids(await ask({ emailGroupId: group.id }))).toEqual([one.id, two.id]);
  expect(ids(await ask({ filter: { source: ["fair"] } }))).toEqual([two.id, three.id]);
  const named = [{ person: 0, mail: 0, does: "reply", afterHours: 3 }];
  const all = await ask({
    personIds: [two.id],
    emailGroupId: group.id,
    filter: { source: ["fair"] },
    madeUp: [{ name: "Nobody" }],
    answers: { named },
  });
  expect(ids(all)).toEqual([two.id, one.id, three.id, null]);
  expect([all.meant, all.leftOut]).toEqual([3, { "opted-out": 1 }]);
  expect(all.people.map(({ status }: { status: string }) => status)).toEqual([
    "Stopped",
    "Completed",
    null,
    "Completed",
  ]);
  expect((await app.good("GET", "/email-campaigns")).data).toEqual([]);
});

it("forecasts what runs, day by day, against the limits of the accounts", async () => {
  const made = await campaign("Forecast", [1, 4]);
  const account = await app.good("POST", "/email-accounts", {
    name: "Small",
    smtpHost: "127.0.0.1",
    smtpPort: 2525,
    smtpSecurity: "none",
    maxPerDay: 1,
  });
  const sender = await app.good("POST", "/senders", {
    name: "Marta",
    email: "marta@example.com",
    emailAccountId: account.id,
  });
  for (const firstName of ["Ana", "Ben"]) {
    const person = await app.good("POST", "/leads", { firstName, email: `${firstName}@example.org` });
    await app.good("POST", "/email-campaigns", { campaignId: made.id, personId: person.id, senderId: sender.id });
  }
  const found = await app.good("GET", `/forecast?days=10&campaignId=${made.id}`, undefined, "viewer");
  expect([found.running, found.lookedAt, found.days.length]).toEqual([2, 2, 10]);
  const place = found.accounts.findIndex(({ id }: { id: number }) => id === account.id);
  expect(
    found.days
      .filter(({ mails }: { mails: number }) => mails > 0)
      .map((day: any) => [day.day, day.accounts[place], day.over]),
  ).toEqual([
    ["2026-12-02", 2, true],
    ["2026-12-05", 2, true],
  ]);
  expect(found.accounts[place].limits[0]).toBe(1);
  await app.good("PUT", `/campaigns/${made.id}/pause`, { kind: "hold" });
  expect((await app.good("GET", `/forecast?days=10&campaignId=${made.id}`)).running).toBe(0);
});
