/**
 * What it costs to find what is due as the tables grow: 500 Email Campaigns and 500 messages are claimed (and given back)
 * among 100,000, a million and ten million of each; and all that delivery measures for Prometheus is read. `npm run bench:due [-- --sizes 100000,1000000]`.
 */
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { cpus, release, tmpdir } from "node:os";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { openDatabase, type Tx } from "../src/db/database.ts";
import { startEmbedded } from "../src/db/embedded.ts";
import { migrate } from "../src/db/migrate.ts";
import { claim } from "../src/delivery/claim.ts";
import { readings } from "../src/delivery/measure.ts";
import { claimDue } from "../src/email-campaigns/email-campaigns.ts";

const { values } = parseArgs({
  options: {
    sizes: { type: "string", default: "100000,1000000,10000000" },
    rounds: { type: "string", default: "60" },
  },
});
const sizes = values.sizes.split(",").map(Number);
const now = Temporal.Instant.from("2026-12-01T12:00:00Z");
const PEOPLE = 100_000;
const BLOCK = 500_000;
/** So many of each are due, however many there are. */
const DUE = 50_000;
const CLAIMED = 500;
/** DESIGN 5: at ten million at most this many times what it takes at a hundred thousand. */
const MOST_TIMES = 2;

const print = (line: string) => void process.stdout.write(`${line}\n`);
const folder = mkdtempSync(join(tmpdir(), "tidings-due-"));
const embedded = await startEmbedded({ dataDir: join(folder, "data"), log: () => undefined }, now);
const database = openDatabase(embedded.connection);
const { pool, batches: db } = database;

/** Thrown to give back what was claimed. */
class Undone extends Error {}

async function timed(work: (tx: Tx) => Promise<readonly unknown[]>): Promise<number> {
  let ms = 0;
  await db
    .transaction()
    .execute(async (tx) => {
      const begun = performance.now();
      const { length } = await work(tx);
      ms = performance.now() - begun;
      if (length !== CLAIMED) throw new Error(`${length} were claimed, not ${CLAIMED}.`);
      throw new Undone();
    })
    .catch((error: unknown) => {
      if (!(error instanceof Undone)) throw error;
    });
  return ms;
}

const median = (all: readonly number[]) => all.toSorted((a, b) => a - b)[Math.floor(all.length / 2)]!;
const claimer = { worker: "bench", limit: CLAIMED, without: [], serverByUrl: false };

async function base(): Promise<void> {
  await migrate(pool, { log: () => undefined }, now);
  await pool.query(
    `insert into people (kind, status, first_name, full_name, email, email_key, created_at, changed_at)
     select 'lead', 'Open', 'P' || n, 'P' || n, 'p' || n || '@example.com', 'p' || n || '@example.com', $1, $1
     from generate_series(1, $2::int) n`,
    [now.toString(), PEOPLE],
  );
  await pool.query("insert into email_templates (name, created_at, changed_at) values ('Hello', $1, $1)", [
    now.toString(),
  ]);
  await pool.query(
    `insert into content_versions (email_template_id, number, format, subject, body, compiled_subject, compiled_html,
       compiled_text, variables, general, content_hash, created_at)
     select id, 1, 'markdown', 'Hello', 'Hi', 'Hello', '<p>Hi</p>', 'Hi', '[]', false, 'x', created_at from email_templates`,
  );
  await pool.query("update email_templates set current_version_id = (select id from content_versions)");
  await pool.query(
    "insert into campaigns (name, created_at, changed_at) select 'C' || n, $1, $1 from generate_series(1, 100) n",
    [now.toString()],
  );
  await pool.query(
    `insert into steps (campaign_id, position, email_template_id, send_after_days, added_at)
     select c.id, n, (select id from email_templates), n * 7, $1 from campaigns c, generate_series(0, 1) n`,
    [now.toString()],
  );
}

/** Of each as many as asked: a few are due, the rest waits for later days or is done. */
async function grow(from: number, to: number): Promise<void> {
  for (let first = from + 1; first <= to; first += BLOCK) {
    const last = Math.min(to, first + BLOCK - 1);
    await pool.query(
      `insert into email_campaigns (number, campaign_id, person_id, start_on, end_on, status, next_due_at, created_at, changed_at)
       select 'MAIL-CAMP-2026-' || lpad(n::text, 8, '0'), 1 + (n / ${PEOPLE}) % 100, 1 + n % ${PEOPLE}, date '2026-11-01', date '2026-12-01',
         'In Progress',
         case when n <= ${DUE} then timestamptz '2026-12-01T11:00:00Z' + n * interval '1 millisecond'
           when n % 2 = 0 then timestamptz '2026-12-02' + n * interval '1 millisecond' end,
         timestamptz '2026-11-01', timestamptz '2026-11-01'
       from generate_series($1::bigint, $2::bigint) n`,
      [first, last],
    );
    await pool.query(
      `insert into messages (email_campaign_id, step_id, person_id, campaign_id, state, due_at, planned_at, planned_on,
         next_attempt_at, finished_at, address)
       select ec.id, 2 * ec.campaign_id - case when ec.id <= ${DUE} then 0 else 1 end, ec.person_id, ec.campaign_id,
         case when ec.id <= ${DUE} then 'planned' else 'accepted' end, ec.created_at, ec.created_at, ec.start_on,
         case when ec.id <= ${DUE} then ec.created_at + ec.id * interval '1 millisecond' end,
         case when ec.id > ${DUE} then ec.created_at end, 'p' || ec.person_id || '@example.com'
       from email_campaigns ec where ec.id between $1 and $2`,
      [first, last],
    );
  }
  await pool.query("vacuum analyze");
  await pool.query("checkpoint");
}

