/** Signs mails for the domain of their From. Where a domain says that we sign, a mail is signed or not sent. */
import type { KeyObject } from "node:crypto";
import { signable, type Signed, signedHeader, unsignedHeader } from "../core/dkim.ts";
import { Refusal } from "../core/problem.ts";
import type { Db } from "../db/database.ts";
import type { Seal } from "../http/idempotency.ts";
import { openKey, signature } from "./keys.ts";
import * as store from "./store.ts";

/** Thrown where a mail must be signed and cannot be: it waits until somebody mends the key. */
export class CannotSign extends Refusal {
  constructor(domain: string, why: string) {
    super("cannot-sign", `Mail of ${domain} cannot be signed: ${why}`);
    this.name = "CannotSign";
  }
}

/** What is kept of the signatures, and the headers to stand in front of the mail. */
export type Signature = { readonly signed: Signed; readonly headers: string };

export type Signer = {
  /**
   * The signatures of a composed mail, made as of a moment (t=); undefined where its domain is not signed by us.
   * @throws CannotSign
   */
  sign(mail: Buffer, from: string, moment: Temporal.Instant): Promise<Signature | undefined>;
  /**
   * The same mail with its signatures in front, or as it is.
   * @throws CannotSign
   */
  signed(mail: Buffer, from: string, moment: Temporal.Instant): Promise<Buffer>;
};

/** How long another process's change of a domain may go unseen. */
const KNOWN_FOR_MS = 1000;

export function createSigner({ db, seal }: { db: Db; seal: Pick<Seal, "decrypt"> }): Signer {
  let known: { domains: Promise<ReadonlyMap<string, store.Signing>>; until: number } | undefined;
  /** Opening a key costs more than signing with it. */
  const opened = new Map<number, KeyObject>();

  function domains(): Promise<ReadonlyMap<string, store.Signing>> {
    const at = performance.now();
    if (known && known.until > at) return known.domains;
    const found = store.signing(db);
    known = { domains: found, until: at + KNOWN_FOR_MS };
    found.catch(() => (known = undefined));
    return found;
  }

  function keyOf(domain: string, { id, algorithm, privateKeyEncrypted, publicKey }: store.SigningKey): KeyObject {
    let key = opened.get(id);
    if (key) return key;
    try {
      key = openKey(algorithm, seal.decrypt(privateKeyEncrypted), publicKey);
    } catch (error) {
      throw new CannotSign(domain, error instanceof Error ? error.message : String(error));
    }
    opened.set(id, key);
    return key;
  }

  async function sign(mail: Buffer, from: string, moment: Temporal.Instant): Promise<Signature | undefined> {
    const found = signingDomainOf(from, await domains());
    if (!found || found.mode !== "sign") return undefined;
    const { domain, keys } = found;
    if (keys.length === 0) throw new CannotSign(domain, "It has no key that signs.");
    const read = signable(mail);
    const at = Math.floor(moment.epochMilliseconds / 1000);
    const made = keys.map(async (key) => {
      const { selector, algorithm } = key;
      const { header, toSign } = unsignedHeader(read, { domain, selector, algorithm }, { at });
      return { selector, algorithm, header, signature: await signature(algorithm, keyOf(domain, key), toSign) };
    });
    const all = await Promise.all(made);
    return {
      signed: { domain, at, keys: all.map(({ header: _header, ...kept }) => kept) },
      headers: all.map((one) => signedHeader(one.header, one.signature)).join(""),
    };
  }

  return {
    sign,
    async signed(mail, from, moment) {
      const made = await sign(mail, from, moment);
      return made ? Buffer.concat([Buffer.from(made.headers, "latin1"), mail]) : mail;
    },
  };
}

/**
 * The domain that speaks for an address: its own, else the nearest above it. A signature of a parent is aligned with
 * the From for DMARC (relaxed, RFC 7489 3.1.1).
 */
function signingDomainOf<Found>(address: string, domains: ReadonlyMap<string, Found>): Found | undefined {
  let domain = address.slice(address.lastIndexOf("@") + 1).toLowerCase();
  while (domain.includes(".")) {
    const found = domains.get(domain);
    if (found) return found;
    domain = domain.slice(domain.indexOf(".") + 1);
  }
  return undefined;
}
