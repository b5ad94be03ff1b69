/** What the data folder remembers of the database: a small file, written anew after each sign of life. Decides nothing. */
import {
  closeSync,
  fstatSync,
  mkdirSync,
  openSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  writeFileSync,
} from "node:fs";
import { join } from "node:path";
import { z } from "zod";
import type { Witness } from "../core/continuity.ts";

const FILE = "last-alive.json";

/** `born`: the file's own birth, in nanoseconds as text. */
const kept = z.object({ installation: z.string(), pulse: z.number(), at: z.string(), born: z.string() });

/** Null where there is none, or none that can be read. */
export function readWitness(dataDir: string): Witness | null {
  const path = join(dataDir, FILE);
  try {
    const { installation, pulse, born } = kept.parse(JSON.parse(readFileSync(path, "utf8")));
    // The birth of a file is the one time that no copy carries along and no chown changes. File systems that keep none
    // always say 0.
    return { installation, pulse, copied: statSync(path, { bigint: true }).birthtimeNs.toString() !== born };
  } catch {
    return null;
  }
}

/** Whole or not at all: a file half written would be no witness. */
export function writeWitness(
  dataDir: string,
  { installation, pulse }: Pick<Witness, "installation" | "pulse">,
  now: Temporal.Instant,
): void {
  mkdirSync(dataDir, { recursive: true });
  const path = join(dataDir, FILE);
  const half = `${path}.${process.pid}`;
  // Left by a process of the same number that was killed in between.
  rmSync(half, { force: true });
  const file = openSync(half, "wx", 0o600);
  try {
    const born = fstatSync(file, { bigint: true }).birthtimeNs.toString();
    writeFileSync(file, JSON.stringify({ installation, pulse, at: now.toString(), born }));
  } finally {
    closeSync(file);
  }
  renameSync(half, path);
}
