/** Says which process owns a data folder, so that no two run its database. Knows nothing about the database itself. */
import { existsSync, readFileSync, renameSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { refuse } from "../core/problem.ts";

/** What the owner tells about itself to whoever comes second. */
export type Owner = {
  readonly pid: number;
  /** When the process began, in the kernel's ticks: a reused pid began at another time. */
  readonly startTicks: string;
  /** What it runs, such as `tidings serve`. */
  readonly command: string;
  /** True for a process that stays, whose database others may join. */
  readonly serves: boolean;
  readonly since: string;
  readonly address?: string | undefined;
  /** The socket folder, once the database answers. */
  readonly host?: string | undefined;
};

export type Ownership = { tell(owner: Owner): void; release(): void };

/** Held for the life of the process: the lock goes when its handle is collected. */
const held = new Set<DatabaseSync>();

/**
 * Takes the folder, or answers undefined while another process (or another part of this one) has it. The kernel gives
 * the lock back when its holder dies, by kill -9 too: it is the lock SQLite takes on its file, the only kernel lock on
 * a file that Node can take by itself. It holds between containers of one host, where pids mean nothing.
 */
export function takeOwnership(base: string): Ownership | undefined {
  const lock = openLock(join(base, "owner.lock"));
  try {
    lock.exec("pragma busy_timeout = 0; begin exclusive");
  } catch (error) {
    lock.close();
    if ((error as { errcode?: number }).errcode === SQLITE_BUSY) return undefined;
    throw error;
  }
  held.add(lock);
  return {
    tell(owner) {
      const half = join(base, "owner.json.half");
      writeFileSync(half, `${JSON.stringify(owner, null, 2)}\n`);
      renameSync(half, join(base, "owner.json"));
    },
    release() {
      if (held.delete(lock)) lock.close();
    },
  };
}

const SQLITE_BUSY = 5;
const SQLITE_CANNOT_OPEN = 14;

function openLock(path: string): DatabaseSync {
  try {
    // Nobody else may open it: a lock on it is ours to give. Only when new, for closing a file drops all our locks on it.
    if (!existsSync(path)) writeFileSync(path, "", { flag: "a", mode: 0o600 });
    return new DatabaseSync(path);
  } catch (error) {
    const { code, errcode } = error as { code?: string; errcode?: number };
    if (errcode !== SQLITE_CANNOT_OPEN && code !== "EACCES") throw error;
    return refuse(
      "data-folder-unusable",
      `${path} cannot be opened. Run as the user the data folder belongs to, or set TIDINGS_DATA_DIR to another folder.`,
    );
  }
}

/** What the last owner said; it may be long dead. */
export function lastOwner(base: string): Owner | undefined {
  const path = join(base, "owner.json");
  return existsSync(path) ? (JSON.parse(readFileSync(path, "utf8")) as Owner) : undefined;
}

/** The owner that lives now; undefined while it has not said who it is. */
export function livingOwner(base: string): Owner | undefined {
  const owner = lastOwner(base);
  return owner && startTicks(owner.pid) === owner.startTicks ? owner : undefined;
}

/** When a process began (proc(5), field 22 of stat); undefined when there is none. The name before it may hold blanks. */
export function startTicks(pid: number): string | undefined {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, "utf8");
    return stat.slice(stat.lastIndexOf(")") + 2).split(" ")[19];
  } catch {
    return undefined;
  }
}
