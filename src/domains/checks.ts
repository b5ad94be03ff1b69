/** What receivers will find in DNS about a sending domain: DKIM, SPF, DMARC, alignment, MX, PTR, each with what to do. Changes nothing. */
import { BlockList, isIP, isIPv6 } from "node:net";
import { keyRecord, tagsOf } from "../core/dkim.ts";
import type { DomainCheck } from "../db/tables.ts";
import { recordName } from "./records.ts";
import { DnsTrouble, type Resolver } from "./resolver.ts";
import { evaluateSpf } from "./spf.ts";
import type { Domain, Key } from "./store.ts";

/** An address of the domain that mail comes from, where its bounces go, and the server it is handed to. */
export type Use = { readonly from: string; readonly returnPath: string; readonly host: string | null };

type Kind = DomainCheck["check"];
type Finding = Omit<DomainCheck, "check">;
type Asked = Pick<Domain, "domain" | "mode" | "keys">;

/** @returns the findings, and the keys whose record says what it must. */
export async function checkDomain(
  resolver: Resolver,
  domain: Asked,
  uses: readonly Use[],
): Promise<{ checks: DomainCheck[]; published: number[] }> {
  const known = uses.length > 0 ? uses : [{ from: `@${domain.domain}`, returnPath: `@${domain.domain}`, host: null }];
  const returnDomains = unique(known.map(({ returnPath }) => domainOf(returnPath)));
  const hosts = unique(known.flatMap(({ host }) => (host === null ? [] : [host])));
  const published: number[] = [];
  const checks: DomainCheck[] = [];

  async function look(check: Kind, ask: () => Promise<Finding | readonly Finding[]>): Promise<void> {
    try {
      checks.push(...[await ask()].flat().map((finding) => ({ check, ...finding })));
    } catch (error) {
      if (!(error instanceof DnsTrouble)) throw error;
      checks.push({ check, ok: null, found: null, text: error.message, todo: "Check again in a while." });
    }
  }

  if (domain.mode !== "sign") await look("dkim", async () => notOurs(domain));
  for (const key of domain.keys) {
    await look("dkim", async () => {
      const finding = await lookAtKey(resolver, domain.domain, key);
      if (finding.ok) published.push(key.id);
      // Nobody needs the record of a key that does not sign.
      if (domain.mode === "sign" && key.state === "signing") return finding;
      return { ...finding, ok: finding.ok ? true : null };
    });
  }
  for (const name of returnDomains) await look("spf", () => lookAtSpf(resolver, name, hosts));
  let policy: Policy | null = null;
  await look("dmarc", async () => {
    const { finding, ...found } = await lookAtDmarc(resolver, domain.domain);
    policy = found.policy;
    return finding;
  });
  for (const use of oneOfEach(known)) await look("alignment", async () => alignment(domain, use, policy));
  for (const name of unique([...returnDomains, domain.domain])) await look("mx", () => lookAtMx(resolver, name));
  await look("ptr", () => lookAtPtr(resolver, hosts));
  return { checks, published };
}

function notOurs({ mode, domain }: Asked): Finding {
  if (mode === "relay-signs")
    return {
      ok: null,
      found: null,
      text: `The server we hand mail of ${domain} to signs it; its keys cannot be seen from here. The Authentication-Results of a mail that arrived must say dkim=pass with ${domain}.`,
      todo: null,
    };
  return {
    ok: false,
    found: null,
    text: `Mail of ${domain} is not signed.`,
    todo: "Choose “sign”, or “relay-signs” where your provider does it: large receivers refuse campaigns without DKIM.",
  };
}

