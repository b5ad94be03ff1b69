/** Measuring switched for one person (L5): in the bytes that arrive, in what is recorded, and in who may say so. */
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, afterEach, beforeAll, describe, expect, it } from "vitest";
import { type FreshDatabase, freshDatabase } from "../../test/database.ts";
import { type Sink, type SinkOptions, startSink } from "../../test/smtp-sink.ts";
import { at, linkKeys, seal, silent, type World, world } from "../../test/world.ts";
import { bytesOf, type Delivery, resolveDoubt } from "../delivery/delivery.ts";
import { openServer, type Server } from "../http/server.ts";
import { partsOf } from "../mail/parts.ts";
import { addresses } from "./addresses.ts";
import { openJournal } from "./journal.ts";
import { createRecorder, type Recorder } from "./recorder.ts";

const NOW = at("2026-03-02");
const LATER = NOW.add({ hours: 2 });
const MIGRATION = join(import.meta.dirname, "../db/migrations/0032_measured.sql");
const TRACKING = "https://go.example.com";
const HTML = `<body><p>Dear {{ first_name }}</p><a href="https://example.com/offer">Offer</a>
<a href="https://example.com/for?name={{ first_name }}">Yours</a> <a href="{{ unsubscribe_url }}">Leave</a></body>`;

let fresh: FreshDatabase;
let here: World;
let server: Server;
let recorder: Recorder;
let folder: string;
const open: { close(): Promise<void> }[] = [];

beforeAll(async () => {
  fresh = await freshDatabase();
  here = world(fresh.db, fresh.database.batches);
  await here.postalAddress("Example Ltd, 1 Example Street");
  folder = mkdtempSync(join(tmpdir(), "tidings-measuring-"));
  recorder = createRecorder({
    db: fresh.database.batches,
    journal: openJournal(folder),
    trackingUrl: TRACKING,
    clock: () => LATER,
    log: silent,
  });
  server = openServer({ db: fresh.db, clock: () => LATER, authenticate: async () => null, seal });
  addresses(server.http, { recorder, clock: () => LATER, linkKeys });
  await server.http.ready();
});
afterEach(async () => {
  for (const one of open.splice(0)) await one.close();
});
afterAll(async () => {
  await server.http.close();
  await recorder.stop();
  rmSync(folder, { recursive: true });
  await fresh.close();
});

/** Two people in a Campaign that measures both; the second is never measured where said. What arrives, arrives by SMTP. */
async function scene(options: SinkOptions = {}) {
  const sink = await startSink(options);
  const delivery = here.delivery({ trackingUrl: TRACKING });
  open.push({ close: () => delivery.drain(100) }, sink);
  const sender = await here.sender({ emailAccountId: (await here.account(sink.port)).id });
  const campaign = await here.campaign([{ day: 0, html: HTML }], null, { trackOpens: true, trackClicks: true });
  const [measured, never] = [await here.person(), await here.person()];
  const start = (personId: number) => here.start(campaign.id, personId, NOW, { senderId: sender.id });
  return { sink, delivery, sender, measured, never, start };
}

const setNever = (personId: number) => here.change(personId, { measuring: "never" }, NOW);

