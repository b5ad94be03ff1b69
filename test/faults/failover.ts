/**
 * The database's machine dies while mail leaves, and its replica is promoted in its place: synchronous replication and an
 * address that follows the primary, as Patroni behind HAProxy has it (docs/operations.md).
 */
import { execFileSync } from "node:child_process";
import { chmodSync, chownSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { once } from "node:events";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { sql } from "kysely";
import { findBinaries } from "../../src/db/embedded-binaries.ts";
import { makePlace, makeSocketFolder, type Place, removeSocketFolder } from "../../src/db/embedded-place.ts";
import { launch } from "../../src/db/embedded-server.ts";
import { until } from "./chance.ts";
import { type Outcome, scene, through } from "./scene.ts";
import { asking, CONNECTIONS, openServer, openStage, type Server } from "./stage.ts";
import { wire } from "./wire.ts";
import { startWorker, type Worker } from "./workers.ts";

const SOCKET = ".s.PGSQL.5432";
const NAMED = "replica";
/** So that a replica that is a little behind finds what it needs. */
const KEPT = { wal_keep_size: "512MB" };

export async function failover({ people, realTime }: { people: number; realTime: boolean }): Promise<Outcome> {
  const folder = mkdtempSync(join(tmpdir(), "tidings-failover-"));
  chmodSync(folder, 0o711);
  const primary = await openServer(join(folder, "primary"), KEPT);
  const address = join(folder, "address");
  mkdirSync(address);
  const toPrimary = join(primary.embedded.connection.host, SOCKET);
  const toDatabase = wire(toPrimary);
  toDatabase.server.listen(join(address, SOCKET));
  await once(toDatabase.server, "listening");
  const replica = await startReplica(primary, join(folder, "primary"), join(folder, "replica"));
  try {
    const workers: Worker[] = [];
    const behind = { ...primary, clone: async () => ({ ...(await primary.clone()), host: address }) };
    const stage = await openStage(behind, people, { relay: { recipient: () => "slow", slowMs: 20 } });
    return await scene(stage, workers, async () => {
      workers.push(startWorker(stage.environment(1)), startWorker(stage.environment(2)));
      await until("mail leaves", () => stage.mails.length > people, 60_000);
      process.kill(primary.embedded.pid!, "SIGKILL");
      toDatabase.cut("reset");
      const before = stage.mails.length;
      await replica.promote();
      toDatabase.lead(join(replica.host, SOCKET));
      toDatabase.mend();
      if (!realTime) await until("the database again", async () => (await stage.lapse("all"), true), 30_000);
      await through(stage);
      const { rows } = await sql<{ timeline: string }>`
        select substr(pg_walfile_name(pg_current_wal_lsn()), 1, 8) as timeline`.execute(stage.database.db);
      return {
        fault: "the database dies under SIGKILL, and its synchronous replica is promoted in its place",
        mostTwice: 2 * CONNECTIONS,
        broken: [
          ...(Number.parseInt(rows[0]!.timeline, 16) > 1 ? [] : ["it was not the promoted one that went on"]),
          ...(stage.mails.length > before ? [] : ["no mail left after the failover"]),
        ],
      };
    });
  } finally {
    toDatabase.server.close();
    await replica.stop();
    await primary.close();
    rmSync(folder, { recursive: true, force: true });
  }
}

/** A copy of the running server that follows it, and that each commit waits for from now on. */
async function startReplica({ embedded }: Server, from: string, dataDir: string) {
  const source = makePlace(from);
  const place = makePlace(dataDir);
  await copyRunning(embedded.connection, source, place);
  const host = makeSocketFolder(place);
  const settings = {
    ...KEPT,
    max_connections: "200",
    primary_conninfo: `host=${embedded.connection.host} user=${embedded.connection.user} application_name=${NAMED}`,
  };
  const server = await launch(place, findBinaries(place.base, place.credentials), host, settings, () => undefined);
  await asking(embedded.connection, async (client) => {
    await client.query(`alter system set synchronous_standby_names = '${NAMED}'`);
    await client.query("select pg_reload_conf()");
    const isFollowed = async () =>
      (await client.query("select from pg_stat_replication where sync_state = 'sync'")).rowCount === 1;
    await until("the replica follows", isFollowed, 30_000);
  });
  return {
    host,
    promote: () =>
      asking({ ...embedded.connection, host }, async (client) => {
        await client.query("select pg_promote()");
      }),
    async stop() {
      await server.stop();
      removeSocketFolder(host);
    },
  };
}

function copyRunning(connection: Server["embedded"]["connection"], source: Place, copy: Place): Promise<void> {
  return asking(connection, async (client) => {
    await client.query("select pg_backup_start('replica', true)");
    execFileSync("cp", ["-a", source.cluster, copy.cluster]);
    const { rows } = await client.query<{ label: string }>("select labelfile as label from pg_backup_stop(false)");
    rmSync(join(copy.cluster, "postmaster.pid"));
    for (const [name, text] of [
      ["backup_label", rows[0]!.label],
      ["standby.signal", ""],
    ] as const) {
      const path = join(copy.cluster, name);
      writeFileSync(path, text, { mode: 0o600 });
      const { uid, gid } = copy.credentials;
      if (uid !== undefined) chownSync(path, uid, gid ?? uid);
    }
  });
}
