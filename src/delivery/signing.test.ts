/** DKIM on the way out: what leaves is signed by its domain, kept to the byte, or kept back. */
import { dkimVerify } from "mailauth/lib/dkim/verify.js";
import { afterAll, afterEach, beforeAll, describe, expect, it } from "vitest";
import { type FreshDatabase, freshDatabase } from "../../test/database.ts";
import { startSink, type SinkOptions } from "../../test/smtp-sink.ts";
import { actor, at, seal, type World, world } from "../../test/world.ts";
import * as domains from "../domains/domains.ts";
import { type Delivery, bytesOf } from "./delivery.ts";
import { deliveryProblems } from "./problems.ts";

let fresh: FreshDatabase;
let small: World;
const open: { close(): Promise<void> }[] = [];
const NOW = at("2026-03-01");

beforeAll(async () => {
  fresh = await freshDatabase();
  small = world(fresh.db, fresh.database.batches);
  await small.postalAddress("Example Ltd, 1 Example Street, Lisbon");
});
afterEach(async () => {
  for (const one of open.splice(0)) await one.close();
});
afterAll(() => fresh.close());

async function sinkWith(options: SinkOptions = {}) {
  const sink = await startSink(options);
  open.push(sink);
  return sink;
}

function deliveryFor(): Delivery {
  const delivery = small.delivery();
  open.unshift({ close: () => delivery.drain(100) });
  return delivery;
}

type Domain = Awaited<ReturnType<typeof domains.get>>;
const BOTH = ["rsa-sha256", "ed25519-sha256"] as const;

const domain = (name: string, more: Partial<Parameters<typeof domains.create>[1]> = {}) =>
  domains.create(fresh.db, { domain: name, mode: "sign", algorithms: [...BOTH], ...more }, seal, actor, NOW);

/** A person in a Campaign, sent from this address. */
async function scene(port: number, from: string) {
  const account = await small.account(port);
  const sender = await small.sender({ email: from, emailAccountId: account.id });
  const campaign = await small.campaign();
  const person = await small.person();
  const id = await small.start(campaign.id, person.id, NOW, { senderId: sender.id });
  return { id, person, message: async () => (await small.messages(id))[0]! };
}

/** What an independent verifier says of each signature, given the records we say to publish. */
async function verdicts(mail: Buffer, { records }: Pick<Domain, "records">): Promise<string[]> {
  const { results } = await dkimVerify(mail, {
    curTime: new Date(NOW.epochMilliseconds),
    resolver: async (name: string, type: string) => {
      const record = type === "TXT" ? records.find((each) => each.name === name) : undefined;
      if (!record) throw Object.assign(new Error(`no ${name}`), { code: "ENOTFOUND" });
      return [[...record.strings]];
    },
  });
  return results.map(({ signingDomain, status }) => `${signingDomain} ${status.result}`);
}

const signatures = (mail: Buffer) => mail.toString("latin1").match(/^DKIM-Signature:/gm)?.length ?? 0;