async function plans(): Promise<string> {
  const queries: Readonly<Record<string, string>> = {
    "Email Campaigns that are due":
      "select id from email_campaigns where next_due_at <= '2026-12-01T12:00:00Z' order by next_due_at limit 500 for update skip locked",
    "messages that wait":
      "select id from messages where next_attempt_at <= '2026-12-01T12:00:00Z' order by next_attempt_at, id limit 500 for update skip locked",
    "claims that have lapsed":
      "select id from messages where claimed_until < '2026-12-01T12:00:00Z' order by id limit 1000 for update skip locked",
    "what is due, counted for Prometheus":
      "select count(*) from (select from messages where next_attempt_at <= '2026-12-01T12:00:00Z' limit 100000) as counted",
    "what is under way, counted for Prometheus":
      "select state, count(*), count(distinct claimed_by) from messages where claimed_until is not null group by state",
    "what is in doubt, counted for Prometheus":
      "select count(*) from (select from messages where reason = 'in-doubt' and state = 'unknown' limit 100000) as counted",
    "the next moment of a message": "select min(next_attempt_at) from messages where next_attempt_at is not null",
  };
  let text = "";
  for (const [name, query] of Object.entries(queries)) {
    const { rows } = await pool.query<Record<"QUERY PLAN", string>>(`explain (analyze, buffers, costs off) ${query}`);
    text += `\n## ${name}\n\n\`\`\`\n${query}\n\n${rows.map((row) => row["QUERY PLAN"]).join("\n")}\n\`\`\`\n`;
  }
  return text;
}

try {
  await base();
  const table: { size: number; emailCampaigns: number; messages: number; measured: number }[] = [];
  let have = 0;
  for (const size of sizes) {
    await grow(have, size);
    have = size;
    const [emailCampaigns, messages, measured]: [number[], number[], number[]] = [[], [], []];
    for (let round = 0; round < Number(values.rounds); round += 1) {
      emailCampaigns.push(await timed((tx) => claimDue(tx, now, CLAIMED)));
      messages.push(await timed((tx) => claim(tx, claimer, now)));
      const begun = performance.now();
      await readings(database.db, now);
      measured.push(performance.now() - begun);
    }
    const one = {
      size,
      emailCampaigns: median(emailCampaigns),
      messages: median(messages),
      measured: median(measured),
    };
    table.push(one);
    print(
      `${size}: ${one.emailCampaigns.toFixed(1)} ms, ${one.messages.toFixed(1)} ms, measured in ${one.measured.toFixed(1)} ms`,
    );
  }
  const [least, most] = [table[0]!, table.at(-1)!];
  const times = {
    emailCampaigns: most.emailCampaigns / least.emailCampaigns,
    messages: most.messages / least.messages,
  };
  const text = [
    "# Finding what is due",
    "",
    `${new Date().toISOString().slice(0, 10)}, ${cpus().length} × ${cpus()[0]?.model.trim()}, Linux ${release()}, Node ${process.version}; \`npm run bench:due\`, medians of ${values.rounds}.`,
    "",
    `| of each | claim ${CLAIMED} Email Campaigns, with all that decides (ms) | claim ${CLAIMED} messages (ms) | read all that is measured (ms) |`,
    "| ---: | ---: | ---: | ---: |",
    ...table.map(
      (one) =>
        `| ${one.size.toLocaleString("en")} | ${one.emailCampaigns.toFixed(1)} | ${one.messages.toFixed(1)} | ${one.measured.toFixed(1)} |`,
    ),
    `| times | ${times.emailCampaigns.toFixed(2)} | ${times.messages.toFixed(2)} | |`,
    "",
    `Asked: at most ${MOST_TIMES} times. The plans at ${most.size.toLocaleString("en")}:`,
    await plans(),
  ].join("\n");
  const to = join(import.meta.dirname, "plans");
  mkdirSync(to, { recursive: true });
  writeFileSync(join(to, "due.md"), text);
  const met = Math.max(times.emailCampaigns, times.messages) <= MOST_TIMES;
  print(
    `times ${times.emailCampaigns.toFixed(2)} and ${times.messages.toFixed(2)} (<= ${MOST_TIMES}${met ? "" : ", MISSED"})`,
  );
  process.exitCode = met ? 0 : 1;
} finally {
  await database.close();
  await embedded.stop();
  rmSync(folder, { recursive: true, force: true });
}
