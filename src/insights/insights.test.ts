import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { type FreshDatabase, freshDatabase } from "../../test/database.ts";
import { startSink } from "../../test/smtp-sink.ts";
import { actor, at, linkKeys, seal, type World, world } from "../../test/world.ts";
import * as campaigns from "../campaigns/campaigns.ts";
import { sign } from "../core/links.ts";
import type { Delivery } from "../delivery/delivery.ts";
import { cancel, end, handleFacts, pause } from "../email-campaigns/email-campaigns.ts";
import { openServer, type Server } from "../http/server.ts";
import { find, leave } from "../unsubscribe/unsubscribe.ts";
import { routes } from "./routes.ts";

type Setting = {
  fresh: FreshDatabase;
  small: World;
  server: Server;
  delivery: Delivery;
  clock: { now: Temporal.Instant };
};

/** A world of its own whose API is asked at `clock.now`. */
async function open(
  now: Temporal.Instant,
): Promise<Setting & { ask(url: string): Promise<any>; close(): Promise<void> }> {
  const fresh = await freshDatabase();
  const small = world(fresh.db, fresh.database.batches);
  const clock = { now };
  const viewer = { name: "vera@example.com", role: "viewer" as const, userId: null };
  const server = openServer({
    db: fresh.db,
    clock: () => clock.now,
    authenticate: async () => ({ actor: viewer, identity: "test" }),
    seal,
  });
  const stopping = new AbortController();
  routes(server.serve, { db: fresh.db, smtpUrl: undefined, stopping: stopping.signal });
  await server.http.ready();
  const delivery = small.delivery();
  return {
    fresh,
    small,
    server,
    delivery,
    clock,
    async ask(url) {
      const answer = await server.http.inject({ method: "GET", url: `/api/v1${url}` });
      return { status: answer.statusCode, ...answer.json() };
    },
    async close() {
      stopping.abort();
      await delivery.drain();
      await server.http.close();
      await fresh.close();
    },
  };
}

/**
 * A fortnight of one Campaign with mails on day 0, 3 and 7:
 *
 *   Ana    started 1 March, has two mails, day 7 lies ahead
 *   Ben    started 1 March, had one mail and left on the 2nd
 *   Cleo   started 1 March, her server refused the first mail for good
 *   Dan    starts on the 6th
 *   Eva    started 1 March, had one mail and was paused on the 3rd
 *   Finn   started 1 March, had one mail and was cancelled on the 3rd
 *
 * Gus is the only one in another Campaign of one mail, on the 2nd, and through with it. It is noon on the 5th.
 */
