import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { type FreshDatabase, freshDatabase } from "../../test/database.ts";
import { at, linkKeys, PUBLIC_URL, seal, type World, world } from "../../test/world.ts";
import type { Delivery } from "../delivery/delivery.ts";
import { openServer, type Server } from "../http/server.ts";
import { pages } from "./pages.ts";

let fresh: FreshDatabase;
let small: World;
let server: Server;
let delivery: Delivery;
let now = at("2026-03-01");

beforeAll(async () => {
  fresh = await freshDatabase();
  small = world(fresh.db, fresh.database.batches);
  delivery = small.delivery();
  server = openServer({ db: fresh.db, clock: () => now, authenticate: async () => null, seal });
  pages(server.http, { db: fresh.db, clock: () => now, linkKeys });
  await server.http.ready();
});
afterAll(async () => {
  await delivery.drain();
  await server.http.close();
  await fresh.close();
});

/** A person who got the first mail of a Campaign, and the link in it. */
async function scene(days: readonly number[] = [0, 1]) {
  now = at("2026-03-01");
  const campaign = await small.campaign(days.map((day) => ({ day })));
  const person = await small.person();
  const id = await small.start(campaign.id, person.id, now);
  await delivery.runUntilIdle(now);
  const [mail] = await small.mailbox(person.email!);
  const url = new RegExp(`<${PUBLIC_URL}(/u/[^>]+)>`).exec(mail!.bytes.toString().replaceAll(/\r\n[ \t]/g, ""))![1]!;
  return { campaign, person, id, url };
}

type Sent = { headers?: Record<string, string>; body?: string };

async function ask(method: "GET" | "HEAD" | "POST", url: string, { headers = {}, body }: Sent = {}) {
  return server.http.inject({ method, url, headers, ...(body === undefined ? {} : { payload: body }) });
}
const FORM = { "content-type": "application/x-www-form-urlencoded" };
const choose = (url: string, scope: string) => ask("POST", url, { headers: FORM, body: `scope=${scope}` });
const oneClick = (url: string) => ask("POST", url, { headers: FORM, body: "List-Unsubscribe=One-Click" });

const suppressions = (emailKey: string) =>
  fresh.db
    .selectFrom("suppressions")
    .select(["scope", "campaignId", "reason", "liftedAt"])
    .where("emailKey", "=", emailKey)
    .orderBy("id")
    .execute();
const entries = (personId: number) =>
  fresh.db.selectFrom("timelineEntries").selectAll().where("personId", "=", personId).orderBy("id").execute();

describe("the page", () => {
  it("E89 S23 GET and HEAD show one form and change nothing, however often a scanner asks", async () => {
    const { id, person, url } = await scene();
    for (const method of ["GET", "HEAD", "GET"] as const) {
      const answer = await ask(method, url);
      expect(answer.statusCode).toBe(200);
      expect(answer.headers["set-cookie"]).toBeUndefined();
    }
    const { body } = await ask("GET", url);
    const [leaving, measuring] = body.split("<hr>");
    expect(leaving!.match(/<form/g)).toHaveLength(1);
    expect(leaving!.match(/<button/g)).toHaveLength(1);
    expect(measuring!.match(/<button/g)).toHaveLength(1);
    expect(body.match(/type="radio"/g)).toHaveLength(3);
    expect(body).toMatch(/value="campaign" checked/);
    expect((await small.status(id)).status).toBe("In Progress");
    expect(await suppressions(person.emailKey!)).toEqual([]);
  });

  it("E102 it does not show the whole address or what else the person is in", async () => {
    const { person, url } = await scene();
    const { body } = await ask("GET", url);
    expect(body).not.toContain(person.email);
    expect(body).toContain("p…@example.org");
  });

  it("speaks the browser's language, and English where it does not know it", async () => {
    const { url } = await scene();
    const german = await ask("GET", url, { headers: { "accept-language": "pt-PT, de-AT;q=0.8, en;q=0.5" } });
    expect(german.body).toContain('<html lang="de">');
    expect(german.body).toContain("Abmelden");
    const french = await ask("GET", url, { headers: { "accept-language": "fr" } });
    expect(french.body).toContain('<html lang="en">');
  });

  it("loads nothing, runs nothing and is not framed", async () => {
    const { url } = await scene();
    const { headers, body } = await ask("GET", url);
    const policy = String(headers["content-security-policy"]);
    expect(policy).toContain("default-src 'none'");
    expect(policy).not.toContain("unsafe");
    expect(body).not.toMatch(/<script|src=|href=/);
    expect(headers["x-robots-tag"]).toContain("noindex");
  });

  it("a Campaign's name cannot smuggle markup into it", async () => {
    const { campaign, url } = await scene();
    await fresh.db
      .updateTable("campaigns")
      .set({ name: `<img src=x onerror="1">` })
      .where("id", "=", campaign.id)
      .execute();
    const { body } = await ask("GET", url);
    expect(body).not.toContain("<img");
  });
});

