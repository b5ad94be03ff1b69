import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { type FreshDatabase, freshDatabase } from "../../test/database.ts";
import { at, linkKeys, PUBLIC_URL, silent, type StepText, type World, world } from "../../test/world.ts";
import { list } from "../communications/communications.ts";
import { bytesOf } from "../delivery/delivery.ts";
import { openServer, type Server } from "../http/server.ts";
import { neighboursOf } from "../neighbours.ts";
import { addresses } from "./addresses.ts";
import { openJournal } from "./journal.ts";
import { createRecorder, type Recorder } from "./recorder.ts";

const START = at("2026-03-02");
const LATER = at("2026-03-02T11:00:00Z");
const BROWSER = "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0";
const TRACKING = "https://go.example.com";
const HTML = `<p>Dear {{ first_name }}</p><a href="https://example.com/offer?a=1&amp;b=2">Offer</a>
<a href="https://example.com/for?name={{ first_name }}">Yours</a> <a href="https://example.com/third">Third</a>
<a href="mailto:ana@example.com">Write</a> <a href="{{ unsubscribe_url }}">Leave</a>`;
const TEXT = "Dear {{ first_name }}: https://example.com/offer?a=1&b=2\n";

let fresh: FreshDatabase;
let here: World;
let server: Server;
let recorder: Recorder;
let folder: string;
let now = LATER;

beforeAll(async () => {
  fresh = await freshDatabase();
  here = world(fresh.db, fresh.database.batches);
  await here.postalAddress("Example Ltd");
  folder = mkdtempSync(join(tmpdir(), "tidings-tracking-"));
  recorder = opened();
  server = serverWith(recorder);
  await server.http.ready();
});
afterAll(async () => {
  await server.http.close();
  await recorder.stop();
  rmSync(folder, { recursive: true });
  await fresh.close();
});

const opened = (db = fresh.database.batches) =>
  createRecorder({
    db,
    journal: openJournal(folder),
    trackingUrl: TRACKING,
    clock: () => now,
    log: silent,
  });

function serverWith(taking: Recorder): Server {
  const made = openServer({
    db: fresh.db,
    clock: () => now,
    authenticate: async () => null,
    seal: { encrypt: (text) => text, decrypt: (text) => text },
  });
  addresses(made.http, { recorder: taking, clock: () => now, linkKeys });
  return made;
}

/** Somebody got a mail in which both are measured, unless said. */
async function reader({
  opens = true,
  clicks = true,
  step = { day: 0, html: HTML, text: TEXT },
}: {
  opens?: boolean | null;
  clicks?: boolean | null;
  step?: StepText;
} = {}) {
  const campaign = await here.campaign([step]);
  const tracked = { trackOpens: opens, trackClicks: clicks };
  await fresh.db.updateTable("campaigns").set(tracked).where("id", "=", campaign.id).execute();
  const person = await here.person({ firstName: "Åsa & Co" });
  const emailCampaignId = await here.start(campaign.id, person.id, START);
  await here.delivery({ trackingUrl: TRACKING }).runUntilIdle(START);
  const [message] = await here.messages(emailCampaignId);
  const [received] = await here.mailbox(person.email!);
  const bytes = received!.bytes;
  return { campaign, person, emailCampaignId, message: message!, bytes, ...partsOf(bytes) };
}