async function lookAtKey(
  resolver: Resolver,
  domain: string,
  { selector, algorithm, publicKey }: Key,
): Promise<Finding> {
  const name = recordName(selector, domain);
  const wanted = keyRecord(algorithm, publicKey);
  const records = await resolver.txt(name);
  const [found] = records;
  const bad = (text: string, todo = `Publish a TXT record ${name} with: ${wanted}`): Finding => ({
    ok: false,
    found: found ?? null,
    text,
    todo,
  });
  if (found === undefined) return bad(`There is no record ${name}: receivers take the mail for unsigned.`);
  if (records.length > 1)
    return bad(`${name} has ${records.length} TXT records, and receivers read any of them.`, "Leave one.");
  const tags = tagsOf(found);
  if (!tags || (tags.has("v") && tags.get("v") !== "DKIM1"))
    return bad(`The record ${name} is no DKIM key: receivers cannot read it.`);
  const key = tags.get("p")?.replaceAll(/\s/g, "");
  if (key === "") return bad(`The record ${name} says that the key is revoked.`);
  const kind = algorithm === "rsa-sha256" ? "rsa" : "ed25519";
  if (key !== publicKey || (tags.get("k") ?? "rsa") !== kind)
    return bad(`The record ${name} holds another key: every signature fails.`);
  const hashes = tags.get("h")?.split(/\s*:\s*/);
  if (hashes && !hashes.includes("sha256")) return bad(`The record ${name} does not allow SHA-256 (h=).`);
  if (
    tags
      .get("t")
      ?.split(/\s*:\s*/)
      .includes("y")
  )
    return bad(
      `The record ${name} is in test mode (t=y): receivers treat the mail as unsigned.`,
      "Take t=y out of it.",
    );
  return { ok: true, found, text: `${name} holds our key.`, todo: null };
}

async function lookAtSpf(resolver: Resolver, domain: string, hosts: readonly string[]): Promise<Finding> {
  const form = await evaluateSpf(resolver, domain, null);
  const found = form.record;
  if (form.result === "none")
    return {
      ok: false,
      found,
      text: `${domain} has no SPF record, and bounces of our mail go there.`,
      todo: `Publish one TXT record at ${domain} that names your mail server, such as “v=spf1 include:<what your provider says> ~all”.`,
    };
  if (form.result === "permerror")
    return { ok: false, found, text: `The SPF record of ${domain} is void. ${form.why}`, todo: "Mend it." };
  if (found && / \+?all(?: |$)/i.test(found))
    return {
      ok: false,
      found,
      text: `The SPF record of ${domain} lets everybody send in its name.`,
      todo: "End it with ~all or -all.",
    };
  const addresses = await publicAddresses(resolver, hosts);
  const results = await Promise.all(
    addresses.map(async ({ host, address }) => ({ host, address, ...(await evaluateSpf(resolver, domain, address)) })),
  );
  const passed = results.find(({ result }) => result === "pass");
  if (passed) return { ok: true, found, text: `It allows ${passed.host} (${passed.address}).`, todo: null };
  const [first] = results;
  return {
    ok: first ? null : true,
    found,
    text: first
      ? `It is well formed, and does not name ${first.host} (${first.address}) by which mail leaves us.`
      : `It is well formed. By which address mail reaches the world is not known here.`,
    todo: first
      ? "Right only if that server sends on from other machines: ask its provider what SPF must include."
      : null,
  };
}

type Policy = { readonly strictDkim: boolean; readonly strictSpf: boolean };

