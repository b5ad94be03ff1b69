import { chmodSync, mkdtempSync, readdirSync, rmSync, statSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import fc from "fast-check";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { openSecrets, secretFile } from "./secret.ts";

const [first, second] = ["first-".repeat(8), "second-".repeat(8)];

let dataDir: string;
beforeEach(() => {
  dataDir = mkdtempSync(join(tmpdir(), "tidings-secret-"));
});
afterEach(() => rmSync(dataDir, { recursive: true }));

const secretsOf = (secret: string) => openSecrets({ secret, dataDir });

describe("the secret", () => {
  it("is made once and kept where only its owner reads it", () => {
    const sealed = openSecrets({ dataDir }).encrypt("password");
    expect(openSecrets({ dataDir }).decrypt(sealed)).toBe("password");
    expect(statSync(secretFile(dataDir)).mode & 0o777).toBe(0o600);
    expect(readdirSync(dataDir)).toEqual(["secret.key"]);
  });

  it("is closed to others again when a copy has opened it", () => {
    openSecrets({ dataDir });
    chmodSync(secretFile(dataDir), 0o644);
    openSecrets({ dataDir });
    expect(statSync(secretFile(dataDir)).mode & 0o777).toBe(0o600);
  });

  it("is not kept in a file when TIDINGS_SECRET gives it", () => {
    secretsOf(first);
    expect(readdirSync(dataDir)).toEqual([]);
  });

  it("gives each purpose keys of its own, the current secret's first", () => {
    const secrets = secretsOf(`${second}, ${first}`);
    expect(secrets.keysFor("links")).toEqual([
      ...secretsOf(second).keysFor("links"),
      ...secretsOf(first).keysFor("links"),
    ]);
    expect(secrets.keysFor("links")[0]).not.toEqual(secrets.keysFor("sessions")[0]);
    expect(secrets.keysFor("links")[0]).toHaveLength(32);
  });
});

describe("attack 37: secrets at rest", () => {
  it("any text comes back as it was, and never shows", () => {
    const secrets = secretsOf(first);
    fc.assert(
      fc.property(fc.string({ unit: "binary", minLength: 8 }), (text) => {
        const sealed = secrets.encrypt(text);
        expect(secrets.decrypt(sealed)).toBe(text);
        expect(sealed).not.toContain(text);
        expect(secrets.encrypt(text)).not.toBe(sealed);
      }),
    );
  });

  it("one changed character anywhere is noticed", () => {
    const secrets = secretsOf(first);
    const sealed = secrets.encrypt("password of the relay");
    fc.assert(
      fc.property(fc.nat({ max: sealed.length - 2 }), (at) => {
        const other = sealed[at] === "A" ? "B" : "A";
        expect(() => secrets.decrypt(sealed.slice(0, at) + other + sealed.slice(at + 1))).toThrow();
      }),
    );
    expect(() => secrets.decrypt("v1")).toThrow();
    expect(() => secrets.decrypt(sealed.slice(0, 20))).toThrow();
  });

  it("after a rotation the former secret still opens what it sealed, and one sees what to seal again", () => {
    const old = secretsOf(first).encrypt("password");
    const rotated = secretsOf(`${second},${first}`);
    expect(rotated.decrypt(old)).toBe("password");
    expect(rotated.isCurrent(old)).toBe(false);
    expect(rotated.isCurrent(rotated.encrypt("password"))).toBe(true);
  });

  it("what an unknown secret sealed is refused with what to do", () => {
    const old = secretsOf(first).encrypt("password");
    expect(() => secretsOf(second).decrypt(old)).toThrow(/Set TIDINGS_SECRET to the current secret, a comma/);
  });
});
