/** Decides where the embedded server lives and as whom it runs, and makes those folders. Starts nothing. */
import { spawnSync } from "node:child_process";
import { randomBytes } from "node:crypto";
import {
  chmodSync,
  chownSync,
  existsSync,
  lstatSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  realpathSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { join } from "node:path";
import { refuse } from "../core/problem.ts";
import { CHILD_ENVIRONMENT, CHILD_FOLDER, type Credentials } from "./embedded-binaries.ts";

export type Place = {
  /** `<data folder>/postgres`, or where that link leads. Holds everything below, the lock and the log. */
  readonly base: string;
  readonly cluster: string;
  readonly credentials: Credentials;
};

/** sockaddr_un holds 107 bytes; PostgreSQL adds `/.s.PGSQL.5432.lock`. */
const SOCKET_FOLDER_BYTES = 85;

/** Where a data folder's database goes when the server's user cannot enter the data folder (one under /root, mostly). */
const SYSTEM_STATE = "/var/lib";

/**
 * Makes the data folder and the server's place in it. PostgreSQL refuses to run as root, so under root it runs as the
 * owner of the existing cluster, else `postgres`, else `nobody`; where that user cannot reach the data folder,
 * `<data folder>/postgres` becomes a link to a folder in /var/lib.
 * @throws Refusal `data-folder-unusable`
 */
export function makePlace(dataDir: string): Place {
  const asRoot = process.getuid?.() === 0;
  try {
    if (!existsSync(dataDir)) {
      mkdirSync(dataDir, { recursive: true });
      // Others may pass through (the server's user must), but not look around.
      chmodSync(dataDir, asRoot ? 0o711 : 0o700);
    }
    const folder = realpathSync(dataDir);
    const base = makeBase(folder, asRoot);
    const cluster = join(base, "cluster");
    return { base, cluster, credentials: asRoot ? serverUser(cluster) : {} };
  } catch (error) {
    const { code, path } = error as NodeJS.ErrnoException;
    if (code === undefined || !["ENOENT", "EACCES", "EPERM", "EROFS", "ENOTDIR", "ENOSPC", "EEXIST"].includes(code))
      throw error;
    return refuse(
      "data-folder-unusable",
      `The data folder ${dataDir} cannot be used: ${code} at ${path}. ` +
        "Run as the user it belongs to, or set TIDINGS_DATA_DIR to another folder.",
    );
  }
}

function makeBase(folder: string, asRoot: boolean): string {
  const base = join(folder, "postgres");
  if (!existsSync(base)) {
    if (asRoot && !canEnter(folder, serverUser(join(base, "cluster")))) linkElsewhere(folder, base);
    else mkdirSync(base, { recursive: true, mode: 0o711 });
  }
  const real = realpathSync(base);
  if (asRoot) {
    chmodSync(real, 0o711);
    if (!canEnter(real, serverUser(join(real, "cluster")))) {
      refuse(
        "data-folder-unusable",
        `The database in ${real} cannot be reached by the user it runs as, because a folder above it is closed to others. ` +
          `Move ${folder} to a place such as /var/lib/tidings, or let others pass through the folders above it (chmod o+x).`,
      );
    }
  }
  return real;
}

/** A name of its own every time, so that a data folder made anew never meets the database of one that was deleted. */
function linkElsewhere(folder: string, base: string): void {
  const elsewhere = mkdtempSync(join(SYSTEM_STATE, "tidings-"));
  chmodSync(elsewhere, 0o711);
  writeFileSync(join(elsewhere, "README"), `The database of the Tidings data folder ${folder}.\n`);
  try {
    symlinkSync(elsewhere, base);
  } catch (error) {
    rmSync(elsewhere, { recursive: true });
    // Another start was first: use its folder.
    if ((error as NodeJS.ErrnoException).code !== "EEXIST") throw error;
  }
}

function serverUser(cluster: string): Credentials {
  const owner = existsSync(cluster) ? statSync(cluster) : undefined;
  if (owner && owner.uid !== 0) return { uid: owner.uid, gid: owner.gid };
  const users = readFileSync("/etc/passwd", "utf8")
    .split("\n")
    .map((line) => line.split(":"));
  for (const name of ["postgres", "nobody"]) {
    const found = users.find(([user]) => user === name);
    if (found) return { uid: Number(found[2]), gid: Number(found[3]) };
  }
  return refuse(
    "data-folder-unusable",
    "PostgreSQL does not run as root, and there is neither a user postgres nor nobody to run it as. " +
      "Start Tidings as an ordinary user, or set DATABASE_URL.",
  );
}

function canEnter(folder: string, credentials: Credentials): boolean {
  const options = { ...credentials, cwd: CHILD_FOLDER, env: CHILD_ENVIRONMENT };
  return spawnSync("/bin/sh", ["-c", 'cd "$1"', "sh", folder], options).status === 0;
}

/**
 * Makes a folder for the server's socket that only its user can enter: that is all the authentication there is.
 * A long data folder gets a short one in /tmp, under a name nobody can have made before.
 */
export function makeSocketFolder({ base, credentials }: Place): string {
  const inside = join(base, "run");
  const folder =
    Buffer.byteLength(inside) <= SOCKET_FOLDER_BYTES ? inside : `/tmp/tidings-${randomBytes(8).toString("hex")}`;
  if (folder === inside && existsSync(inside) && !lstatSync(inside).isDirectory()) rmSync(inside);
  if (!existsSync(folder)) mkdirSync(folder, { mode: 0o700 });
  chmodSync(folder, 0o700);
  if (credentials.uid !== undefined) chownSync(folder, credentials.uid, credentials.gid ?? credentials.uid);
  return folder;
}

/** Removes a socket folder in /tmp that a killed process left behind; one inside the data folder stays. */
export function removeSocketFolder(folder: string): void {
  if (/^\/tmp\/tidings-[0-9a-f]{16}$/.test(folder)) rmSync(folder, { recursive: true, force: true });
}