/** The domain's own record, else the nearest above it, down to two labels (the walk of RFC 9989 without its list). */
async function lookAtDmarc(resolver: Resolver, domain: string): Promise<{ finding: Finding; policy: Policy | null }> {
  for (const name of upwards(domain)) {
    const records = (await resolver.txt(`_dmarc.${name}`)).filter((text) => /^\s*v\s*=\s*DMARC1\s*(?:;|$)/i.test(text));
    const [found] = records;
    if (found === undefined) continue;
    const where = `_dmarc.${name}`;
    if (records.length > 1)
      return none(`${where} has ${records.length} DMARC records, so that none counts.`, "Leave one.", found);
    const tags = tagsOf(found);
    const inherited = name === domain ? undefined : tags?.get("sp");
    const policy = (inherited ?? tags?.get("p"))?.toLowerCase();
    if (!tags || !policy || !["none", "quarantine", "reject"].includes(policy))
      return none(`The record ${where} cannot be read.`, "Begin with: v=DMARC1; p=none", found);
    const watches = policy === "none";
    return {
      policy: {
        strictDkim: tags.get("adkim")?.toLowerCase() === "s",
        strictSpf: tags.get("aspf")?.toLowerCase() === "s",
      },
      finding: {
        ok: true,
        found,
        text: watches
          ? `${where} asks receivers to do nothing yet (none).`
          : `${where} asks receivers to ${policy} what is not ours.`,
        todo: watches ? "When reports show that all your mail passes, go on to p=quarantine." : null,
      },
    };
  }
  return none(
    `There is no DMARC record for ${domain}: large receivers ask for one from whoever sends campaigns.`,
    `Publish a TXT record _dmarc.${domain} with: v=DMARC1; p=none`,
    null,
  );

  function none(text: string, todo: string, found: string | null) {
    return { finding: { ok: false, text, todo, found }, policy: null };
  }
}

/** DMARC passes when a passing DKIM signature or SPF result is for the domain of From (RFC 7489 3.1). */
function alignment(domain: Asked, { from, returnPath }: Use, policy: Policy | null): Finding {
  const [own, bounces] = [domainOf(from), domainOf(returnPath)];
  const signer = domain.mode === "sign" ? domain.domain : null;
  const byDkim = signer !== null && (own === signer || (!policy?.strictDkim && related(own, signer, domain.domain)));
  const bySpf = own === bounces || (!policy?.strictSpf && related(own, bounces, domain.domain));
  const found = `From ${own}, d=${signer ?? "not ours"}, return path ${bounces}`;
  if (byDkim && bySpf) return { ok: true, found, text: `DKIM and SPF both speak for ${own}.`, todo: null };
  if (byDkim)
    return {
      ok: true,
      found,
      text: `DKIM speaks for ${own}; SPF speaks for ${bounces}, which is enough while the signature stays whole.`,
      todo: null,
    };
  if (bySpf)
    return {
      ok: domain.mode === "relay-signs" ? null : false,
      found,
      text: `SPF alone speaks for ${own}: a mail that is forwarded fails DMARC.`,
      todo:
        signer === null
          ? `See to it that mail of ${own} is signed with d=${own}.`
          : `Its DMARC record is strict (adkim=s): add ${own} as a sending domain of its own.`,
    };
  return {
    ok: domain.mode === "relay-signs" ? null : false,
    found,
    text: `Neither DKIM nor SPF speaks for ${own}: every mail fails DMARC.`,
    todo: `Sign mail of ${own}, or let the account's address be one of ${own}.`,
  };
}

async function lookAtMx(resolver: Resolver, domain: string): Promise<Finding> {
  const exchanges = [...(await resolver.mx(domain))].sort((one, other) => one.priority - other.priority);
  const found = exchanges.map(({ exchange, priority }) => `${priority} ${exchange || "."}`).join(", ") || null;
  // RFC 7505: a single dot takes no mail.
  const real = exchanges.filter(({ exchange }) => exchange !== "" && exchange !== ".");
  const lost = `Answers and bounces to ${domain} are lost, and some receivers refuse mail that cannot be answered.`;
  const todo = `Publish an MX record for ${domain}.`;
  if (exchanges.length > 0 && real.length === 0)
    return { ok: false, found, text: `${domain} says that it takes no mail. ${lost}`, todo };
  if (real.length === 0) {
    const [address] = await resolver.addresses(domain);
    if (address === undefined) return { ok: false, found, text: lost, todo };
    return { ok: true, found: address, text: `${domain} has no MX; mail to it goes to its address.`, todo: null };
  }
  for (const { exchange } of real) {
    if ((await resolver.addresses(exchange)).length > 0)
      return { ok: true, found, text: `Mail to ${domain} goes to ${exchange}.`, todo: null };
  }
  return {
    ok: false,
    found,
    text: `No mail server that ${domain} names has an address. ${lost}`,
    todo: "Mend the MX records.",
  };
}

