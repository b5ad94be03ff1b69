import { describe, expect, it } from "vitest";
import { at } from "../../test/world.ts";
import type { Outcome, Stage } from "../mail/smtp.ts";
import { judge } from "./judge.ts";

const NOW = at("2026-03-01");
const FIRST = { attempts: 1, firstAttemptAt: NOW, holdUnknown: false };

const refused = (
  stage: Stage,
  code: number | null,
  text = "",
  enhanced: string | null = null,
): Outcome & { kind: "refused" } => ({
  kind: "refused",
  stage,
  reply: code === null ? null : { code, enhanced, text },
  text,
});
const check = (outcome: Exclude<Outcome, { kind: "withdrawn" }>, attempted = FIRST, now = NOW) =>
  judge(outcome, attempted, 0.5, now);

describe("what an outcome means", () => {
  it("an accepted message is sent, with the server's words", () => {
    const reply = { code: 250, enhanced: "2.0.0", text: "2.0.0 queued" };
    expect(check({ kind: "accepted", reply })).toMatchObject({ state: "accepted", reply, nextAttemptAt: null });
  });

  it("E57 E108 a temporary refusal is tried again later, and after five days it is given up", () => {
    expect(check(refused("rcpt", 450))).toMatchObject({ state: "deferred", nextAttemptAt: at("2026-03-01T09:15:00Z") });
    const old = { ...FIRST, attempts: 30 };
    expect(check(refused("rcpt", 450), old, at("2026-03-06"))).toMatchObject({ state: "refused", reason: "gave-up" });
  });

  it("a dead address is told from a mail that is not wanted", () => {
    const dead = check(refused("rcpt", 550, "5.1.1 No such user", "5.1.1"));
    expect(dead).toMatchObject({ state: "refused", reason: "hard-bounce" });
    const policy = check(refused("body", 554, "5.7.1 blocked as spam", "5.7.1"));
    expect(policy).toMatchObject({ state: "refused", reason: "policy" });
  });

  it.each([
    ["connect", null, "server"],
    ["greeting", 554, "server"],
    ["starttls", 454, "server"],
    ["auth", 535, "login"],
    ["auth", 454, "server"],
    ["mail", 530, "login-or-server"],
  ] as const)("S17 trouble of the account at %s (%s) fails no message: it waits", (stage, code, kind) => {
    const result = check(refused(stage, code), { ...FIRST, attempts: 0 });
    expect(result).toMatchObject({ state: "planned", nextAttemptAt: NOW });
    expect(kind).toContain(result.trouble?.kind);
  });

  it("one address that is always answered 421 holds up nobody else", () => {
    expect(check(refused("rcpt", 421))).toMatchObject({ state: "deferred" });
    expect(check(refused("rcpt", 421)).trouble).toBeUndefined();
  });

  it("a connection that breaks before the final dot is a temporary refusal", () => {
    expect(check(refused("data", null))).toMatchObject({ state: "deferred", stage: "data", reason: null });
  });

  it("E109 a mail in doubt is sent again, or held where the account says so", () => {
    expect(check({ kind: "unknown", text: "" })).toMatchObject({ state: "deferred", reason: "in-doubt" });
    const hold = { ...FIRST, holdUnknown: true };
    expect(check({ kind: "unknown", text: "" }, hold)).toMatchObject({ state: "unknown", nextAttemptAt: null });
  });
});