describe("the numbers", () => {
  let here: Awaited<ReturnType<typeof open>>;
  let main: number;
  let other: number;
  let sink: Awaited<ReturnType<typeof startSink>>;

  beforeAll(async () => {
    here = await open(at("2026-03-01"));
    const { small, fresh, delivery } = here;
    sink = await startSink({ recipient: (to) => (to.startsWith("cleo") ? "refuse" : "accept") });
    await small.postalAddress("Example Ltd");
    await small.account(sink.port, { isDefault: true });
    const sender = { senderId: (await small.sender()).id };
    const made = await small.campaign([{ day: 0 }, { day: 3 }, { day: 7 }]);
    main = made.id;
    other = (await small.campaign([{ day: 0 }])).id;
    const who = async (name: string) => small.person({ firstName: name, email: `${name.toLowerCase()}@example.org` });
    const first = at("2026-03-01");
    const ids: Record<string, number> = {};
    const people: Record<string, number> = {};
    for (const name of ["Ana", "Ben", "Cleo", "Eva", "Finn"]) {
      people[name] = (await who(name)).id;
      ids[name] = await small.start(main, people[name], first, sender);
    }
    await small.start(main, (await who("Dan")).id, first, { ...sender, startOn: "2026-03-06" });
    await delivery.runUntilIdle(first);

    const second = at("2026-03-02T10:00:00Z");
    const [mail] = await small.messages(ids.Ben!);
    const token = sign(linkKeys, "unsubscribe", {
      emailCampaignId: ids.Ben!,
      personId: people.Ben!,
      messageId: mail!.id,
    });
    await leave(fresh.db, (await find(fresh.db, linkKeys, token))!, "campaigns", "page", second);
    await small.start(other, (await who("Gus")).id, second, sender);
    await delivery.runUntilIdle(second);

    const third = at("2026-03-03T10:00:00Z");
    await pause(fresh.db, ids.Eva!, actor, third);
    await cancel(fresh.db, ids.Finn!, actor, third);

    await delivery.runUntilIdle(at("2026-03-04T10:00:00Z"));
    here.clock.now = at("2026-03-05T12:00:00Z");
  });
  afterAll(async () => {
    await here.close();
    await sink.close();
  });

  it("every day has how many mails went out, failed and were skipped, and how many people left; empty days too", async () => {
    const { data } = await here.ask("/insights/sends?from=2026-02-28&to=2026-03-05");
    expect(data).toEqual([
      { day: "2026-02-28", sent: 0, failed: 0, skipped: 0, unsubscribed: 0 },
      // Ana, Ben, Eva and Finn; Cleo's server said no.
      { day: "2026-03-01", sent: 4, failed: 1, skipped: 0, unsubscribed: 0 },
      { day: "2026-03-02", sent: 1, failed: 0, skipped: 0, unsubscribed: 1 },
      { day: "2026-03-03", sent: 0, failed: 0, skipped: 0, unsubscribed: 0 },
      { day: "2026-03-04", sent: 1, failed: 0, skipped: 0, unsubscribed: 0 },
      { day: "2026-03-05", sent: 0, failed: 0, skipped: 0, unsubscribed: 0 },
    ]);
  });

  it("a Campaign's days are its own", async () => {
    const { data } = await here.ask(`/insights/sends?from=2026-03-01&to=2026-03-02&campaignId=${other}`);
    expect(data).toEqual([
      { day: "2026-03-01", sent: 0, failed: 0, skipped: 0, unsubscribed: 0 },
      { day: "2026-03-02", sent: 1, failed: 0, skipped: 0, unsubscribed: 0 },
    ]);
  });

  it("thirty days are shown when none are asked for, today the last", async () => {
    const { data } = await here.ask("/insights/sends");
    expect(data).toHaveLength(30);
    expect(data[0].day).toBe("2026-02-04");
    expect(data[29].day).toBe("2026-03-05");
  });

  it("more than a year, or days in the wrong order, are refused", async () => {
    expect(await here.ask("/insights/sends?from=2026-01-01&to=2027-01-01")).toMatchObject({ status: 200 });
    expect(await here.ask("/insights/sends?from=2026-01-01&to=2027-01-02")).toMatchObject({
      status: 422,
      code: "span-invalid",
    });
    expect(await here.ask("/insights/statuses?from=2026-03-05&to=2026-03-04")).toMatchObject({
      status: 422,
      code: "span-invalid",
    });
  });

  it("the statuses of a day are those at its end", async () => {
    const { data } = await here.ask(`/insights/statuses?from=2026-02-28&to=2026-03-05&campaignId=${main}`);
    const row = (day: string, scheduled: number, inProgress: number, unsubscribed: number, stopped: number) => ({
      day,
      scheduled,
      inProgress,
      completed: 0,
      unsubscribed,
      stopped,
    });
    expect(data).toEqual([
      row("2026-02-28", 0, 0, 0, 0),
      // Cleo's address bounced at once, and that stops her.
      row("2026-03-01", 1, 4, 0, 1),
      row("2026-03-02", 1, 3, 1, 1),
      row("2026-03-03", 1, 2, 1, 2),
      row("2026-03-04", 1, 2, 1, 2),
      row("2026-03-05", 1, 2, 1, 2),
    ]);
  });

  it("who is through with a Campaign counts as completed from that day on", async () => {
    const { data } = await here.ask(`/insights/statuses?from=2026-03-01&to=2026-03-03&campaignId=${other}`);
    expect(data.map(({ day, completed }: any) => [day, completed])).toEqual([
      ["2026-03-01", 0],
      ["2026-03-02", 1],
      ["2026-03-03", 1],
    ]);
  });

  it("the calendar has each mail on its day, and none of people who are paused or gone", async () => {
    const { data } = await here.ask("/insights/calendar?from=2026-03-05&to=2026-03-14");
    expect(data).toMatchObject([
      { day: "2026-03-06", campaignId: main, due: 1 },
      // Ana's last, 1 March and seven days.
      { day: "2026-03-08", campaignId: main, due: 1 },
      { day: "2026-03-09", campaignId: main, due: 1 },
      { day: "2026-03-13", campaignId: main, due: 1 },
    ]);
  });

  it("how far people got: what each step sent, what lies ahead, and who left after it", async () => {
    const found = await here.ask(`/campaigns/${main}/insights`);
    expect(found).toMatchObject({
      started: 6,
      scheduled: 1,
      inProgress: 1,
      paused: 1,
      completed: 0,
      unsubscribed: 1,
      stopped: 2,
      firstStart: "2026-03-01",
      lastStart: "2026-03-06",
    });
    expect(found.steps).toMatchObject([
      { position: 1, sendAfterDays: 0, sent: 4, failed: 1, skipped: 0, waiting: 1, unsubscribed: 1 },
      // Ana had hers; Dan's and Eva's lie ahead.
      { position: 2, sendAfterDays: 3, sent: 1, failed: 0, skipped: 0, waiting: 2, unsubscribed: 0 },
      { position: 3, sendAfterDays: 7, sent: 0, failed: 0, skipped: 0, waiting: 3, unsubscribed: 0 },
    ]);
  });

  it("a Campaign that is none has no insights", async () => {
    expect(await here.ask("/campaigns/9999/insights")).toMatchObject({ status: 404, code: "campaign-not-found" });
  });

  it("Campaigns stand beside each other with what came of them, the largest first", async () => {
    const { data } = await here.ask("/insights/campaigns");
    expect(data).toMatchObject([
      { id: main, started: 6, sent: 5, completed: 0, unsubscribed: 1, stopped: 2, failed: 1 },
      { id: other, started: 1, sent: 1, completed: 1, unsubscribed: 0, stopped: 0, failed: 0 },
    ]);
  });

  it("home says what went out, what is due this week, and what came of it all", async () => {
    const home = await here.ask("/home");
    expect(home).toMatchObject({ today: "2026-03-05", sentToday: 0, dueToday: 0, dueThisWeek: 3 });
    expect(home.emailCampaigns).toEqual({
      scheduled: 1,
      inProgress: 1,
      paused: 1,
      completed: 1,
      unsubscribed: 1,
      stopped: 2,
    });
    expect(home.sent).toHaveLength(14);
    expect(home.sent.at(-5)).toEqual({ day: "2026-03-01", sent: 4, failed: 1 });
    expect(home.upcoming).toEqual([
      { day: "2026-03-05", due: 0 },
      { day: "2026-03-06", due: 1 },
      { day: "2026-03-07", due: 0 },
      { day: "2026-03-08", due: 1 },
      { day: "2026-03-09", due: 1 },
      { day: "2026-03-10", due: 0 },
      { day: "2026-03-11", due: 0 },
    ]);
  });

  it("home names what needs somebody, and nothing else", async () => {
    const { attention } = await here.ask("/home");
    expect(attention).toEqual([{ code: "mail-refused", count: 1, text: null }]);
  });

  it("a mail whose day has passed and that has not gone is due today, and told as late", async () => {
    here.clock.now = at("2026-03-07T12:00:00Z");
    const home = await here.ask("/home");
    here.clock.now = at("2026-03-05T12:00:00Z");
    // Dan's first, due on the 6th while nobody ran.
    expect(home).toMatchObject({ today: "2026-03-07", dueToday: 1 });
    expect(home.attention).toContainEqual({ code: "mail-late", count: 1, text: null });
  });
});

