/** The disk of the database is full for a while. Needs root, for a small file system of its own. */
import { execFileSync, spawnSync } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { maybe, until } from "./chance.ts";
import { type Outcome, scene, through } from "./scene.ts";
import { CONNECTIONS, openServer, openStage } from "./stage.ts";
import { startWorker, type Worker } from "./workers.ts";

const MEGABYTES = 400;

/** @returns a sentence where it cannot be played. */
export async function diskFull({ people, realTime }: { people: number; realTime: boolean }): Promise<Outcome | string> {
  if (process.getuid?.() !== 0) return "left out: needs root, to mount a small file system";
  const disk = mkdtempSync(join(tmpdir(), "tidings-disk-"));
  const ballast = join(disk, "ballast");
  execFileSync("mount", ["-t", "tmpfs", "-o", `size=${MEGABYTES}m,mode=0711`, "tmpfs", disk]);
  try {
    // Small files of the log, so that one is asked for soon.
    const server = await openServer(join(disk, "data"), { max_wal_size: "64MB", shared_buffers: "16MB" });
    try {
      const workers: Worker[] = [];
      const stage = await openStage(server, people, { relay: { recipient: () => "slow", slowMs: 60 } });
      return await scene(stage, workers, async () => {
        const worker = startWorker(stage.environment(1));
        workers.push(worker);
        await until("mail leaves", () => stage.mails.length > 20, 60_000);
        // Until nothing more fits.
        spawnSync("dd", ["if=/dev/zero", `of=${ballast}`, "bs=64k"], { stdio: "ignore" });
        const felt = await maybe(() => /53100|No space|could not extend/i.test(worker.log()), 20_000);
        await sleep(1500);
        rmSync(ballast);
        if (!realTime) await until("the database again", async () => (await stage.lapse("all"), true), 30_000);
        stage.relay.slowMs = 5;
        await through(stage);
        return {
          fault: "the database's disk is full, and has room again",
          mostTwice: CONNECTIONS * 5,
          broken: felt ? [] : ["nobody noticed that the disk was full"],
        };
      });
    } finally {
      await server.close();
    }
  } finally {
    execFileSync("umount", ["-l", disk]);
    rmSync(disk, { recursive: true, force: true });
  }
}