/** What of a mail's bytes is there to measure by. */
function measuredIn(data: Buffer) {
  const { html, text } = partsOf(data);
  return {
    pictures: html!.match(/<img /g)?.length ?? 0,
    links: html!.match(/https:\/\/go\.example\.com\/c\//g)?.length ?? 0,
    anything: `${html}${text}${data.toString("latin1")}`.includes("go.example.com"),
  };
}
const ALL = { pictures: 1, links: 2, anything: true };
const NOTHING = { pictures: 0, links: 0, anything: false };

/** The bytes a person's one mail was last composed of. */
async function composedFor(personId: number): Promise<Buffer> {
  const { id } = await fresh.db
    .selectFrom("messages")
    .select("id")
    .where("personId", "=", personId)
    .executeTakeFirstOrThrow();
  return (await bytesOf(fresh.db, id))!;
}

/** What the one mail of a person is known to have measured. */
async function measuredOf(personId: number) {
  const found = await fresh.db.selectFrom("messages").select("measured").where("personId", "=", personId).execute();
  return found[0]!.measured;
}

const mailTo = ({ messages }: Sink, { email }: { email: string | null }) =>
  messages.filter(({ to }) => to === email).at(-1)!.data;
const run = (delivery: Delivery, minutes: number) => delivery.runUntilIdle(NOW.add({ minutes }));

describe("a mail to a person who is never measured", () => {
  it("holds no picture and no address but its author's, beside one of the same Campaign that does", async () => {
    const { sink, delivery, measured, never, start } = await scene();
    await setNever(never.id);
    for (const { id } of [measured, never]) await start(id);
    await run(delivery, 0);
    expect(measuredIn(mailTo(sink, measured))).toEqual(ALL);
    const { html } = partsOf(mailTo(sink, never));
    expect(measuredIn(mailTo(sink, never))).toEqual(NOTHING);
    expect(html).toContain('href="https://example.com/offer"');
    expect(html).toContain('href="https://example.com/for?name=Ana"');
    // So that shares are of the mails in which it was measured.
    expect([await measuredOf(measured.id), await measuredOf(never.id)]).toEqual(["both", null]);
    // Of mails sent before that was kept, the update finds it out.
    const [update] = /^update messages[^;]+;/m.exec(readFileSync(MIGRATION, "utf8"))!;
    await fresh.pool.query("update messages set measured = null");
    await fresh.pool.query(update);
    expect([await measuredOf(measured.id), await measuredOf(never.id)]).toEqual(["both", null]);
  });

  it("holds nothing either when it was planned before they said so, and only its next attempt got as far as a body", async () => {
    const { sink, delivery, never, start } = await scene({
      answer: (step, _argument, nth) => (step === "greeting" && nth === 1 ? "421 4.3.2 Not now" : undefined),
    });
    const id = await start(never.id);
    await run(delivery, 0);
    expect(sink.messages).toEqual([]);
    expect(await here.messages(id)).toHaveLength(1);
    await setNever(never.id);
    for (let minutes = 5; minutes <= 60; minutes += 5) await run(delivery, minutes);
    expect(sink.messages).toHaveLength(1);
    expect(measuredIn(mailTo(sink, never))).toEqual(NOTHING);
  });

  it("loses what it was composed with when the server put it off: it cannot have arrived", async () => {
    const { sink, delivery, measured, never, start } = await scene({
      recipient: (_to, attempt) => (attempt === 1 ? "defer-body" : "accept"),
    });
    for (const { id } of [measured, never]) await start(id);
    await run(delivery, 0);
    expect(sink.messages).toEqual([]);
    const [before, same] = [await composedFor(never.id), await composedFor(measured.id)];
    expect(measuredIn(before)).toEqual(ALL);
    await setNever(never.id);
    await run(delivery, 30);
    expect(measuredIn(mailTo(sink, never))).toEqual(NOTHING);
    expect((await composedFor(never.id)).equals(mailTo(sink, never))).toBe(true);
    // Whose choice did not change gets the same bytes again.
    expect(mailTo(sink, measured).equals(same)).toBe(true);
  });

  it("stays as it was where it may have arrived already", async () => {
    const { sink, delivery, never, start } = await scene({
      recipient: (_to, attempt) => (attempt === 1 ? "drop-body" : "accept"),
    });
    await start(never.id);
    await run(delivery, 0);
    await setNever(never.id);
    for (let minutes = 5; minutes <= 60; minutes += 5) await run(delivery, minutes);
    const [first, second] = sink.messages.filter(({ to }) => to === never.email);
    expect(second!.data.equals(first!.data)).toBe(true);
  });
});

it("what was measured in a mail counts once it is accepted, also when somebody says that it arrived", async () => {
  const { delivery, sender, measured, start } = await scene({ recipient: () => "drop-body" });
  await fresh.db
    .updateTable("emailAccounts")
    .set({ holdUnknown: true })
    .where("id", "=", sender.emailAccountId)
    .execute();
  const id = await start(measured.id);
  await run(delivery, 0);
  expect(await measuredOf(measured.id)).toBe(null);
  const [message] = await here.messages(id);
  expect(message!.state).toBe("unknown");
  await resolveDoubt(fresh.db, message!.id, "arrived", { name: "test" }, LATER);
  expect(await measuredOf(measured.id)).toBe("both");
});

describe("mails from before", () => {
  /** What was recorded of a person. */
  const recordedOf = (personId: number) =>
    fresh.db.selectFrom("engagements").select(["kind"]).where("personId", "=", personId).orderBy("id").execute();
  const ask = (url: string) =>
    server.http.inject({ url, headers: { "user-agent": "Mozilla/5.0 (X11; Linux x86_64) Firefox/140.0" } });

  it("still lead on and show their picture, and record nothing more; what was recorded stays", async () => {
    const { sink, delivery, measured, never, start } = await scene();
    for (const { id } of [measured, never]) await start(id);
    await run(delivery, 0);
    const addressesOf = (data: Buffer) =>
      [...partsOf(data).html!.matchAll(/https:\/\/go\.example\.com(\/[co]\/[^"]+)"/g)].map(([, path]) => path!);
    const [theirs, others] = [addressesOf(mailTo(sink, never)), addressesOf(mailTo(sink, measured))];
    expect(theirs).toHaveLength(3);
    await ask(theirs[0]!);
    expect(await recordedOf(never.id)).toEqual([{ kind: "clicked" }]);

    await setNever(never.id);
    // Together with another's, as a batch is.
    const answers = await Promise.all([...theirs, ...others].map(ask));
    expect(answers.slice(0, 3).map(({ statusCode, headers }) => [statusCode, headers["location"]])).toEqual([
      [302, "https://example.com/offer"],
      [302, "https://example.com/for?name=Ana"],
      [200, undefined],
    ]);
    expect(answers[2]!.headers["content-type"]).toBe("image/gif");
    expect(await recordedOf(never.id)).toEqual([{ kind: "clicked" }]);
    expect(await recordedOf(measured.id)).toHaveLength(3);

    await here.change(never.id, { measuring: "as-campaign" }, LATER);
    await ask(theirs[0]!);
    expect(await recordedOf(never.id)).toHaveLength(2);
  });
});
