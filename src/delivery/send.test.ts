import postalMime from "postal-mime";
import { afterAll, afterEach, beforeAll, describe, expect, it, vi } from "vitest";
import { type FreshDatabase, freshDatabase } from "../../test/database.ts";
import { startSink, type Sink, type SinkOptions } from "../../test/smtp-sink.ts";
import { actor, at, PUBLIC_URL, seal, type World, world } from "../../test/world.ts";
import * as accounts from "../accounts/email-accounts.ts";
import * as emailCampaigns from "../email-campaigns/email-campaigns.ts";
import * as emailGroups from "../email-groups/email-groups.ts";
import type { Outcome, Outgoing, SendHooks, SmtpPool } from "../mail/smtp.ts";
import { suppress } from "../suppressions/suppressions.ts";
import { bytesOf, type Delivery, resolveDoubt } from "./delivery.ts";
import { deliveryProblems } from "./problems.ts";

let fresh: FreshDatabase;
let small: World;
const open: { close(): Promise<void> }[] = [];

beforeAll(async () => {
  fresh = await freshDatabase();
  small = world(fresh.db, fresh.database.batches);
  await small.postalAddress("Example Ltd, 1 Example Street, Lisbon");
});
afterEach(async () => {
  for (const one of open.splice(0)) await one.close();
});
afterAll(() => fresh.close());

const NOW = at("2026-03-01");

async function sinkWith(options: SinkOptions = {}): Promise<Sink> {
  const sink = await startSink(options);
  open.push(sink);
  return sink;
}

function deliveryFor(more: Parameters<World["delivery"]>[0] = {}): Delivery {
  const delivery = small.delivery(more);
  open.unshift({ close: () => delivery.drain(100) });
  return delivery;
}

/** A person in a Campaign, sent by an account at this port. */
async function scene(
  port: number,
  { days = [0], account = {} }: { days?: number[]; account?: Partial<accounts.NewEmailAccount> } = {},
) {
  const made = await small.account(port, account);
  const sender = await small.sender({ emailAccountId: made.id });
  const campaign = await small.campaign(days.map((day) => ({ day })));
  const person = await small.person();
  const id = await small.start(campaign.id, person.id, NOW, { senderId: sender.id });
  return { account: made, sender, campaign, person, id, message: async () => (await small.messages(id))[0]! };
}

/** A pool that does with every message what the test says, and has its outcome recorded as a real one does. */
function poolThat(send: (message: Outgoing, hooks: Required<SendHooks>) => Promise<Outcome>): SmtpPool {
  return {
    async send(message, hooks) {
      const outcome = await send(message, hooks as Required<SendHooks>);
      await hooks!.record!(outcome);
      return outcome;
    },
    room: async () => undefined,
    verify: async () => [],
    close: async () => undefined,
  };
}

