/** Asks the name servers: what is not there is an empty list, no answer is DnsTrouble. Judges nothing. */
import { Resolver as NodeResolver } from "node:dns/promises";
import { isIP } from "node:net";

/** What checks ask. Tests give their own. */
export type Resolver = {
  /** Each record's strings joined. */
  txt(name: string): Promise<readonly string[]>;
  mx(name: string): Promise<readonly { readonly exchange: string; readonly priority: number }[]>;
  /** Of a host: IPv4 and IPv6. An address is its own. */
  addresses(host: string): Promise<readonly string[]>;
  /** The names of an address. */
  names(address: string): Promise<readonly string[]>;
};

/** Nobody answered: nothing can be said. */
export class DnsTrouble extends Error {
  constructor(name: string, code: string) {
    super(`The name server did not say what ${name} is (${code}).`);
    this.name = "DnsTrouble";
  }
}

const TIMEOUT_MS = 2000;
const TRIES = 2;
/** RFC 1035: no such name, or no such record under it. */
const ABSENT = new Set(["ENOTFOUND", "ENODATA", "ENONAME", "NXDOMAIN"]);

/** @param servers addresses of name servers, with a port where it is not 53; the machine's own when there are none. */
export function systemResolver(servers: readonly string[] = []): Resolver {
  const resolver = new NodeResolver({ timeout: TIMEOUT_MS, tries: TRIES });
  if (servers.length > 0) resolver.setServers(servers);

  async function asking<Found>(name: string, ask: () => Promise<readonly Found[]>): Promise<readonly Found[]> {
    try {
      return await ask();
    } catch (error) {
      const code = error instanceof Error && "code" in error ? String(error.code) : "unknown";
      if (ABSENT.has(code)) return [];
      throw new DnsTrouble(name, code);
    }
  }

  return {
    txt: async (name) => {
      const records = await asking(name, () => resolver.resolveTxt(name));
      return records.map((strings) => strings.join(""));
    },
    mx: (name) => asking(name, () => resolver.resolveMx(name)),
    async addresses(host) {
      if (isIP(host) !== 0) return [host];
      const found = await Promise.all([
        asking(host, () => resolver.resolve4(host)),
        asking(host, () => resolver.resolve6(host)),
      ]);
      return found.flat();
    },
    names: (address) => asking(address, () => resolver.reverse(address)),
  };
}
