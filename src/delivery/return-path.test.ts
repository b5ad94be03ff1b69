import { afterAll, afterEach, beforeAll, expect, it } from "vitest";
import { type FreshDatabase, freshDatabase } from "../../test/database.ts";
import { startSink } from "../../test/smtp-sink.ts";
import { actor, at, linkKeys, seal, type World, world } from "../../test/world.ts";
import * as receiving from "../accounts/receiving.ts";
import { verifyReturnPath } from "../core/links.ts";
import { bytesOf } from "./delivery.ts";

let fresh: FreshDatabase;
let small: World;
const open: { close(): Promise<unknown> }[] = [];
const NOW = at("2026-03-01");

beforeAll(async () => {
  fresh = await freshDatabase();
  small = world(fresh.db, fresh.database.batches);
  await small.postalAddress("Example Ltd, 1 Example Street, Lisbon");
});
afterEach(async () => {
  for (const one of open.splice(0).reverse()) await one.close();
});
afterAll(() => fresh.close());

/** Sends one mail through an account with these settings, deferred once. */
async function sentWith(edit: receiving.ReceivingInput, email = "marta@example.com") {
  const sink = await startSink({ recipient: (_to, attempt) => (attempt === 1 ? "defer" : "accept") });
  open.push(sink);
  const account = await small.account(sink.port, { email });
  await receiving.update(fresh.db, account.id, edit, seal, actor, null, NOW);
  const sender = await small.sender({ email: `ana${account.id}@example.com`, emailAccountId: account.id });
  const person = await small.person();
  const id = await small.start((await small.campaign()).id, person.id, NOW, { senderId: sender.id });
  const delivery = small.delivery();
  open.push({ close: () => delivery.drain(100) });
  await delivery.runUntilIdle(NOW);
  await delivery.runUntilIdle(NOW.add({ hours: 2 }));
  const [message] = await small.messages(id);
  const froms = sink.commands.filter((line) => line.startsWith("MAIL")).map((line) => /<([^>]*)>/.exec(line)![1]!);
  return { message: message!, froms, mail: sink.messages[0]!, bytes: await bytesOf(fresh.db, message!.id) };
}

const localPart = (address: string) => address.slice(0, address.lastIndexOf("@"));

it("with a bounce domain every mail leaves with an address of its own, the same at every attempt", async () => {
  const { message, froms, mail, bytes } = await sentWith({ bounceDomain: "bounces.example.com" });
  expect(froms).toHaveLength(2);
  expect(new Set(froms).size).toBe(1);
  expect(froms[0]).toMatch(/^b-[0-9a-z]+-[a-z2-7]{26}@bounces\.example\.com$/);
  expect(verifyReturnPath(linkKeys, localPart(froms[0]!))).toBe(message.id);
  expect(bytes?.equals(mail.data)).toBe(true);
  expect(mail.data.toString()).toContain(`<mailto:${froms[0]}?subject=unsubscribe%20`);
});

it("with plus addressing mail bounces to the account's own mailbox", async () => {
  const { message, froms, bytes, mail } = await sentWith({ plusAddressing: true }, "news@example.com");
  expect(froms[0]).toMatch(/^news\+b-[0-9a-z]+-[a-z2-7]{26}@example\.com$/);
  expect(verifyReturnPath(linkKeys, localPart(froms[0]!))).toBe(message.id);
  expect(bytes?.equals(mail.data)).toBe(true);
});

it("an address too long for a token stays as it is, and without either setting the account's address is used", async () => {
  const long = `${"marta".repeat(9)}@example.com`;
  expect((await sentWith({ plusAddressing: true }, long)).froms[0]).toBe(long);
  expect((await sentWith({})).froms[0]).toBe("marta@example.com");
});