it("conversions are counted after the last mail before them, whatever the person does later", async () => {
  const here = await open(at("2026-03-01"));
  try {
    const { small, fresh, delivery } = here;
    await small.postalAddress("Example Ltd");
    await small.sender();
    const goal = { field: "city", op: "is", value: "Porto" } as const;
    const campaign = await small.campaign([{ day: 0 }, { day: 3 }, { day: 7 }], null, { goal });
    const other = await small.campaign([{ day: 0 }]);
    const people = await Promise.all(Array.from({ length: 6 }, () => small.person()));
    const ids: number[] = [];
    for (const { id } of people) ids.push(await small.start(campaign.id, id, at("2026-03-01")));
    const reach = async (nth: number, now: Temporal.Instant) => {
      await small.change(people[nth]!.id, { city: "Porto" }, now);
      await handleFacts(fresh.db, now);
    };
    // Before any mail; two after the first, of whom one leaves afterwards; one after the second; one by hand; one goes on.
    await reach(0, at("2026-03-01"));
    await delivery.runUntilIdle(at("2026-03-01"));
    await reach(1, at("2026-03-02"));
    await reach(2, at("2026-03-02"));
    await delivery.runUntilIdle(at("2026-03-02"));
    await fresh.db
      .transaction()
      .execute((tx) =>
        end(tx, { personIds: [people[2]!.id], finished: true }, { event: "unsubscribe" }, at("2026-03-03")),
      );
    await delivery.runUntilIdle(at("2026-03-04"));
    await reach(3, at("2026-03-05"));
    await delivery.runUntilIdle(at("2026-03-05"));
    await fresh.db
      .transaction()
      .execute((tx) =>
        end(tx, { personIds: [people[4]!.id] }, { event: "stop", reason: "converted" }, at("2026-03-05T10:00:00Z")),
      );
    await cancel(fresh.db, ids[5]!, actor, at("2026-03-06"));

    const found = await here.ask(`/campaigns/${campaign.id}/insights`);
    expect(found).toMatchObject({ started: 6, stopped: 5, unsubscribed: 1, converted: 5, convertedBeforeMail: 1 });
    expect(found.steps.map(({ sent, converted }: any) => [sent, converted])).toEqual([
      [5, 2],
      [3, 2],
      [0, 0],
    ]);
    const { data } = await here.ask("/insights/campaigns");
    expect(data.map(({ id, converted }: any) => [id, converted])).toEqual([
      [campaign.id, 5],
      [other.id, 0],
    ]);
    const csv = await here.server.http.inject({ url: `/api/v1/campaigns/${campaign.id}/insights.csv` });
    expect(csv.headers["content-disposition"]).toContain(`campaign-${campaign.id}.csv`);
    const lines = csv.body.trim().split("\r\n");
    expect(lines).toHaveLength(5);
    expect(lines[1]).toBe('"","",(before the first mail),"","","","","",1');
    expect(lines[2]).toMatch(/^1,0,Template \d+,5,\d+,0,0,1,2$/);
    const none = await here.server.http.inject({ url: "/api/v1/campaigns/9999/insights.csv" });
    expect(none.statusCode).toBe(404);
  } finally {
    await here.close();
  }
});