function partsOf(bytes: Buffer) {
  const plain = bytes.toString("latin1").replaceAll("=\r\n", "");
  const text = Buffer.from(
    plain.replaceAll(/=([0-9A-F]{2})/g, (_, hex: string) => String.fromCharCode(Number.parseInt(hex, 16))),
    "latin1",
  ).toString("utf8");
  return {
    mail: text,
    picture: /https:\/\/go\.example\.com(\/o\/[^"]+)/.exec(text)?.[1],
    links: [...text.matchAll(/href="https:\/\/go\.example\.com(\/c\/[^"]+)"/g)].map(([, path]) => path!),
  };
}

const ask = (url: string, more: { method?: "GET" | "HEAD"; agent?: string; headers?: Record<string, string> } = {}) =>
  server.http.inject({
    method: more.method ?? "GET",
    url,
    headers: { "user-agent": more.agent ?? BROWSER, ...more.headers },
  });

const engagementsOf = (messageId: number) =>
  fresh.db
    .selectFrom("engagements")
    .select(["kind", "link", "automatic"])
    .where("messageId", "=", messageId)
    .orderBy("id")
    .execute();

describe("a mail", () => {
  it("leads its web links through us and nothing else, has one picture, and plain addresses in its text", async () => {
    const { mail, picture, links } = await reader();
    expect(links).toHaveLength(3);
    expect(picture).toMatch(/\.gif$/);
    expect(mail.match(/<img /g)).toHaveLength(1);
    expect(mail).toContain("https://example.com/offer?a=1&b=2");
    expect(mail).toContain('href="mailto:ana@example.com"');
    expect(mail).toContain(`href="${PUBLIC_URL}/u/`);
    expect(mail.slice(0, mail.indexOf("text/html"))).not.toContain(TRACKING);
  });

  it("says nothing of us where nothing is measured, by the Campaign or by the workspace (L5)", async () => {
    for (const choice of [false, null]) {
      const { mail, picture, links } = await reader({ opens: choice, clicks: choice });
      expect([picture, links, mail.includes(TRACKING)]).toEqual([undefined, [], false]);
    }
    await fresh.db.updateTable("workspace").set({ trackOpens: true }).execute();
    try {
      const { picture, links } = await reader({ opens: null, clicks: null });
      expect([typeof picture, links]).toEqual(["string", []]);
      expect((await reader({ opens: false, clicks: true })).picture).toBeUndefined();
    } finally {
      await fresh.db.updateTable("workspace").set({ trackOpens: false }).execute();
    }
  });

  it("can be shown again byte for byte, whatever is measured by now and whatever secret and address we have", async () => {
    const { campaign, message, bytes } = await reader();
    const off = { trackOpens: false, trackClicks: false };
    await fresh.db.updateTable("campaigns").set(off).where("id", "=", campaign.id).execute();
    const shown = await bytesOf(fresh.db, message.id);
    expect(shown!.toString("latin1")).toBe(bytes.toString("latin1"));
  });
});

describe("a click", () => {
  it("leads where the author wrote, and is recorded as written, once for each time", async () => {
    const { links, message } = await reader();
    const answers = [await ask(links[0]!), await ask(links[1]!), await ask(links[0]!)];
    expect(answers.map(({ statusCode, headers }) => [statusCode, headers["location"]])).toEqual([
      [302, "https://example.com/offer?a=1&b=2"],
      [302, "https://example.com/for?name=%C3%85sa%20&%20Co"],
      [302, "https://example.com/offer?a=1&b=2"],
    ]);
    expect(await engagementsOf(message.id)).toEqual([
      { kind: "clicked", link: "https://example.com/offer?a=1&b=2", automatic: false },
      { kind: "clicked", link: "https://example.com/for?name={{ first_name }}", automatic: false },
      { kind: "clicked", link: "https://example.com/offer?a=1&b=2", automatic: false },
    ]);
  });

  it("changes no status, whoever asks how often (S23)", async () => {
    const { links, picture, emailCampaignId, message } = await reader();
    const before = [await here.status(emailCampaignId), await here.messages(emailCampaignId)];
    for (const method of ["GET", "HEAD", "GET"] as const)
      for (const path of [...links, picture!]) await ask(path, { method });
    expect([await here.status(emailCampaignId), await here.messages(emailCampaignId)]).toEqual(before);
    expect(await engagementsOf(message.id)).toHaveLength(12);
  });

  it("on a changed address leads nowhere and records nothing (attack 8)", async () => {
    const { links, message } = await reader();
    const [body, signature, destination] = links[0]!.split(".");
    const other = Buffer.from("https://evil.example/").toString("base64url");
    for (const path of [
      `${body}.${signature}.${other}`,
      `${body}.${"A".repeat(22)}.${destination}`,
      `/c/${other}`,
      `/c/https://evil.example/`,
      "/c//evil.example",
      "/c/",
      `${links[0]}?to=https://evil.example`,
      `/c/${"a".repeat(9000)}`,
    ]) {
      const answer = await ask(path);
      if (path.includes("?")) expect(answer.headers["location"]).toBe("https://example.com/offer?a=1&b=2");
      else expect([answer.statusCode, answer.headers["location"]]).toEqual([404, undefined]);
    }
    expect(await engagementsOf(message.id)).toHaveLength(1);
    expect((await ask("/o/1.AAAAAAAAAAAAAAAAAAAAAA.gif")).statusCode).toBe(404);
  });

  it("of a machine is told apart: by its name, by how it asks, by how many links at once, and at the door", async () => {
    const { links, picture, message } = await reader();
    await ask(links[0]!, { agent: "Mozilla/5.0 (compatible; bingbot/2.0)" });
    await ask(links[0]!, { method: "HEAD" });
    await ask(picture!, { agent: "Mozilla/5.0" });
    await ask(links[0]!, { headers: { "sec-purpose": "prefetch" } });
    expect((await engagementsOf(message.id)).map(({ automatic }) => automatic)).toEqual([true, true, true, true]);

    const scanned = await reader();
    for (const path of scanned.links) await ask(path);
    expect((await engagementsOf(scanned.message.id)).map(({ automatic }) => automatic)).toEqual([true, true, true]);

    now = START.add({ milliseconds: 500 });
    const atTheDoor = await reader();
    await ask(atTheDoor.picture!);
    now = LATER;
    await ask(atTheDoor.picture!);
    expect((await engagementsOf(atTheDoor.message.id)).map(({ automatic }) => automatic)).toEqual([true, false]);
  });

  it("stands on the timeline once for each link, with how often, machines apart", async () => {
    const { person, links, picture, message } = await reader();
    for (const path of [picture!, picture!, links[0]!, links[0]!, links[0]!]) await ask(path);
    await ask(picture!, { agent: "Mozilla/5.0" });
    const { data } = await list(fresh.db, { personId: person.id, limit: 20 });
    const told = data
      .filter(({ kind }) => kind === "opened" || kind === "clicked")
      .map(({ kind, detail }) => [kind, detail]);
    expect(told).toEqual([
      ["opened", { messageId: message.id, automatic: true, times: 1 }],
      ["clicked", { messageId: message.id, link: "https://example.com/offer?a=1&b=2", automatic: false, times: 3 }],
      ["opened", { messageId: message.id, automatic: false, times: 2 }],
    ]);
    // What turns out to be a scan by the third link was no click of the person.
    const scanned = await reader();
    for (const path of scanned.links) await ask(path);
    const { data: later } = await list(fresh.db, { personId: scanned.person.id, limit: 20, kind: "clicked" });
    expect(later.map(({ detail }) => detail["automatic"])).toEqual([true, true, true]);
  });

  it("of an erased person still leads on, and is not recorded", async () => {
    const { links, person, message } = await reader();
    const { onErase } = neighboursOf({ keysFor: () => linkKeys } as never);
    await fresh.db.transaction().execute((tx) => onErase(tx, person.id, LATER));
    expect((await ask(links[0]!)).headers["location"]).toBe("https://example.com/offer?a=1&b=2");
    expect(await engagementsOf(message.id)).toEqual([]);
  });
});

describe("opening", () => {
  it("is a picture nobody sees, which other origins may show and nobody keeps", async () => {
    const { picture, message } = await reader();
    const answer = await ask(picture!);
    expect([answer.statusCode, answer.headers["content-type"], answer.rawPayload.subarray(0, 6).toString()]).toEqual([
      200,
      "image/gif",
      "GIF89a",
    ]);
    expect(answer.headers).toMatchObject({
      "cache-control": "no-store",
      "cross-origin-resource-policy": "cross-origin",
    });
    expect(await engagementsOf(message.id)).toEqual([{ kind: "opened", link: null, automatic: false }]);
  });

  it("asked for without end is answered, and recorded so often and no more", async () => {
    const { picture, message } = await reader();
    const answers = await Promise.all(Array.from({ length: 200 }, () => ask(picture!)));
    expect(answers.every(({ statusCode }) => statusCode === 200)).toBe(true);
    expect((await engagementsOf(message.id)).length).toBe(60);
  });
});

describe("without a database", () => {
  it("a click leads on, waits on the disk, and is recorded by whoever comes next", async () => {
    const { links, message } = await reader();
    const gone = await freshDatabase();
    await gone.close();
    const cut = opened(gone.database.batches);
    const lonely = serverWith(cut);
    const answer = await lonely.http.inject({ url: links[0]!, headers: { "user-agent": BROWSER } });
    expect([answer.statusCode, answer.headers["location"]]).toEqual([302, "https://example.com/offer?a=1&b=2"]);
    expect(await engagementsOf(message.id)).toEqual([]);
    // No order to stop reaches it, as after a kill -9.
    const next = opened();
    await expect.poll(() => engagementsOf(message.id)).toHaveLength(1);
    await next.stop();
    await lonely.http.close();
    await cut.stop();
  });
});
