/**
 * Two versions of the program over one database. The rule: a later release may bring its schema while this one runs, and
 * both send; whoever of this release starts after that is refused with a sentence, and sends nothing.
 */
import { cpSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { once } from "node:events";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { sql } from "kysely";
import { readMigrations } from "../../src/db/migrate.ts";
import { until } from "./chance.ts";
import { type Outcome, scene, through } from "./scene.ts";
import { openStage, type Server } from "./stage.ts";
import { drain, isAlive, root, startWorker, type Worker } from "./workers.ts";

const LATER = "99.0.0";

export async function twoVersions(server: Server, { people }: { people: number }): Promise<Outcome> {
  const program = laterRelease();
  const workers: Worker[] = [];
  try {
    const stage = await openStage(server, people, { relay: { recipient: () => "slow", slowMs: 20 } });
    return await scene(stage, workers, async () => {
      const former = startWorker(stage.environment(1));
      workers.push(former);
      await until("mail leaves", () => stage.mails.length > people / 2, 60_000);
      // So that there is something left to send for each of them.
      stage.relay.slowMs = 3000;
      const later = startWorker(stage.environment(2), { program });
      workers.push(later);
      await until("the schema is the later one's", () => isNewer(), 60_000);
      await until("the later one works", () => later.id() !== undefined, 60_000);
      const broken: string[] = [];
      const refused = startWorker(stage.environment(3));
      await once(refused.child, "exit");
      if (refused.child.exitCode !== 1 || !/newer release/i.test(refused.log()))
        broken.push(`one of this release was not refused: ${refused.child.exitCode} ${refused.log()}`);
      if (refused.id() !== undefined) broken.push("one that had to be refused claimed mail");
      if (!isAlive(former)) broken.push(`the former release ended: ${former.log()}`);
      stage.relay.slowMs = 20;
      if ((await drain(former)) !== 0) broken.push(`the former release did not end in good order: ${former.log()}`);
      await through(stage);
      const { rows } = await sql<{ names: number }>`
        select count(distinct worker)::int as names from claimed_by_whom`.execute(stage.database.db);
      if (rows[0]!.names < 2) broken.push("only one of the two versions sent over the later schema");
      return {
        fault: "a later release brings its schema and sends beside this one; a third is refused",
        mostTwice: 0,
        broken,
      };

      async function isNewer(): Promise<boolean> {
        const { rows: found } = await sql`select from schema_migrations where name like '%later_release'`.execute(
          stage.database.db,
        );
        return found.length > 0;
      }
    });
  } finally {
    rmSync(program, { recursive: true, force: true });
  }
}

/** This program under a later number, with a migration of its own that keeps the rules: it only adds. */
function laterRelease(): string {
  const program = mkdtempSync(join(tmpdir(), "tidings-later-"));
  for (const name of ["src", "bin"])
    cpSync(join(root, name), join(program, name), { recursive: true, filter: (path) => !path.endsWith(".test.ts") });
  const about = JSON.parse(readFileSync(join(root, "package.json"), "utf8")) as object;
  writeFileSync(join(program, "package.json"), JSON.stringify({ ...about, version: LATER }));
  symlinkSync(join(root, "node_modules"), join(program, "node_modules"));
  const number = String(readMigrations().length + 1).padStart(4, "0");
  writeFileSync(join(program, "src/db/migrations", `${number}_later_release.sql`), LATER_SCHEMA);
  return program;
}

const LATER_SCHEMA = `
alter table messages add column of_a_later_release text not null default 'nothing';
alter table email_campaigns add column of_a_later_release integer;
create table claimed_by_whom (message_id bigint, worker text);
create function claimed_by_whom() returns trigger language plpgsql as $$
begin
  insert into claimed_by_whom values (new.id, new.claimed_by);
  return new;
end $$;
create trigger claimed_by_whom after insert or update on messages
  for each row when (new.claimed_by is not null) execute function claimed_by_whom();
`;