describe("days", () => {
  it("are those of the workspace's zone: what leaves late in the evening there is not tomorrow's", async () => {
    const here = await open(at("2026-03-03T12:00:00Z"));
    try {
      const { small, fresh, delivery } = here;
      await fresh.db.updateTable("workspace").set({ timeZone: "America/New_York" }).execute();
      const campaign = await small.campaign();
      // 21:00 of 1 March in New York is 02:00 of the 2nd in UTC.
      const evening = at("2026-03-02T02:00:00Z");
      await small.start(campaign.id, (await small.person()).id, evening);
      await delivery.runUntilIdle(evening);
      const { data } = await here.ask("/insights/sends?from=2026-03-01&to=2026-03-02");
      expect(data.map(({ sent }: any) => sent)).toEqual([1, 0]);
      const statuses = await here.ask("/insights/statuses?from=2026-02-28&to=2026-03-01");
      expect(statuses.data.map(({ completed }: any) => completed)).toEqual([0, 1]);
      here.clock.now = at("2026-03-03T03:00:00Z");
      expect(await here.ask("/home")).toMatchObject({ today: "2026-03-02" });
    } finally {
      await here.close();
    }
  });

  it("somebody whose Campaign got another step is on the way again", async () => {
    const here = await open(at("2026-03-01"));
    try {
      const { small, fresh, delivery } = here;
      const campaign = await small.campaign([{ day: 0 }]);
      await small.start(campaign.id, (await small.person()).id, at("2026-03-01"));
      await delivery.runUntilIdle(at("2026-03-01"));
      const { reschedule } = await import("../email-campaigns/email-campaigns.ts");
      const [step] = campaign.steps;
      const input = { emailTemplateId: step!.emailTemplateId, timeOfDay: null, expiresAfterDays: null };
      const steps = [
        { id: step!.id, ...input, sendAfterDays: 0 },
        { ...input, sendAfterDays: 9 },
      ];
      await campaigns.setSteps(fresh.db, campaign.id, steps, actor, null, reschedule, at("2026-03-02"));
      here.clock.now = at("2026-03-03");
      const { data } = await here.ask("/insights/statuses?from=2026-03-03&to=2026-03-03");
      const found = await here.ask(`/campaigns/${campaign.id}/insights`);
      // Both say the same of the one person there is.
      expect(data[0].completed + data[0].inProgress).toBe(1);
      expect({ inProgress: data[0].inProgress, completed: data[0].completed }).toEqual({
        inProgress: found.inProgress,
        completed: found.completed,
      });
    } finally {
      await here.close();
    }
  });
});
