/** Makes DKIM keys and signs with them. Knows no table; a private key is text only on its way into the seal. */
import {
  createPrivateKey,
  createPublicKey,
  generateKeyPair,
  type KeyObject,
  sign as signWithCallback,
} from "node:crypto";
import { promisify } from "node:util";
import { type DkimAlgorithm, toSignWithEd25519 } from "../core/dkim.ts";

/** RFC 8301 3.2: at least 1024; 2048 is what receivers ask for, and 4096 fits no single answer of many name servers. */
const RSA_BITS = 2048;

export type NewKey = {
  readonly algorithm: DkimAlgorithm;
  /** Base64, as in the record. */
  readonly publicKey: string;
  /** Base64 of PKCS #8; to be sealed at once. */
  readonly privateKey: string;
};

/** A key made by this machine's chance, off the main thread. */
export async function makeKey(algorithm: DkimAlgorithm): Promise<NewKey> {
  const { privateKey } =
    algorithm === "rsa-sha256"
      ? await promisify(generateKeyPair)("rsa", { modulusLength: RSA_BITS })
      : await promisify(generateKeyPair)("ed25519");
  return {
    algorithm,
    publicKey: publishedForm(privateKey),
    privateKey: privateKey.export({ format: "der", type: "pkcs8" }).toString("base64"),
  };
}

/** @throws Error when it is no key of this kind, or not the one whose public half is published. */
export function openKey(algorithm: DkimAlgorithm, privateKey: string, publicKey: string): KeyObject {
  const key = createPrivateKey({ key: Buffer.from(privateKey, "base64"), format: "der", type: "pkcs8" });
  if (key.asymmetricKeyType !== KINDS[algorithm]) throw new Error(`The key is ${key.asymmetricKeyType}.`);
  if (publishedForm(key) !== publicKey) throw new Error("The key is not the other half of the published one.");
  return key;
}

/**
 * Signs on the thread pool: an RSA signature takes some 300 µs and leaves the main thread 25 of them, one of ed25519 50
 * and 15 (bench/dkim.ts). Both kinds are deterministic: the same mail and moment give the same signature.
 */
export async function signature(algorithm: DkimAlgorithm, key: KeyObject, toSign: Buffer): Promise<string> {
  const made =
    algorithm === "rsa-sha256" ? await sign("sha256", toSign, key) : await sign(null, toSignWithEd25519(toSign), key);
  return made.toString("base64");
}

const KINDS: Readonly<Record<DkimAlgorithm, string>> = { "rsa-sha256": "rsa", "ed25519-sha256": "ed25519" };
const sign = promisify<string | null, Buffer, KeyObject, Buffer>(signWithCallback);

/** RFC 6376 3.6.1 takes the whole SubjectPublicKeyInfo for RSA; RFC 8463 4.2 the bare 32 octets for ed25519. */
function publishedForm(privateKey: KeyObject): string {
  const publicKey = createPublicKey(privateKey);
  if (publicKey.asymmetricKeyType === "rsa")
    return publicKey.export({ format: "der", type: "spki" }).toString("base64");
  return Buffer.from(publicKey.export({ format: "jwk" }).x ?? "", "base64url").toString("base64");
}
