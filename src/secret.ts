/** The one secret and the keys made from it: signs links, seals passwords at rest. Never stored in the database or logged. */
import { createCipheriv, createDecipheriv, hkdfSync, randomBytes } from "node:crypto";
import { chmodSync, existsSync, linkSync, mkdirSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { refuse } from "./core/problem.ts";

export type Secrets = {
  /**
   * 32-byte keys for one purpose, the current one first and then those of former secrets: sign with the first, accept
   * what any of them signed. Keys of different purposes tell nothing about each other (HKDF, RFC 5869).
   */
  keysFor(purpose: string): readonly Buffer[];
  /** AES-256-GCM under the current secret. The same text gives another result each time. */
  encrypt(text: string): string;
  /** @throws Refusal `secret-unknown` when it was sealed with a secret we do not have; Error when it was altered. */
  decrypt(sealed: string): string;
  /** False for what a former secret sealed: encrypt it again, then drop that secret. */
  isCurrent(sealed: string): boolean;
};

const FORMAT = "v1";
const KEY_BYTES = 32;
/** NIST SP 800-38D: 96 random bits. */
const NONCE_BYTES = 12;
const TAG_BYTES = 16;

/**
 * Opens TIDINGS_SECRET (several with commas, the current one first), else the secret kept in `secret.key` of the data
 * folder, which is made at the first start.
 */
export function openSecrets({ secret, dataDir }: { secret?: string | undefined; dataDir: string }): Secrets {
  const secrets = (secret ?? keptSecret(dataDir)).split(",").map((one) => one.trim());
  const sealing = secrets.map((one) => ({ id: derive(one, "key id").toString("hex", 0, 4), key: derive(one, "seal") }));
  const current = sealing[0]!;
  return {
    keysFor: (purpose) => secrets.map((one) => derive(one, `for ${purpose}`)),
    encrypt(text) {
      const nonce = randomBytes(NONCE_BYTES);
      const head = `${FORMAT}.${current.id}`;
      const cipher = createCipheriv("aes-256-gcm", current.key, nonce).setAAD(Buffer.from(head));
      const body = Buffer.concat([nonce, cipher.update(text, "utf8"), cipher.final(), cipher.getAuthTag()]);
      return `${head}.${body.toString("base64url")}`;
    },
    decrypt(sealed) {
      const [format, id, body = ""] = sealed.split(".");
      const found = sealing.find((one) => format === FORMAT && one.id === id);
      if (!found) return refuseUnknown(format, id);
      const bytes = Buffer.from(body, "base64url");
      const options = { authTagLength: TAG_BYTES };
      const decipher = createDecipheriv("aes-256-gcm", found.key, bytes.subarray(0, NONCE_BYTES), options)
        .setAAD(Buffer.from(`${format}.${id}`))
        .setAuthTag(bytes.subarray(-TAG_BYTES));
      return decipher.update(bytes.subarray(NONCE_BYTES, -TAG_BYTES), undefined, "utf8") + decipher.final("utf8");
    },
    isCurrent: (sealed) => sealed.startsWith(`${FORMAT}.${current.id}.`),
  };
}

/** Where the secret is kept when TIDINGS_SECRET does not give it. */
export const secretFile = (dataDir: string): string => join(dataDir, "secret.key");

function refuseUnknown(format: string | undefined, id: string | undefined): never {
  refuse(
    "secret-unknown",
    format === FORMAT
      ? `This was encrypted with a secret we do not have (key ${id}). Set TIDINGS_SECRET to the current secret, a comma, ` +
          "and the former one; or bring back secret.key of the data folder."
      : "This was not encrypted by this release of Tidings.",
  );
}

function derive(secret: string, info: string): Buffer {
  return Buffer.from(hkdfSync("sha256", secret, "tidings", info, KEY_BYTES));
}

function keptSecret(dataDir: string): string {
  const path = secretFile(dataDir);
  if (!existsSync(path)) makeSecret(dataDir, path);
  // A copy or a restored backup may have opened it to others.
  if ((statSync(path).mode & 0o077) !== 0) chmodSync(path, 0o600);
  const secret = readFileSync(path, "utf8").trim();
  if (secret.length < KEY_BYTES) refuse("secret-unknown", `${path} holds no secret. Restore it from a backup.`);
  return secret;
}

/** Written whole and then linked into place: of two processes that start at once, one wins and both read the same. */
function makeSecret(dataDir: string, path: string): void {
  mkdirSync(dataDir, { recursive: true, mode: 0o711 });
  const half = `${path}.${process.pid}`;
  writeFileSync(half, `${randomBytes(KEY_BYTES).toString("base64url")}\n`, { mode: 0o600, flush: true });
  try {
    linkSync(half, path);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== "EEXIST") throw error;
  } finally {
    rmSync(half);
  }
}
