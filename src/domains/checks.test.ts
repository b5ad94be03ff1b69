/** What is said about a domain's DNS: each way to be wrong has its finding and a way out. */
import { describe, expect, it } from "vitest";
import type { DomainCheck } from "../db/tables.ts";
import { checkDomain, type Use } from "./checks.ts";
import { recordsOf } from "./records.ts";
import { DnsTrouble, type Resolver } from "./resolver.ts";
import { evaluateSpf } from "./spf.ts";
import type { Key } from "./store.ts";

const AT = Temporal.Instant.from("2026-12-01T09:00:00Z");
const KEY: Key = {
  id: 7,
  selector: "t1r",
  algorithm: "rsa-sha256",
  state: "signing",
  publicKey: "MIIB".repeat(98),
  publishedAt: null,
  createdAt: AT,
};
const DOMAIN = { domain: "example.com", mode: "sign" as const, keys: [KEY] };
const USE: Use = { from: "ana@example.com", returnPath: "bounces@example.com", host: "smtp.example.com" };

type Zone = Record<string, readonly string[]>;
/** Records as `TXT name`, `MX name`, `A name`, `PTR address`; `trouble` answers nothing. */
const resolverOf = (zone: Zone): Resolver => {
  const ask = async (kind: string, name: string) => {
    const found = zone[`${kind} ${name}`] ?? [];
    if (found[0] === "trouble") throw new DnsTrouble(name, "ETIMEOUT");
    return found;
  };
  return {
    txt: (name) => ask("TXT", name),
    mx: async (name) =>
      (await ask("MX", name)).map((line) => {
        const [priority = "", exchange = ""] = line.split(" ");
        return { priority: Number(priority), exchange };
      }),
    addresses: (host) => (/^[\d.]+$|:/.test(host) ? Promise.resolve([host]) : ask("A", host)),
    names: (address) => ask("PTR", address),
  };
};

const RIGHT: Zone = {
  "TXT t1r._domainkey.example.com": [`v=DKIM1; k=rsa; p=${KEY.publicKey}`],
  "TXT example.com": ["v=spf1 include:spf.provider.example -all", "some-verification=1"],
  "TXT spf.provider.example": ["v=spf1 ip4:198.51.100.0/24 ip6:2001:db8::/32 ~all"],
  "TXT _dmarc.example.com": ["v=DMARC1; p=quarantine"],
  "MX example.com": ["20 mx2.example.com", "10 mx.example.com"],
  "A mx.example.com": ["198.51.100.9"],
  "A smtp.example.com": ["198.51.100.7"],
  "PTR 198.51.100.7": ["smtp.example.com"],
};

async function look(zone: Zone, more: { domain?: object; uses?: readonly Use[] } = {}) {
  return checkDomain(resolverOf({ ...RIGHT, ...zone }), { ...DOMAIN, ...more.domain }, more.uses ?? [USE]);
}

async function one(check: DomainCheck["check"], zone: Zone, more: { domain?: object; uses?: readonly Use[] } = {}) {
  const { checks } = await look(zone, more);
  const found = checks.filter((each) => each.check === check);
  expect(found).toHaveLength(1);
  return found[0]!;
}

