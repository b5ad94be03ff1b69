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
    [550, "5.1.1", "Sender address rejected", "mail", "address", false],
  ];
  for (const [code, enhanced, text, stage, about, hard] of table)
    expect(classifyReply({ code, enhanced, text }, stage), text).toEqual({
      kind: code >= 500 ? "permanent" : "temporary",
      about,
      hard,
    });
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
