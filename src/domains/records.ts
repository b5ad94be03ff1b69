/** The DNS records a sending domain needs, ready to be copied. Asks no name server. */
import { keyRecord } from "../core/dkim.ts";
import type { Key } from "./store.ts";

/** RFC 1035 3.3: a string of a TXT record has at most 255 octets; a key of 2048 bits takes two. */
const MOST_OCTETS = 255;

export type DnsRecord = {
  readonly purpose: "dkim" | "dmarc";
  readonly keyId: number | null;
  readonly type: "TXT";
  readonly name: string;
  readonly value: string;
  readonly strings: readonly string[];
  readonly zone: string;
};

/** One for each key that is not retired, and a DMARC record to begin with. */
export function recordsOf({ domain, keys }: { domain: string; keys: readonly Key[] }): DnsRecord[] {
  return [
    ...keys.map((key) =>
      record("dkim", recordName(key.selector, domain), keyRecord(key.algorithm, key.publicKey), key.id),
    ),
    record("dmarc", `_dmarc.${domain}`, "v=DMARC1; p=none"),
  ];
}

export const recordName = (selector: string, domain: string): string => `${selector}._domainkey.${domain}`;

function record(purpose: DnsRecord["purpose"], name: string, value: string, keyId: number | null = null): DnsRecord {
  const strings = Array.from({ length: Math.ceil(value.length / MOST_OCTETS) }, (_, index) =>
    value.slice(index * MOST_OCTETS, (index + 1) * MOST_OCTETS),
  );
  const quoted = strings.map((text) => `"${text}"`).join(" ");
  return { purpose, keyId, type: "TXT", name, value, strings, zone: `${name}. IN TXT ( ${quoted} )` };
}