async function lookAtPtr(resolver: Resolver, hosts: readonly string[]): Promise<Finding | Finding[]> {
  const addresses = await publicAddresses(resolver, hosts);
  if (addresses.length === 0)
    return {
      ok: null,
      found: null,
      text: "By which address mail reaches the world is not known here; whoever runs that server sees to its PTR record.",
      todo: null,
    };
  return Promise.all(
    addresses.slice(0, MOST_ADDRESSES).map(async ({ host, address }): Promise<Finding> => {
      const names = await resolver.names(address);
      for (const name of names) {
        if ((await resolver.addresses(name)).some((one) => same(one, address)))
          return {
            ok: true,
            found: name,
            text: `${host} (${address}) is ${name}, and the other way round.`,
            todo: null,
          };
      }
      return {
        ok: false,
        found: names.join(", ") || null,
        text:
          names.length === 0
            ? `${address} (${host}) has no name.`
            : `${address} (${host}) has a name that is not its own.`,
        todo: "Ask whoever gave you the address for a PTR record with the server's name, and give that name this address.",
      };
    }),
  );
}

/** So many addresses of all servers are looked at. */
const MOST_ADDRESSES = 8;

async function publicAddresses(resolver: Resolver, hosts: readonly string[]) {
  const found = await Promise.all(
    hosts
      .filter((host) => host !== "localhost")
      .map(async (host) => {
        const addresses = await resolver.addresses(host);
        return addresses.filter((address) => !isPrivate(address)).map((address) => ({ host, address }));
      }),
  );
  return found.flat().slice(0, MOST_ADDRESSES);
}

/** Networks nobody outside sees (RFC 6890). */
const PRIVATE = new BlockList();
for (const [network, prefix] of [
  ["10.0.0.0", 8],
  ["100.64.0.0", 10],
  ["127.0.0.0", 8],
  ["169.254.0.0", 16],
  ["172.16.0.0", 12],
  ["192.168.0.0", 16],
] as const)
  PRIVATE.addSubnet(network, prefix, "ipv4");
PRIVATE.addAddress("::1", "ipv6");
PRIVATE.addSubnet("fc00::", 7, "ipv6");
PRIVATE.addSubnet("fe80::", 10, "ipv6");

const isPrivate = (address: string) => PRIVATE.check(address, isIPv6(address) ? "ipv6" : "ipv4");

function same(one: string, other: string): boolean {
  if (one === other) return true;
  if (isIP(one) !== 6 || isIP(other) !== 6) return false;
  const list = new BlockList();
  list.addAddress(one, "ipv6");
  return list.check(other, "ipv6");
}

/** The domain and those above it that may hold records: nothing with a single label. */
function upwards(domain: string): string[] {
  const labels = domain.split(".");
  return labels.slice(0, -1).map((_, index) => labels.slice(index).join("."));
}

/**
 * Whether DMARC takes two domains for one organisation's. Without a list of public suffixes: one stands above the
 * other, or both stand below the sending domain.
 */
function related(one: string, other: string, above: string): boolean {
  const below = (name: string, parent: string) => name === parent || name.endsWith(`.${parent}`);
  return below(one, other) || below(other, one) || (below(one, above) && below(other, above));
}

const domainOf = (address: string) => address.slice(address.lastIndexOf("@") + 1).toLowerCase();
const unique = (texts: readonly string[]) => [...new Set(texts)];

/** One of each pair of domains. */
function oneOfEach(uses: readonly Use[]): Use[] {
  return [...new Map(uses.map((use) => [`${domainOf(use.from)} ${domainOf(use.returnPath)}`, use])).values()];
}