describe("a check of a sending domain", () => {
  it("is content when DKIM, SPF, DMARC, alignment, MX and PTR are right, and names the published key", async () => {
    const { checks, published } = await look({});
    expect(checks.map(({ check, ok, todo }) => [check, ok, todo])).toEqual([
      ["dkim", true, null],
      ["spf", true, null],
      ["dmarc", true, null],
      ["alignment", true, null],
      ["mx", true, null],
      ["ptr", true, null],
    ]);
    expect(published).toEqual([7]);
  });

  it.each([
    ["is missing", [], /no record/],
    ["holds another key", ["v=DKIM1; k=rsa; p=AAAA"], /another key/],
    ["says another kind", [`v=DKIM1; k=ed25519; p=${KEY.publicKey}`], /another key/],
    ["is revoked", ["v=DKIM1; p="], /revoked/],
    ["is in test mode", [`v=DKIM1; t=y; p=${KEY.publicKey}`], /test mode/],
    ["is no list of tags", ["hello"], /no DKIM key/],
    ["stands twice", [`p=${KEY.publicKey}`, "p=AAAA"], /2 TXT records/],
    ["allows another hash only", [`v=DKIM1; h=sha1; p=${KEY.publicKey}`], /SHA-256/],
  ])("a DKIM record that %s is wrong, and what to publish is said", async (_what, records, text) => {
    const zone = { "TXT t1r._domainkey.example.com": records };
    const found = await one("dkim", zone);
    expect(found.ok).toBe(false);
    expect(found.text).toMatch(text);
    expect(found.todo).not.toBeNull();
    expect((await look(zone)).published).toEqual([]);
  });

  it("a DKIM record is right however the name server cut or spaced it, and without its optional tags", async () => {
    for (const record of [`p=${KEY.publicKey}`, `k=rsa; p=${KEY.publicKey.slice(0, 200)} ${KEY.publicKey.slice(200)};`])
      expect(await one("dkim", { "TXT t1r._domainkey.example.com": [record] })).toMatchObject({ ok: true });
  });

  it("a new or retired key whose record is missing is no fault", async () => {
    const keys = [KEY, { ...KEY, id: 8, selector: "t2r", state: "new" as const }];
    const { checks, published } = await look({}, { domain: { keys } });
    expect(checks.filter(({ check }) => check === "dkim").map(({ ok }) => ok)).toEqual([true, null]);
    expect(published).toEqual([7]);
  });

  it.each([
    ["missing", ["other"], false, /no SPF record/],
    ["double", ["v=spf1 -all", "v=spf1 ~all"], false, /void.*2 SPF records/],
    ["open to everybody", ["v=spf1 +all"], false, /everybody/],
    ["misspelt", ["v=spf1 ipv4:1.2.3.4 -all"], false, /no term of SPF/],
    ["one with a broken network", ["v=spf1 ip4:1.2.3.400 -all"], false, /no address/],
    ["one that includes nothing", ["v=spf1 include:nothing.example -all"], false, /has no SPF record/],
    ["well formed and silent about our server", ["v=spf1 ip4:192.0.2.1 -all"], null, /does not name/],
    ["one with macros", ["v=spf1 exists:%{i}.spf.example.com -all"], null, /does not name/],
  ])("an SPF record that is %s", async (_what, records, ok, text) => {
    const found = await one("spf", { "TXT example.com": records });
    expect(found).toMatchObject({ ok });
    expect(found.text).toMatch(text);
    expect(found.todo).not.toBeNull();
  });

  it("SPF is asked of the return path's domain, which receivers ask too", async () => {
    const uses = [{ ...USE, returnPath: "b@bounces.example.net" }];
    const { checks } = await look({ "TXT bounces.example.net": ["v=spf1 a:smtp.example.com -all"] }, { uses });
    expect(checks.find(({ check }) => check === "spf")).toMatchObject({ ok: true });
  });

  it("a DMARC record is found at the domain above, with its sp", async () => {
    const domain = { domain: "news.example.com" };
    const zone = {
      "TXT t1r._domainkey.news.example.com": RIGHT["TXT t1r._domainkey.example.com"]!,
      "TXT _dmarc.example.com": ["v=DMARC1; p=reject; sp=none"],
      "MX news.example.com": ["10 mx.example.com"],
    };
    const found = await one("dmarc", zone, { domain, uses: [{ ...USE, from: "ana@news.example.com" }] });
    expect(found).toMatchObject({ ok: true });
    expect(found.text).toMatch(/nothing yet/);
  });

  it.each([
    ["missing", [], /no DMARC record/],
    ["double", ["v=DMARC1; p=none", "v=DMARC1; p=reject"], /2 DMARC records/],
    ["without policy", ["v=DMARC1; rua=mailto:a@example.com"], /cannot be read/],
  ])("a DMARC record that is %s is wrong", async (_what, records, text) => {
    const found = await one("dmarc", { "TXT _dmarc.example.com": records });
    expect(found).toMatchObject({ ok: false });
    expect(found.text).toMatch(text);
    expect(found.todo).not.toBeNull();
  });

  it.each([
    ["signed by us, bounces elsewhere", "sign", "ana@example.com", "b@provider.example", "", true],
    ["signed by us, from below the domain", "sign", "ana@news.example.com", "b@provider.example", "", true],
    ["strict, from below the domain", "sign", "ana@news.example.com", "b@provider.example", "; adkim=s", false],
    ["unsigned, bounces with us", "off", "ana@example.com", "b@example.com", "", false],
    ["unsigned, bounces elsewhere", "off", "ana@example.com", "b@provider.example", "", false],
    ["signed by the relay", "relay-signs", "ana@example.com", "b@provider.example", "", null],
  ])("alignment of mail that is %s", async (_what, mode, from, returnPath, tags, ok) => {
    const zone = {
      "TXT _dmarc.example.com": [`v=DMARC1; p=none${tags}`],
      "TXT provider.example": ["v=spf1 -all"],
      "MX provider.example": ["10 mx.example.com"],
    };
    expect(await one("alignment", zone, { domain: { mode }, uses: [{ ...USE, from, returnPath }] })).toMatchObject({
      ok,
    });
  });

  it("a domain that takes no mail, or whose servers have no address, loses answers and bounces", async () => {
    expect(await one("mx", { "MX example.com": ["0 ."] })).toMatchObject({ ok: false });
    expect(await one("mx", { "MX example.com": [] })).toMatchObject({ ok: false });
    expect(await one("mx", { "MX example.com": ["10 gone.example.com"] })).toMatchObject({ ok: false });
    expect(await one("mx", { "MX example.com": [], "A example.com": ["198.51.100.1"] })).toMatchObject({ ok: true });
  });

  it("the sending host's name must lead back to its address", async () => {
    expect(await one("ptr", { "PTR 198.51.100.7": [] })).toMatchObject({ ok: false });
    expect(await one("ptr", { "PTR 198.51.100.7": ["other.example.net"] })).toMatchObject({ ok: false });
  });

  it("of a relay on this machine nothing is said about the address that the world sees", async () => {
    const uses = [{ ...USE, host: "127.0.0.1" }];
    expect(await one("ptr", {}, { uses })).toMatchObject({ ok: null });
    expect(await one("spf", {}, { uses })).toMatchObject({ ok: true });
  });

  it("a name server that does not answer makes a question open, not wrong, and stops no other", async () => {
    const { checks } = await look({
      "TXT t1r._domainkey.example.com": ["trouble"],
      "TXT example.com": ["trouble"],
      "MX example.com": ["trouble"],
    });
    expect(checks.map(({ check, ok }) => [check, ok])).toEqual([
      ["dkim", null],
      ["spf", null],
      ["dmarc", true],
      ["alignment", true],
      ["mx", null],
      ["ptr", true],
    ]);
    expect(checks[0]!.text).toMatch(/did not say/);
  });
});

