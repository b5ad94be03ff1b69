import { expect, it } from "vitest";
import { nextAttempt } from "./backoff.ts";
import { classifyReply } from "./bounce.ts";

type Stage = Parameters<typeof classifyReply>[1];

it("only an address that is dead is hard; policy, spam and full mailboxes are not", () => {
  const table: [code: number, enhanced: string | null, text: string, stage: Stage, about: string, hard: boolean][] = [
    [550, "5.1.1", "The email account that you tried to reach does not exist", "rcpt", "address", true],
    [550, null, "No such user here", "rcpt", "address", true],
    [550, null, "Requested action not taken: mailbox unavailable", "rcpt", "other", false],
    [553, "5.1.3", "Bad destination mailbox address syntax", "rcpt", "address", true],
    [550, "5.2.1", "The account is disabled", "rcpt", "address", true],
    [552, "5.2.2", "Mailbox full", "rcpt", "mailbox-full", false],
    [550, "5.7.1", "Message rejected as spam", "body", "policy", false],
    [550, "5.7.515", "Access denied, sending domain does not meet the requirements", "body", "policy", false],
    [550, "5.7.26", "Unauthenticated mail is not accepted: DMARC policy", "body", "policy", false],
    [554, null, "Your address is on our blocklist", "rcpt", "policy", false],
    [451, "4.7.1", "Greylisted, try again later", "rcpt", "policy", false],
    [450, "4.1.1", "User unknown, try again", "rcpt", "address", false],
    [552, "5.3.4", "Message size exceeds fixed limit", "mail", "content", false],
    [535, "5.7.8", "Authentication credentials invalid", "auth", "account", false],
    [421, "4.3.2", "Service shutting down", "mail", "account", false],
    [550, "5.1.1", "Sender address rejected", "mail", "policy", false],
    [554, null, "This user doesn't have a example.com account", "rcpt", "address", true],
    [550, "5.1.0", "Address rejected", "rcpt", "other", false],
    [550, "5.2.1", "The user is receiving mail at a rate that prevents additional messages", "rcpt", "policy", false],
  ];
  for (const [code, enhanced, text, stage, about, hard] of table)
    expect(classifyReply({ code, enhanced, text }, stage), text).toEqual({
      kind: code >= 500 ? "permanent" : "temporary",
      about,
      hard,
    });
});

it("what is wrong with the sender is never held against the recipient, at whatever stage a server says it", () => {
  // Postfix keeps its verdict on the sender until RCPT (smtpd_delay_reject).
  const replies: [enhanced: string | null, text: string][] = [
    ["5.1.8", "<us@ours.example>: Sender address rejected: Domain not found"],
    ["5.1.7", "<us@ours.example>: Sender address rejected: undeliverable address: User unknown"],
    ["5.1.0", "<0100@relay.example> sender rejected. See our pages"],
    [null, "Sender address does not exist"],
    [null, "Sender verify failed"],
    [null, "Mail from address unknown"],
    ["5.7.1", "Your account has been disabled"],
  ];
  for (const [enhanced, text] of replies)
    for (const stage of ["mail", "rcpt", "data", "body"] as const)
      expect(classifyReply({ code: 550, enhanced, text }, stage), text).toMatchObject({ about: "policy", hard: false });
});

it("how an address is spelled does not decide what a reply that repeats it means", () => {
  for (const address of ["account@invalid.example", "user@unknown.example", "unknown.user@example.com"])
    expect(classifyReply({ code: 550, enhanced: "5.7.1", text: `<${address}>: blocked` }, "rcpt").hard).toBe(false);
  const dead = { code: 550, enhanced: "5.1.1", text: "<sender@example.com>: User unknown in virtual mailbox table" };
  expect(classifyReply(dead, "rcpt").hard).toBe(true);
});

it("E57, E108 a delivery is tried again with growing pauses and given up after five days", () => {
  const firstAt = Temporal.Instant.from("2026-12-01T09:00:00Z");
  const minutes: number[] = [];
  let now = firstAt;
  for (let attempts = 1; attempts < 100; attempts += 1) {
    const next = nextAttempt(attempts, firstAt, 0.5, now);
    if (next === "give-up") break;
    minutes.push(next.since(now).total("minutes"));
    now = next;
  }
  expect(minutes.slice(0, 6)).toEqual([15, 30, 60, 120, 240, 240]);
  expect(now.since(firstAt).total("hours")).toBeGreaterThan(4 * 24);
  expect(now.since(firstAt).total("hours")).toBeLessThanOrEqual(5 * 24);
});

it("attempts of many messages are spread, so that a restart does not retry them all at once", () => {
  const at = Temporal.Instant.from("2026-12-01T09:00:00Z");
  const delays = [0, 0.5, 1].map((random) =>
    (nextAttempt(1, at, random, at) as Temporal.Instant).since(at).total("minutes"),
  );
  expect(delays).toEqual([12, 15, 18]);
});