describe("sending", () => {
  it("a step into DATA writes no index: what it changes is named by none", async () => {
    const { rows } = await fresh.pool.query(
      "select indexname, indexdef from pg_indexes where schemaname = current_schema() and tablename = 'messages'",
    );
    expect(rows.length).toBeGreaterThan(5);
    const changed =
      /\b(?:state|attempts|first_attempt_at|content_version_id|email_account_id|address|message_id|variant)\b/;
    expect(rows.filter(({ indexdef }) => changed.test(String(indexdef)))).toEqual([]);
  });

  it("E73 in mail to a group the member is who the mail speaks of, not the group", async () => {
    const campaign = await small.campaign([{ day: 0, subject: "For {{ doc.first_name }}" }]);
    const people = [await small.person({ firstName: "Ada" }), await small.person({ firstName: "Bo" })];
    const group = await emailGroups.create(fresh.db, { title: "Customers", description: null }, actor, NOW);
    await fresh.db
      .insertInto("emailGroupMembers")
      .values(people.map(({ id }) => ({ emailGroupId: group.id, personId: id, joinedAt: NOW, unsubscribedAt: null })))
      .execute();
    const input = { campaignId: campaign.id, emailGroupId: group.id, filter: null, startOn: null };
    const sink = await sinkWith();
    const account = await small.account(sink.port);
    const { id: senderId } = await small.sender({ emailAccountId: account.id });
    await emailCampaigns.startMany(fresh.db, { ...input, senderId }, null, actor, NOW);
    await deliveryFor().runUntilIdle(NOW);
    const subjects = sink.messages.map(({ data }) => /^Subject: (.+)$/m.exec(data.toString())![1]!.trim());
    expect(subjects.toSorted()).toEqual(["For Ada", "For Bo"]);
  });

  it("E66 E81 E82 E85 E86 S21 a mail goes to the person alone, from the sender, with a Message-ID and a way to leave of its own", async () => {
    const sink = await sinkWith();
    const { person, sender, campaign, id, message } = await scene(sink.port);
    const other = await small.person({ firstName: "Böb", lastName: 'O"Neil' });
    await small.start(campaign.id, other.id, NOW, { senderId: sender.id });
    await deliveryFor().runUntilIdle(NOW);

    expect(sink.messages.map(({ to }) => to).sort()).toEqual([person.email!, other.email!].sort());
    const received = sink.messages.find(({ to }) => to === person.email)!;
    const mail = await postalMime.parse(received.data);
    expect(mail.from).toMatchObject({ name: "Marta Silva", address: sender.email });
    expect(mail.to).toMatchObject([{ name: "Ana Ruiz", address: person.email }]);
    expect(mail.subject).toBe("Hello Ana");
    expect(mail.text).toContain("Dear Ana");
    expect(mail.html).toContain("<p>Dear Ana</p>");
    const header = (name: string) => mail.headers.filter(({ key }) => key === name).map(({ value }) => value);
    expect(header("list-unsubscribe")).toHaveLength(1);
    expect(header("list-unsubscribe")[0]).toMatch(/^<http:\/\/mail\.example\.com\/u\/[\w.-]+>,\s*<mailto:[^>]+>$/);
    expect(header("list-unsubscribe-post")).toEqual(["List-Unsubscribe=One-Click"]);
    expect(header("list-id")[0]).toContain(`campaign-${campaign.id}.example.com`);
    expect(mail.html).toContain(`${PUBLIC_URL}/u/`);
    const ids = new Set(sink.messages.map(({ data }) => /^Message-ID: (.+)$/im.exec(data.toString())![1]));
    expect(ids.size).toBe(2);
    expect(await message()).toMatchObject({ state: "accepted", replyCode: 250, attempts: 1, claimedBy: null });
    expect((await small.status(id)).status).toBe("Completed");
  });

  it("E83 E84 an account that forces its own address sends from it, and answers go to the sender", async () => {
    const sink = await sinkWith();
    const account = { email: "robot@relay.example", forceAddress: true, forceName: true };
    const { sender, account: made } = await scene(sink.port, { account });
    await deliveryFor().runUntilIdle(NOW);
    const mail = await postalMime.parse(sink.messages[0]!.data);
    expect(mail.from).toMatchObject({ name: made.name, address: "robot@relay.example" });
    expect(mail.replyTo).toMatchObject([{ address: sender.email }]);
    expect(sink.messages[0]!.from).toBe("robot@relay.example");
  });

  it("E68 a mail goes to the address the person has when it leaves", async () => {
    const sink = await sinkWith();
    const { person } = await scene(sink.port);
    const delivery = deliveryFor();
    await delivery.planDue(NOW);
    await small.change(person.id, { email: "moved@example.org" }, NOW);
    await delivery.sendDue(NOW);
    expect(sink.messages.map(({ to }) => to)).toEqual(["moved@example.org"]);
  });

  it("two steps of one day leave one after the other in one run", async () => {
    const sink = await sinkWith();
    const { id } = await scene(sink.port, { days: [0, 0] });
    await deliveryFor().runUntilIdle(NOW);
    expect(sink.messages).toHaveLength(2);
    expect((await small.status(id)).status).toBe("Completed");
  });

  it("E57 S3 a message the server puts off is tried again with the same Message-ID and the same bytes, whatever was edited meanwhile", async () => {
    const sink = await sinkWith({ recipient: (_to, attempt) => (attempt === 1 ? "defer-body" : "accept") });
    const { campaign, person, message } = await scene(sink.port);
    const delivery = deliveryFor();
    await delivery.runUntilIdle(NOW);
    const deferred = await message();
    expect(deferred).toMatchObject({ state: "deferred", attempts: 1, replyCode: 451 });
    const before = await bytesOf(fresh.db, deferred.id);
    await small.version(campaign.steps[0]!.emailTemplateId, {
      subject: "Something else",
      html: "<p>New</p>",
      text: "New",
    });
    await small.change(person.id, { firstName: "Bea" }, NOW);

    await delivery.runUntilIdle(NOW.add({ minutes: 10 }));
    expect((await message()).state).toBe("deferred");
    await delivery.runUntilIdle(NOW.add({ minutes: 16 }));
    expect(await message()).toMatchObject({ state: "accepted", attempts: 2, messageId: deferred.messageId });
    expect(sink.messages.at(-1)!.data.equals(before!)).toBe(true);
  });

  it("E68 a person who moved between two attempts gets the second one at the new address", async () => {
    const sink = await sinkWith({ recipient: (to) => (to.startsWith("new") ? "accept" : "defer") });
    const { person, message } = await scene(sink.port);
    const delivery = deliveryFor();
    await delivery.runUntilIdle(NOW);
    const { messageId } = await message();
    await small.change(person.id, { email: "new@example.org" }, NOW);
    await delivery.runUntilIdle(NOW.add({ minutes: 20 }));
    expect(sink.messages.map(({ to }) => to)).toEqual(["new@example.org"]);
    expect(await message()).toMatchObject({ state: "accepted", messageId });
  });

  it("E108 a message that is put off for five days is given up, and the Email Campaign goes on", async () => {
    const sink = await sinkWith({ recipient: () => "defer" });
    const { id, message } = await scene(sink.port);
    const delivery = deliveryFor();
    for (let hours = 0; hours <= 130; hours += 5) await delivery.runUntilIdle(NOW.add({ hours }));
    const given = await message();
    expect(given).toMatchObject({ state: "refused", reason: "gave-up", replyCode: 450 });
    expect(given.attempts).toBeGreaterThan(10);
    const attempts = await fresh.db
      .selectFrom("deliveryAttempts")
      .selectAll()
      .where("messageId", "=", given.id)
      .execute();
    expect(attempts).toHaveLength(given.attempts);
    expect((await small.status(id)).status).toBe("Completed");
  });

  it("a dead address is suppressed for everything and ends the Email Campaign as bounced", async () => {
    const sink = await sinkWith({ recipient: () => "refuse" });
    const { id, person, message } = await scene(sink.port, { days: [0, 3] });
    await deliveryFor().runUntilIdle(NOW);
    expect(await message()).toMatchObject({ state: "refused", reason: "hard-bounce", replyEnhanced: "5.1.1" });
    expect(await small.status(id)).toMatchObject({ status: "Stopped", stopReason: "bounced", nextDueAt: null });
    const row = await fresh.db.selectFrom("suppressions").selectAll().where("emailKey", "=", person.emailKey).execute();
    expect(row).toMatchObject([{ scope: "everything", reason: "hard-bounce" }]);
  });

  it("a mail refused for its content fails alone: nobody is suppressed and the next step leaves", async () => {
    const sink = await sinkWith({ recipient: (_to, attempt) => (attempt === 1 ? "refuse-body" : "accept") });
    const { id } = await scene(sink.port, { days: [0, 1] });
    const delivery = deliveryFor();
    await delivery.runUntilIdle(NOW);
    await delivery.runUntilIdle(NOW.add({ hours: 24 }));
    expect((await small.messages(id)).map(({ state }) => state)).toEqual(["refused", "accepted"]);
    expect((await small.status(id)).status).toBe("Completed");
  });

  it("S17 a refused password fails no message: the account says why, its mail waits, and leaves once it is mended", async () => {
    const sink = await sinkWith({
      capabilities: ["AUTH PLAIN"],
      answer: (step, _argument, nth) =>
        step === "AUTH" ? (nth <= 3 ? "535 5.7.8 Wrong password" : "235 2.7.0 Ok") : undefined,
    });
    const { account, message } = await scene(sink.port, {
      account: { smtpUser: "ana", smtpPassword: "secret", connections: 1 },
    });
    const delivery = deliveryFor();
    await delivery.runUntilIdle(NOW);
    expect(await message()).toMatchObject({ state: "planned", attempts: 0, finishedAt: null });
    const paused = await accounts.get(fresh.db, account.id);
    expect(paused.pausedReason).toMatch(/535|password/i);
    expect(await deliveryProblems(fresh.db, { seal })).toMatchObject([{ code: "email-account-waits" }]);
    await delivery.runUntilIdle(NOW.add({ minutes: 5 }));
    expect(sink.commands.filter((line) => line.startsWith("AUTH")).length).toBeLessThanOrEqual(2);

    const later = NOW.add({ minutes: 6 });
    await accounts.update(fresh.db, account.id, { smtpPassword: "right" }, seal, actor, null, later);
    for (let tries = 0; tries < 4; tries += 1) await delivery.runUntilIdle(later.add({ minutes: 20 * tries }));
    expect((await message()).state).toBe("accepted");
    expect(await accounts.get(fresh.db, account.id)).toMatchObject({ pausedAt: null, pausedReason: null });
  });

  it("E61 a server that cannot be reached holds up its own mail alone, and gets it when it is back", async () => {
    const gone = await startSink();
    await gone.close();
    const sink = await sinkWith();
    const lost = await scene(gone.port);
    const fine = await scene(sink.port);
    const delivery = deliveryFor();
    await delivery.runUntilIdle(NOW);
    expect((await fine.message()).state).toBe("accepted");
    expect(await lost.message()).toMatchObject({ state: "planned", attempts: 0 });
    await sinkWith({ port: gone.port });
    await delivery.runUntilIdle(NOW.add({ seconds: 30 }));
    expect((await lost.message()).state).toBe("accepted");
  });

  it("without a postal address nothing leaves by a real server, and the reason is told; the mailbox takes mail all the same", async () => {
    const sink = await sinkWith();
    const { message } = await scene(sink.port);
    await small.postalAddress(null);
    const delivery = deliveryFor();
    await delivery.runUntilIdle(NOW);
    expect(sink.messages).toEqual([]);
    expect((await message()).state).toBe("planned");
    expect((await deliveryProblems(fresh.db, { seal })).map(({ code }) => code)).toContain("postal-address-missing");
    await small.postalAddress("Example Ltd");
    await delivery.runUntilIdle(NOW);
    expect((await message()).state).toBe("accepted");
  });

  it("R6 E93 a mail that was claimed does not leave once the person has unsubscribed", async () => {
    let ask: (() => boolean | Promise<boolean>) | undefined;
    const asked = Promise.withResolvers<void>();
    const answer = Promise.withResolvers<void>();
    const pool = poolThat(async (_message, hooks) => {
      ask = hooks.beforeMail;
      asked.resolve();
      await answer.promise;
      const outcome: Outcome = (await ask())
        ? { kind: "accepted", reply: { code: 250, enhanced: null, text: "" } }
        : { kind: "withdrawn", by: "beforeMail" };
      return outcome;
    });
    const { id, person, message } = await scene(1);
    const delivery = deliveryFor({ createPool: () => pool });
    await delivery.planDue(NOW);
    const sending = delivery.sendDue(NOW);
    await asked.promise;
    expect((await message()).state).toBe("claimed");
    await fresh.db.transaction().execute(async (tx) => {
      await suppress(tx, { emailKey: person.emailKey!, scope: "campaigns", reason: "unsubscribed" }, NOW);
      await emailCampaigns.end(tx, { ids: [id] }, { event: "unsubscribe" }, NOW);
    });
    answer.resolve();
    await sending;
    expect(await message()).toMatchObject({ state: "skipped", reason: "unsubscribed", attempts: 0 });
  });

  it("R4 a process that was stopped in the middle begins no body after its claim ran out; the mail is sent by whoever is there", async () => {
    const allowed: boolean[] = [];
    const pool = poolThat(async (_message, hooks) => {
      await hooks.beforeMail();
      const began = performance.now();
      allowed.push(hooks.beforeBody());
      const later = vi.spyOn(performance, "now").mockReturnValue(began + 60_000);
      allowed.push(hooks.beforeBody());
      later.mockRestore();
      return { kind: "withdrawn", by: "beforeBody" };
    });
    const sink = await sinkWith();
    const { message } = await scene(sink.port);
    const stopped = deliveryFor({ createPool: () => pool });
    await stopped.planDue(NOW);
    await stopped.sendDue(NOW);
    expect(allowed).toEqual([true, false]);
    expect(await message()).toMatchObject({ state: "deferred", reason: null, attempts: 1 });
    await deliveryFor().runUntilIdle(NOW.add({ minutes: 1 }));
    expect(await message()).toMatchObject({ state: "accepted", attempts: 2 });
    expect(sink.messages).toHaveLength(1);
  });

  it("a paused Email Campaign parks its mail; resumed it leaves, cancelled it is skipped", async () => {
    const sink = await sinkWith();
    const [goesOn, ends] = [await scene(sink.port), await scene(sink.port)];
    const delivery = deliveryFor();
    await delivery.planDue(NOW);
    for (const { id } of [goesOn, ends]) await emailCampaigns.pause(fresh.db, id, actor, NOW);
    await delivery.runUntilIdle(NOW.add({ minutes: 1 }));
    expect(await goesOn.message()).toMatchObject({ state: "planned", reason: "paused", nextAttemptAt: null });

    await emailCampaigns.resume(fresh.db, goesOn.id, actor, NOW.add({ hours: 1 }));
    await emailCampaigns.cancel(fresh.db, ends.id, actor, NOW.add({ hours: 1 }));
    await delivery.runUntilIdle(NOW.add({ hours: 1 }));
    expect((await goesOn.message()).state).toBe("accepted");
    expect(await ends.message()).toMatchObject({ state: "skipped", reason: "cancelled" });
    expect(sink.messages).toHaveLength(1);
  });

  it("a message that waited longer than its step allows is skipped as expired", async () => {
    const gone = await startSink();
    await gone.close();
    const { message } = await scene(gone.port);
    const delivery = deliveryFor();
    await delivery.runUntilIdle(NOW);
    await delivery.runUntilIdle(NOW.add({ hours: 24 * 8 }));
    expect(await message()).toMatchObject({ state: "skipped", reason: "expired" });
  });

  it("R4 a worker that slept past its lease sends nothing and writes nothing; the message leaves once, by another", async () => {
    const sleeping = Promise.withResolvers<void>();
    const reached = Promise.withResolvers<void>();
    let zombieAsked: boolean | undefined;
    const zombiePool = poolThat(async (_message, hooks) => {
      reached.resolve();
      await sleeping.promise;
      zombieAsked = await hooks.beforeMail();
      const outcome: Outcome = zombieAsked
        ? { kind: "refused", stage: "body", reply: { code: 554, enhanced: null, text: "no" }, text: "" }
        : { kind: "withdrawn", by: "beforeMail" };
      return outcome;
    });
    const sink = await sinkWith();
    const { message } = await scene(sink.port);
    const zombie = deliveryFor({ createPool: () => zombiePool });
    await zombie.planDue(NOW);
    const sleepy = zombie.sendDue(NOW);
    await reached.promise;
    await deliveryFor().runUntilIdle(NOW.add({ seconds: 61 }));
    expect((await message()).state).toBe("accepted");
    sleeping.resolve();
    await sleepy;
    expect(zombieAsked).toBe(false);
    expect(await message()).toMatchObject({ state: "accepted", attempts: 1 });
    expect(sink.messages).toHaveLength(1);
  });

  it("R2 E109 a mail that was in DATA when its worker died is sent again byte for byte, under the same Message-ID", async () => {
    const died = Promise.withResolvers<Outcome>();
    const inData = Promise.withResolvers<Buffer>();
    const dyingPool = poolThat(async (message, hooks) => {
      await hooks.beforeMail();
      inData.resolve(Buffer.from(message.data));
      const outcome = await died.promise;
      return outcome;
    });
    const sink = await sinkWith();
    const { campaign, person, message } = await scene(sink.port);
    const dying = small.delivery({ createPool: () => dyingPool });
    await dying.planDue(NOW);
    const never = dying.sendDue(NOW);
    const first = await inData.promise;
    const begun = await message();
    expect(begun.state).toBe("in_data");
    await small.version(campaign.steps[0]!.emailTemplateId, { subject: "Edited" });
    await small.change(person.id, { firstName: "Bea", email: "elsewhere@example.org" }, NOW);

    await deliveryFor().runUntilIdle(NOW.add({ seconds: 61 }));
    expect(sink.messages[0]!.data.equals(first)).toBe(true);
    expect(sink.messages[0]!.to).toBe(person.email);
    expect(await message()).toMatchObject({ state: "accepted", attempts: 2, messageId: begun.messageId });
    died.resolve({ kind: "accepted", reply: { code: 250, enhanced: null, text: "too late" } });
    await never;
    expect((await message()).replyText).not.toBe("too late");
  });

  it("E109 an account that holds what is in doubt does not send it twice", async () => {
    const sink = await sinkWith({ recipient: () => "drop-body" });
    const { message } = await scene(sink.port, { account: { holdUnknown: true } });
    const delivery = deliveryFor();
    await delivery.runUntilIdle(NOW);
    await delivery.runUntilIdle(NOW.add({ hours: 24 }));
    expect(await message()).toMatchObject({ state: "unknown", reason: "in-doubt", attempts: 1 });
    expect((await deliveryProblems(fresh.db, { seal })).map(({ code }) => code)).toContain("messages-in-doubt");

    const before = await message();
    await resolveDoubt(fresh.db, before.id, "send-again", actor, NOW.add({ hours: 25 }));
    await delivery.runUntilIdle(NOW.add({ hours: 25 }));
    expect(await message()).toMatchObject({ state: "unknown", attempts: 2, messageId: before.messageId });
    await resolveDoubt(fresh.db, before.id, "arrived", actor, NOW.add({ hours: 26 }));
    expect((await message()).state).toBe("accepted");
    expect((await small.status(before.emailCampaignId)).status).toBe("Completed");
    await expect(resolveDoubt(fresh.db, before.id, "arrived", actor, NOW)).rejects.toThrow("not in doubt");
  });

  it("two processes send every message once", async () => {
    const sink = await sinkWith();
    const account = await small.account(sink.port);
    const sender = await small.sender({ emailAccountId: account.id });
    const campaign = await small.campaign();
    const people: string[] = [];
    for (let count = 0; count < 150; count += 1) {
      const person = await small.person();
      people.push(person.email!);
      await small.start(campaign.id, person.id, NOW, { senderId: sender.id });
    }
    const [one, other] = [deliveryFor(), deliveryFor()];
    await Promise.all([one.runUntilIdle(NOW), other.runUntilIdle(NOW)]);
    await one.runUntilIdle(NOW.add({ seconds: 5 }));
    expect(sink.messages.map(({ to }) => to).sort()).toEqual(people.sort());
  });

  it("a worker that is told to stop gives back what it only claimed", async () => {
    const { message } = await scene(1);
    const reached = Promise.withResolvers<void>();
    const closing = Promise.withResolvers<Outcome>();
    const delivery = small.delivery({
      createPool: () => ({
        ...poolThat(async () => {
          reached.resolve();
          return closing.promise;
        }),
        close: async () => closing.resolve({ kind: "withdrawn", by: "close" }),
      }),
    });
    await delivery.planDue(NOW);
    const sending = delivery.sendDue(NOW);
    await reached.promise;
    await delivery.drain(1000);
    await sending;
    expect(await message()).toMatchObject({ state: "planned", claimedBy: null, attempts: 0 });
  });
});

describe("the mailbox", () => {
  it("takes everything where there is no server, as the exact bytes, and a mail handed over twice is kept once", async () => {
    await fresh.db.updateTable("emailAccounts").set({ isDefault: false }).execute();
    const campaign = await small.campaign();
    const person = await small.person();
    const id = await small.start(campaign.id, person.id, NOW);
    await deliveryFor().runUntilIdle(NOW);
    const [message] = await small.messages(id);
    const kept = await small.mailbox(person.email!);
    expect(kept).toHaveLength(1);
    expect(kept[0]).toMatchObject({ messageId: message!.id, subject: "Hello Ana" });
    expect(kept[0]!.bytes.equals((await bytesOf(fresh.db, message!.id))!)).toBe(true);

    await fresh.db
      .updateTable("messages")
      .set({ state: "in_data", claimedUntil: NOW, finishedAt: null })
      .where("id", "=", message!.id)
      .execute();
    await deliveryFor().runUntilIdle(NOW.add({ hours: 1 }));
    expect((await small.messages(id))[0]).toMatchObject({ state: "accepted", messageId: message!.messageId });
    expect(await small.mailbox(person.email!)).toHaveLength(1);
  });
});