describe("leaving", () => {
  it("E91 E92 E93 E100 by the form: the Email Campaign is Unsubscribed, no further step leaves, the timeline says so", async () => {
    const { id, person, campaign, url } = await scene();
    const answer = await choose(url, "campaign");
    expect(answer.statusCode).toBe(200);
    expect(answer.body).toContain("You are unsubscribed");
    expect(await small.status(id)).toMatchObject({ status: "Unsubscribed", nextDueAt: null });
    expect(await suppressions(person.emailKey!)).toMatchObject([
      { scope: "campaign", campaignId: campaign.id, reason: "unsubscribed", liftedAt: null },
    ]);
    expect(await entries(person.id)).toMatchObject([
      { kind: "unsubscribed", emailCampaignId: id, detail: { scope: "campaign", by: "page" } },
    ]);
    expect((await entries(person.id))[0]!.subject).toMatch(/^Left this conversation/);
    await delivery.runUntilIdle(at("2026-03-05"));
    expect(await small.mailbox(person.email!)).toHaveLength(1);
  });

  it.each([
    ["urlencoded", FORM, "List-Unsubscribe=One-Click"],
    [
      "multipart",
      { "content-type": "multipart/form-data; boundary=xyz" },
      '--xyz\r\nContent-Disposition: form-data; name="List-Unsubscribe"\r\n\r\nOne-Click\r\n--xyz--\r\n',
    ],
  ])(
    "E88 S22 by the mail program's button (%s): at once, without cookie or redirect, for all campaigns",
    async (_kind, headers, body) => {
      const { id, person, url } = await scene();
      const answer = await ask("POST", url, { headers, body });
      expect(answer.statusCode).toBe(200);
      expect(answer.headers["set-cookie"]).toBeUndefined();
      expect(answer.headers["location"]).toBeUndefined();
      expect((await small.status(id)).status).toBe("Unsubscribed");
      expect(await suppressions(person.emailKey!)).toMatchObject([{ scope: "campaigns" }]);
    },
  );

  it("E90 a second time is harmless", async () => {
    const { person, url } = await scene();
    for (let times = 0; times < 3; times += 1) expect((await oneClick(url)).statusCode).toBe(200);
    expect(await suppressions(person.emailKey!)).toHaveLength(1);
    expect(await entries(person.id)).toHaveLength(1);
  });

  it("E97 this campaign leaves the person's others alone, all campaigns ends them, everything is the widest", async () => {
    const { person, url } = await scene();
    const other = await small.campaign([{ day: 5 }]);
    const otherId = await small.start(other.id, person.id, now);
    await choose(url, "campaign");
    expect((await small.status(otherId)).status).toBe("In Progress");
    await choose(url, "campaigns");
    expect((await small.status(otherId)).status).toBe("Unsubscribed");
    await choose(url, "everything");
    expect((await suppressions(person.emailKey!)).map(({ scope }) => scope)).toEqual([
      "campaign",
      "campaigns",
      "everything",
    ]);
    const { body } = await ask("GET", url);
    expect(body).not.toContain('type="radio"');
    expect(body).toContain("already unsubscribed from all our emails");
  });

  it("E92 after the last mail it still counts: Completed becomes Unsubscribed", async () => {
    const { id, url } = await scene([0]);
    expect((await small.status(id)).status).toBe("Completed");
    await choose(url, "campaign");
    expect((await small.status(id)).status).toBe("Unsubscribed");
  });

  it("E94 E95 E96 only the person the mail went to is concerned, and no Email Group is left", async () => {
    const { campaign, url } = await scene();
    const neighbour = await small.person();
    const neighbourId = await small.start(campaign.id, neighbour.id, now);
    const members = fresh.db
      .selectFrom("emailGroupMembers")
      .select("unsubscribedAt")
      .where("unsubscribedAt", "is not", null);
    await choose(url, "everything");
    expect((await small.status(neighbourId)).status).toBe("In Progress");
    expect(await suppressions(neighbour.emailKey!)).toEqual([]);
    expect(await members.execute()).toEqual([]);
  });

  it("E98 the address counts in any letter case, and so does the one the person has moved to", async () => {
    const { person, url } = await scene();
    await small.change(person.id, { email: "Moved.Away@Example.ORG" }, now);
    await oneClick(url);
    expect(await suppressions("moved.away@example.org")).toHaveLength(1);
    expect(await suppressions(person.emailKey!)).toHaveLength(1);
  });

  it("E87 E96 a link that was tampered with shows a friendly page and changes nothing", async () => {
    const { id, url } = await scene();
    const other = await scene();
    const [body, tag] = url.slice(3).split(/\.(?=[^.]+$)/);
    const [otherBody] = other.url.slice(3).split(/\.(?=[^.]+$)/);
    const forged = [
      `${otherBody}.${tag}`,
      `${body}.${tag!.slice(0, -1)}`,
      `${body}.${tag!.toLowerCase()}x`,
      "nonsense",
      `${body}.`,
    ];
    for (const token of forged) {
      for (const answer of [await ask("GET", `/u/${token}`), await oneClick(`/u/${token}`)]) {
        expect(answer.statusCode).toBe(404);
        expect(answer.body).toContain("This link does not work");
      }
    }
    expect((await small.status(id)).status).toBe("In Progress");
    expect((await small.status(other.id)).status).toBe("In Progress");
  });

  it("a POST that says nothing of what is wanted changes nothing and asks again", async () => {
    const { id, url } = await scene();
    for (const body of ["", "scope=toString", "List-Unsubscribe=maybe"]) {
      const answer = await ask("POST", url, { headers: FORM, body });
      expect(answer.statusCode).toBe(400);
      expect(answer.body).toContain('role="alert"');
    }
    const odd = await ask("POST", url, {
      headers: { "content-type": "application/json" },
      body: '{"scope":["campaign"]}',
    });
    expect(odd.statusCode).toBe(400);
    expect((await small.status(id)).status).toBe("In Progress");
  });
});

