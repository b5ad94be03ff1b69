/** Evaluates an SPF record for one address as a receiver would (RFC 7208). Macros are not expanded: the answer is then unknown. */
import { BlockList, isIPv6 } from "node:net";
import type { Resolver } from "./resolver.ts";

export type SpfResult = {
  readonly result: "pass" | "fail" | "softfail" | "neutral" | "none" | "permerror" | "unknown";
  /** The record of the domain that was asked about. */
  readonly record: string | null;
  /** Why it is a permerror. */
  readonly why: string | null;
};

/** RFC 7208 4.6.4: terms that ask a name server, in all records together. */
const MOST_LOOKUPS = 10;
/** Names of one `mx`. */
const MOST_NAMES = 10;

class PermanentError extends Error {}
class Unknown extends Error {}

type Match = "pass" | "fail" | "softfail" | "neutral";
const QUALIFIERS: Readonly<Record<string, Match>> = { "+": "pass", "-": "fail", "~": "softfail", "?": "neutral" };

/** @param address null: only the record's form and its number of look-ups are tried, along every include. */
export async function evaluateSpf(resolver: Resolver, domain: string, address: string | null): Promise<SpfResult> {
  let lookups = 0;
  let record: string | null = null;

  function count(term: string): void {
    lookups += 1;
    if (lookups > MOST_LOOKUPS)
      throw new PermanentError(`It needs more than ${MOST_LOOKUPS} look-ups (at “${term}”), and receivers stop there.`);
  }

  async function evaluate(name: string, top: boolean): Promise<Match | "none"> {
    const records = (await resolver.txt(name)).filter((text) => /^v=spf1(?: |$)/i.test(text));
    if (records.length > 1) throw new PermanentError(`${name} has ${records.length} SPF records; one is allowed.`);
    const [text] = records;
    if (text === undefined) return "none";
    if (top) record = text;
    let redirect: string | undefined;
    for (const term of text.split(/ +/).slice(1)) {
      if (term === "") continue;
      const modifier = /^([A-Za-z][\w.-]*)=(.*)$/.exec(term);
      if (modifier) {
        if (modifier[1]?.toLowerCase() === "redirect") redirect = modifier[2];
        continue;
      }
      const [, qualifier = "", mechanism = "", value = "", prefix = ""] =
        /^([+?~-]?)([A-Za-z0-9]+)(?::([^/]+))?((?:\/\d+)?(?:\/\/\d+)?)$/.exec(term) ?? [];
      if (mechanism === "") throw new PermanentError(`“${term}” is no term of SPF.`);
      if (await matches(mechanism.toLowerCase(), value, prefix, name, term)) return QUALIFIERS[qualifier] ?? "pass";
    }
    if (redirect === undefined) return "neutral";
    count(`redirect=${redirect}`);
    if (redirect.includes("%")) throw new Unknown();
    const there = await evaluate(redirect, false);
    if (there === "none") throw new PermanentError(`${redirect}, where it redirects to, has no SPF record.`);
    return there;
  }

  async function matches(
    mechanism: string,
    value: string,
    prefix: string,
    name: string,
    term: string,
  ): Promise<boolean> {
    const host = value === "" ? name : value;
    if (["include", "a", "mx", "ptr", "exists"].includes(mechanism)) count(term);
    if (value.includes("%")) throw new Unknown();
    switch (mechanism) {
      case "all":
        return address !== null;
      case "ip4":
      case "ip6": {
        const within = isWithin(address ?? "::", value, prefix, term);
        return address !== null && within;
      }
      case "include": {
        if (value === "") throw new PermanentError(`“${term}” names no domain.`);
        const there = await evaluate(value, false);
        if (there === "none") throw new PermanentError(`${value}, which it includes, has no SPF record.`);
        return address !== null && there === "pass";
      }
      case "a":
        return address !== null && anyWithin(address, await resolver.addresses(host), prefix);
      case "mx": {
        if (address === null) return false;
        const exchanges = (await resolver.mx(host)).slice(0, MOST_NAMES);
        const found = await Promise.all(exchanges.map(({ exchange }) => resolver.addresses(exchange)));
        return anyWithin(address, found.flat(), prefix);
      }
      case "exists":
        return (await resolver.addresses(host)).length > 0 && address !== null;
      case "ptr":
        // RFC 7208 5.5: not to be used; large receivers pass over it, and so do we.
        return false;
      default:
        throw new PermanentError(`“${term}” is no term of SPF.`);
    }
  }

  try {
    const result = await evaluate(domain, true);
    return { result, record, why: null };
  } catch (error) {
    if (error instanceof PermanentError) return { result: "permerror", record, why: error.message };
    if (error instanceof Unknown) return { result: "unknown", record, why: null };
    throw error;
  }
}

function anyWithin(address: string, found: readonly string[], prefix: string): boolean {
  return found.some((one) => isWithin(address, one, prefix, one));
}

/** @param prefix `/24`, `//64`, `/24//64` or nothing. */
function isWithin(address: string, network: string, prefix: string, term: string): boolean {
  const [, four, six] = /^(?:\/(\d+))?(?:\/\/(\d+))?$/.exec(prefix) ?? [];
  const kind = isIPv6(network) ? "ipv6" : "ipv4";
  // An ip6: term writes its length with one slash.
  const length = Number(kind === "ipv4" ? (four ?? 32) : (six ?? four ?? 128));
  const list = new BlockList();
  try {
    list.addSubnet(network, length, kind);
  } catch {
    throw new PermanentError(`“${term}” holds no address of a network.`);
  }
  return (isIPv6(address) ? "ipv6" : "ipv4") === kind && list.check(address, kind);
}
