/** Where the bytes of pictures lie: the data folder, or S3-compatible storage. Knows names and bytes, nothing of mails. */
import { mkdir, open, readFile, rename, rm } from "node:fs/promises";
import { dirname, join } from "node:path";
import { AwsV4Signer } from "aws4fetch";

export type Storage = {
  /** Writes a file; the same name always has the same content, so a second time is harmless. */
  put(name: string, bytes: Buffer, now: Temporal.Instant): Promise<void>;
  get(name: string, now: Temporal.Instant): Promise<Buffer | null>;
  remove(name: string, now: Temporal.Instant): Promise<void>;
};

/** Files below a folder, in drawers by the beginning of their hash. */
export function folderStorage(folder: string): Storage {
  const pathOf = (name: string) => join(folder, name.slice(0, 2), name);
  return {
    async put(name, bytes) {
      const path = pathOf(name);
      await mkdir(dirname(path), { recursive: true });
      // Whole or not at all: a half-written picture would be served for ever.
      const file = await open(`${path}.${process.pid}.part`, "w");
      try {
        await file.writeFile(bytes);
        await file.sync();
      } finally {
        await file.close();
      }
      await rename(`${path}.${process.pid}.part`, path);
    },
    get: (name) =>
      readFile(pathOf(name)).catch((error: NodeJS.ErrnoException) => {
        if (error.code === "ENOENT") return null;
        throw error;
      }),
    remove: (name) => rm(pathOf(name), { force: true }),
  };
}

const TIMEOUT_MS = 15_000;
const TRIES = 3;

/**
 * A bucket, addressed by path, with signature version 4.
 * @param url `https://KEY:SECRET@s3.example.com/bucket/folder?region=eu-central-1`
 */
export function s3Storage(url: string): Storage {
  const { protocol, host, pathname, username, password, searchParams } = new URL(url);
  const base = `${protocol}//${host}${pathname.replace(/\/+$/, "")}`;
  const keys = { accessKeyId: decodeURIComponent(username), secretAccessKey: decodeURIComponent(password) };
  const region = searchParams.get("region") ?? "us-east-1";

  async function ask(method: "PUT" | "GET" | "DELETE", name: string, now: Temporal.Instant, body?: Buffer) {
    const datetime = now.toString({ smallestUnit: "second" }).replaceAll(/[-:]/g, "");
    const signer = new AwsV4Signer({
      ...keys,
      region,
      service: "s3",
      method,
      url: `${base}/${name}`,
      datetime,
      ...(body ? { body: new Uint8Array(body), headers: { "content-type": "application/octet-stream" } } : {}),
    });
    const signed = await signer.sign();
    for (let attempt = 1; ; attempt++) {
      const answer = await fetch(signed.url, {
        method,
        headers: signed.headers,
        ...(body ? { body: new Uint8Array(body) } : {}),
        signal: AbortSignal.timeout(TIMEOUT_MS),
        redirect: "error",
      });
      if (answer.ok || answer.status === 404) return answer;
      // Every one of these requests may be made twice. What the storage says goes to the log, not to the caller.
      if (answer.status < 500 || attempt === TRIES)
        throw new Error(`The image storage answered ${answer.status}: ${(await answer.text()).slice(0, 300)}`);
    }
  }

  return {
    async put(name, bytes, now) {
      const answer = await ask("PUT", name, now, bytes);
      if (!answer.ok) throw new Error("The image storage has no such bucket.");
    },
    async get(name, now) {
      const answer = await ask("GET", name, now);
      return answer.ok ? Buffer.from(await answer.arrayBuffer()) : null;
    },
    async remove(name, now) {
      await ask("DELETE", name, now);
    },
  };
}