describe("DKIM", () => {
  // First, while there is no account.
  it("a mail in the built-in mailbox is signed like any other", async () => {
    const made = await domain("boxed.example");
    const sender = await small.sender({ email: "ana@boxed.example" });
    const campaign = await small.campaign();
    const person = await small.person();
    await small.start(campaign.id, person.id, NOW, { senderId: sender.id });
    await deliveryFor().runUntilIdle(NOW);
    const kept = await small.mailbox(person.email!);
    expect(await verdicts(kept[0]!.bytes, made)).toEqual(["boxed.example pass", "boxed.example pass"]);
  });

  it("a mail leaves with the signatures of its From's domain, which the published records verify", async () => {
    const made = await domain("both.example");
    const sink = await sinkWith();
    await scene(sink.port, "ana@both.example");
    await deliveryFor().runUntilIdle(NOW);
    expect(sink.messages).toHaveLength(1);
    expect(await verdicts(sink.messages[0]!.data, made)).toEqual(["both.example pass", "both.example pass"]);
  });

  it("a domain without keys of its own is signed for by the one above it", async () => {
    const made = await domain("above.example", { algorithms: ["ed25519-sha256"] });
    const sink = await sinkWith();
    await scene(sink.port, "ana@news.above.example");
    await deliveryFor().runUntilIdle(NOW);
    expect(await verdicts(sink.messages[0]!.data, made)).toEqual(["above.example pass"]);
  });

  it.each(["relay-signs", "off"] as const)("where the domain says %s, mail leaves unsigned", async (mode) => {
    await domain(`${mode}.example`, { mode });
    const sink = await sinkWith();
    await scene(sink.port, `ana@${mode}.example`);
    await deliveryFor().runUntilIdle(NOW);
    expect(sink.messages).toHaveLength(1);
    expect(signatures(sink.messages[0]!.data)).toBe(0);
  });

  it("the exact bytes come out the same when the domain and its keys are long gone", async () => {
    const made = await domain("gone.example");
    const sink = await sinkWith();
    const { message } = await scene(sink.port, "ana@gone.example");
    await deliveryFor().runUntilIdle(NOW);
    await domains.remove(fresh.db, made.id, actor, NOW);
    const bytes = await bytesOf(fresh.db, (await message()).id);
    expect(bytes?.toString("latin1")).toBe(sink.messages[0]!.data.toString("latin1"));
    expect(signatures(bytes!)).toBe(2);
  });

  it("S3 a mail that was put off has the same bytes at the next attempt", async () => {
    await domain("later.example");
    const sink = await sinkWith({ recipient: (_to, attempt) => (attempt === 1 ? "defer-body" : "accept") });
    const { message } = await scene(sink.port, "ana@later.example");
    const delivery = deliveryFor();
    await delivery.runUntilIdle(NOW);
    const before = await bytesOf(fresh.db, (await message()).id);
    await delivery.runUntilIdle(NOW.add({ minutes: 20 }));
    expect(sink.messages.at(-1)!.data.toString("latin1")).toBe(before!.toString("latin1"));
    expect(signatures(before!)).toBe(2);
  });

  it("a mail that was put off is signed anew when its key was replaced, as long as it cannot have arrived", async () => {
    const made = await domain("rotated.example", { algorithms: ["rsa-sha256"] });
    const sink = await sinkWith({ recipient: (_to, attempt) => (attempt === 1 ? "defer" : "accept") });
    await scene(sink.port, "ana@rotated.example");
    await deliveryFor().runUntilIdle(NOW);
    const { keys } = await domains.addKeys(fresh.db, made.id, { algorithms: ["rsa-sha256"] }, seal, actor, NOW);
    const keyId = keys.at(-1)!.id;
    await domains.signWith(fresh.db, { id: made.id, keyId, unpublished: true }, actor, NOW);
    await domains.removeKey(fresh.db, { id: made.id, keyId: keys[0]!.id }, actor, NOW);
    await deliveryFor().runUntilIdle(NOW.add({ minutes: 20 }));
    expect(sink.messages).toHaveLength(1);
    expect(await verdicts(sink.messages[0]!.data, await domains.get(fresh.db, made.id))).toEqual([
      "rotated.example pass",
    ]);
  });

  it("a mail that may have arrived is sent again with the signatures it had, whatever became of the keys", async () => {
    const made = await domain("doubt.example");
    const sink = await sinkWith({ recipient: (_to, attempt) => (attempt === 1 ? "drop-body" : "accept") });
    const { message } = await scene(sink.port, "ana@doubt.example");
    await deliveryFor().runUntilIdle(NOW);
    const before = await bytesOf(fresh.db, (await message()).id);
    await domains.remove(fresh.db, made.id, actor, NOW);
    await deliveryFor().runUntilIdle(NOW.add({ hours: 1 }));
    expect(sink.messages.map(({ data }) => data.toString("latin1"))).toEqual(
      [0, 1].map(() => before!.toString("latin1")),
    );
    expect(signatures(before!)).toBe(2);
    expect(await message()).toMatchObject({ state: "accepted", attempts: 2 });
  });

  it.each([
    ["is another one than the published", { publicKey: "AAAA" }],
    ["was sealed with a secret that is lost", { privateKeyEncrypted: "sealed:AAAA" }],
  ])(
    "a mail whose key %s is never sent unsigned: it waits, says why, and leaves when that is mended",
    async (_what, broken) => {
      const name = `broken${Object.keys(broken)[0]!.toLowerCase()}.example`;
      const made = await domain(name, { algorithms: ["ed25519-sha256"] });
      const right = await fresh.db
        .selectFrom("sendingDomainKeys")
        .select(["publicKey", "privateKeyEncrypted"])
        .where("sendingDomainId", "=", made.id)
        .executeTakeFirstOrThrow();
      const set = (values: object) =>
        fresh.db.updateTable("sendingDomainKeys").set(values).where("sendingDomainId", "=", made.id).execute();
      await set(broken);
      const sink = await sinkWith();
      const { message } = await scene(sink.port, `ana@${name}`);
      await deliveryFor().runUntilIdle(NOW);
      expect(sink.messages).toHaveLength(0);
      expect(await message()).toMatchObject({ state: "planned", reason: "cannot-sign", attempts: 0 });
      expect(await deliveryProblems(fresh.db, { seal })).toContainEqual(
        expect.objectContaining({ code: "cannot-sign" }),
      );
      await set(right);
      await deliveryFor().runUntilIdle(NOW.add({ minutes: 20 }));
      expect(sink.messages).toHaveLength(1);
      expect(await verdicts(sink.messages[0]!.data, made)).toEqual([`${name} pass`]);
    },
  );
});