describe("coming back", () => {
  it("E99 the person may come back by their own act; what was ended stays ended, and a new Email Campaign may begin (E26)", async () => {
    const { id, person, campaign, url } = await scene();
    const left = await choose(url, "campaigns");
    expect(left.body).toContain('name="action" value="return"');
    const answer = await ask("POST", url, { headers: FORM, body: "action=return" });
    expect(answer.body).toContain("Welcome back");
    expect((await suppressions(person.emailKey!)).every(({ liftedAt }) => liftedAt !== null)).toBe(true);
    expect((await entries(person.id)).map(({ kind }) => kind)).toEqual(["unsubscribed", "resubscribed"]);
    expect((await small.status(id)).status).toBe("Unsubscribed");
    const again = await small.start(campaign.id, person.id, now);
    expect((await small.status(again)).status).toBe("In Progress");
  });

  it("coming back lifts nothing the person did not ask for", async () => {
    const { person, url } = await scene();
    await fresh.db
      .insertInto("suppressions")
      .values({ emailKey: person.emailKey, scope: "everything", reason: "complaint", createdAt: now } as never)
      .execute();
    await choose(url, "campaign");
    await ask("POST", url, { headers: FORM, body: "action=return" });
    const rows = await suppressions(person.emailKey!);
    expect(rows.find(({ reason }) => reason === "complaint")!.liftedAt).toBeNull();
    expect(rows.find(({ reason }) => reason === "unsubscribed")!.liftedAt).not.toBeNull();
  });
});