describe("SPF", () => {
  const spf = (zone: Zone, address: string) => evaluateSpf(resolverOf(zone), "d.example", address);

  it.each([
    ["v=spf1 ip4:192.0.2.0/24 -all", "192.0.2.9", "pass"],
    ["v=spf1 ip4:192.0.2.0/24 -all", "192.0.3.9", "fail"],
    ["v=spf1 ip6:2001:db8::/32 ~all", "2001:db8::5", "pass"],
    ["v=spf1 ip6:2001:db8::/32 ~all", "2001:db9::5", "softfail"],
    ["v=spf1 a -all", "192.0.2.1", "pass"],
    ["v=spf1 a/28 -all", "192.0.2.14", "pass"],
    ["v=spf1 mx:m.example ?all", "192.0.2.2", "pass"],
    ["v=spf1 mx:m.example ?all", "192.0.2.3", "neutral"],
    ["v=spf1 -ip4:192.0.2.5 +all", "192.0.2.5", "fail"],
    ["v=spf1 include:i.example -all", "192.0.2.77", "pass"],
    ["v=spf1 include:i.example -all", "192.0.2.78", "fail"],
    ["v=spf1 redirect=i.example", "192.0.2.77", "pass"],
    ["v=spf1 redirect=i.example", "192.0.2.78", "softfail"],
    ["v=spf1", "192.0.2.78", "neutral"],
    ["v=spf10 -all", "192.0.2.78", "none"],
  ])("“%s” and %s give %s", async (record, address, result) => {
    const zone = {
      "TXT d.example": [record],
      "TXT i.example": ["v=spf1 ip4:192.0.2.77 ~all"],
      "A d.example": ["192.0.2.1"],
      "MX m.example": ["10 mx.m.example"],
      "A mx.m.example": ["192.0.2.2"],
    };
    expect((await spf(zone, address)).result).toBe(result);
  });

  it("ends after ten look-ups, also where records include each other", async () => {
    const found = await spf({ "TXT d.example": ["v=spf1 include:d.example -all"] }, "192.0.2.1");
    expect(found).toMatchObject({ result: "permerror" });
    expect(found.why).toMatch(/more than 10/);
  });
});

describe("the records to publish", () => {
  it("hold the key in strings of at most 255 octets, which joined are the value", () => {
    const [dkim, dmarc] = recordsOf(DOMAIN);
    expect(dkim).toMatchObject({ name: "t1r._domainkey.example.com", type: "TXT", keyId: 7 });
    expect(dkim!.strings.length).toBe(2);
    expect(dkim!.strings.every((text) => text.length <= 255)).toBe(true);
    expect(dkim!.strings.join("")).toBe(dkim!.value);
    expect(dkim!.zone).toMatch(/^t1r\._domainkey\.example\.com\. IN TXT \( "v=DKIM1; k=rsa; p=[^"]+" "[^"]+" \)$/);
    expect(dmarc).toMatchObject({ name: "_dmarc.example.com", value: "v=DMARC1; p=none" });
  });
});