describe("saying whether one is measured (L5)", () => {
  const measuringOf = (id: number) =>
    fresh.db.selectFrom("people").select(["measuring", "measuringRefusedAt"]).where("id", "=", id).executeTakeFirst();
  const say = (url: string, action: string) => ask("POST", url, { headers: FORM, body: `action=${action}` });

  it("is one press below, without leaving anything; the timeline has it once, and the way back is as short", async () => {
    const { id, person, url } = await scene();
    expect((await ask("GET", url)).body).toContain('name="action" value="measure-never"');
    expect(await measuringOf(person.id)).toEqual({ measuring: "as-campaign", measuringRefusedAt: null });
    for (let times = 0; times < 2; times += 1) {
      const answer = await say(url, "measure-never");
      expect(answer.statusCode).toBe(200);
      expect(answer.body).toContain("<h1>We no longer note what you open and click</h1>");
      expect(answer.body).toContain('value="measure-as-campaign"');
    }
    expect(await measuringOf(person.id)).toEqual({ measuring: "never", measuringRefusedAt: now });
    expect((await small.status(id)).status).toBe("In Progress");
    expect(await suppressions(person.emailKey!)).toEqual([]);
    const shown = (await ask("GET", url)).body;
    expect(shown).toContain("We do not note what you open or click.");
    expect(shown).not.toContain("measure-never");

    await say(url, "measure-as-campaign");
    expect(await measuringOf(person.id)).toEqual({ measuring: "as-campaign", measuringRefusedAt: null });
    expect(await entries(person.id)).toMatchObject([
      { kind: "measuring", emailCampaignId: id, detail: { measuring: "never", by: null } },
      { kind: "measuring", emailCampaignId: id, detail: { measuring: "as-campaign", by: null } },
    ]);
  });

  it("takes a colleague's choice for their own", async () => {
    const { person, url } = await scene();
    await small.change(person.id, { measuring: "never" }, now);
    expect((await ask("GET", url)).body).toContain("measure-as-campaign");
    await say(url, "measure-never");
    expect((await measuringOf(person.id))!.measuringRefusedAt).toEqual(now);
    await expect(small.change(person.id, { measuring: "as-campaign" }, now)).rejects.toThrow("said themselves");
  });

  it("is offered in German, changes nothing by GET, by another's link, or by a word that is none", async () => {
    const { person, url } = await scene();
    const german = await ask("GET", url, { headers: { "accept-language": "de" } });
    expect(german.body).toContain("Nicht festhalten, was ich öffne und anklicke");
    await ask("GET", `${url}?action=measure-never`);
    expect((await say(`${url}x`, "measure-never")).statusCode).toBe(404);
    expect((await say(url, "toString")).statusCode).toBe(400);
    expect((await oneClick(url)).statusCode).toBe(200);
    expect(await measuringOf(person.id)).toMatchObject({ measuring: "as-campaign" });
  });

  it("of an erased person is not offered, and does nothing", async () => {
    const { person, url } = await scene();
    await fresh.db.updateTable("messages").set({ address: null }).where("personId", "=", person.id).execute();
    await fresh.db
      .updateTable("people")
      .set({ email: null, emailKey: null, erasedAt: now })
      .where("id", "=", person.id)
      .execute();
    expect((await ask("GET", url)).body).not.toContain("measure-");
    await say(url, "measure-never");
    expect(await measuringOf(person.id)).toMatchObject({ measuring: "as-campaign" });
    expect(await entries(person.id)).toEqual([]);
  });
});
