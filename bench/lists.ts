/** How fast lists, searches and numbers are with many people: server time over HTTP, p50 and p95. Keeps explained plans. */
import { mkdtempSync, rmSync, mkdirSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import pino from "pino";
import * as keys from "../src/accounts/keys.ts";
import { createApp } from "../src/app.ts";
import { openDatabase } from "../src/db/database.ts";
import { startEmbedded } from "../src/db/embedded.ts";
import { migrate } from "../src/db/migrate.ts";
import { openSecrets } from "../src/secret.ts";

const PEOPLE = Number(process.argv[process.argv.indexOf("--people") + 1]) || 100_000;
const ROUNDS = 25;
const BUDGET_MS = 100;
const quiet = () => undefined;
const now = Temporal.Instant.from("2026-12-01T12:00:00Z");

const folder = mkdtempSync(join(tmpdir(), "tidings-bench-"));
const embedded = await startEmbedded({ dataDir: join(folder, "data"), log: quiet }, now);
const database = openDatabase(embedded.connection);
try {
  await migrate(database.pool, { log: quiet }, now);
  await seed();
  const app = createApp({
    config: { publicUrl: "http://localhost", smtpUrl: undefined, dataDir: folder },
    database,
    secrets: openSecrets({ secret: "a secret that only the bench uses", dataDir: "" }),
    log: pino({ level: "silent" }),
    clock: () => now,
    migrate: async () => undefined,
  });
  const actor = { name: "bench", role: "administrator" } as const;
  const { key } = await keys.create(database.db, { name: "bench", role: "manager" }, actor, now);
  const ask = async (url: string) => {
    const begun = performance.now();
    const answer = await app.http.inject({
      method: "GET",
      url: `/api/v1${url}`,
      headers: { authorization: `Bearer ${key}` },
    });
    if (answer.statusCode !== 200) throw new Error(`${url}: ${answer.statusCode} ${answer.body}`);
    return performance.now() - begun;
  };
  let missed = 0;
  print(`${PEOPLE} people, ${PEOPLE / 2} Email Campaigns, ${PEOPLE} messages; ms of ${ROUNDS} requests each`);
  for (const url of URLS()) {
    await ask(url);
    const times: number[] = [];
    for (let round = 0; round < ROUNDS; round += 1) times.push(await ask(url));
    times.sort((a, b) => a - b);
    const [p50, p95] = [times[Math.floor(ROUNDS / 2)]!, times[Math.floor(ROUNDS * 0.95)]!];
    if (p95 > BUDGET_MS) missed += 1;
    print(
      `${p50.toFixed(1).padStart(8)} ${p95.toFixed(1).padStart(8)} ${p95 > BUDGET_MS ? "MISSED " : "       "}${url}`,
    );
  }
  await keepPlans();
  await app.http.close();
  process.exitCode = missed > 0 ? 1 : 0;
} finally {
  await database.close();
  await embedded.stop();
  rmSync(folder, { recursive: true, force: true });
}

function URLS(): string[] {
  return [
    "/leads",
    "/leads?sort=fullName",
    "/leads?sort=-createdAt",
    "/leads?sort=company",
    "/leads?sort=-company",
    "/leads?sort=changedAt",
    "/leads?q=person%204242",
    "/leads?q=p99",
    "/leads?status=Open",
    "/leads?emailGroupId=1",
    "/email-campaigns",
    "/email-campaigns?status=Completed",
    "/email-campaigns?campaignId=2&status=In+Progress",
    "/email-campaigns?sort=nextDueAt",
    "/email-campaigns?q=00042",
    "/campaigns",
    "/communications",
    "/communications?personId=77",
    "/communications?campaignId=2",
    "/suppressions",
    "/email-groups",
    "/email-groups/1/members",
    "/people/77",
    "/search?q=person%20424",
    "/home",
    "/insights/sends",
    "/insights/statuses",
    "/insights/calendar",
    "/insights/campaigns",
    "/campaigns/2/insights",
  ];
}

/** Set-based: what a year of work leaves behind, in seconds. */
async function seed(): Promise<void> {
  const { pool } = database;
  await pool.query(`
    insert into people (kind, status, first_name, full_name, email, email_key, company, created_at, changed_at)
    select 'lead', (array['Lead', 'Open', 'Replied'])[1 + n % 3], 'Person ' || n, 'Person ' || n, 'p' || n || '@example.com',
      'p' || n || '@example.com', 'Company ' || n % 500, timestamptz '2026-06-01' + n * interval '1 second', timestamptz '2026-06-01' + n * interval '1 second'
    from generate_series(1, ${PEOPLE}) n`);
  await pool.query(`
    with made as (insert into email_templates (name, current_version_id, created_at, changed_at)
      values ('Hello', null, now(), now()) returning id),
    version as (insert into content_versions (email_template_id, number, format, subject, body, compiled_subject, compiled_html,
      compiled_text, variables, general, content_hash, created_at)
      select id, 1, 'markdown', 'Hello', 'Hi', 'Hello', '<p>Hi</p>', 'Hi', '[]', false, 'x', now() from made returning id, email_template_id)
    update email_templates set current_version_id = version.id from version where false`);
  await pool.query("update email_templates set current_version_id = (select id from content_versions limit 1)");
  await pool.query(`
    insert into campaigns (name, created_at, changed_at) select 'Campaign ' || n, now(), now() from generate_series(1, 5) n`);
  await pool.query(`
    insert into steps (campaign_id, position, email_template_id, send_after_days, added_at)
    select c.id, n, (select id from email_templates limit 1), n * 7, timestamptz '2026-01-01' from campaigns c, generate_series(1, 4) n`);
  await pool.query(`
    insert into email_campaigns (number, campaign_id, person_id, start_on, end_on, status, next_due_at, created_at, changed_at, finished_at)
    select 'MAIL-CAMP-2026-' || lpad(n::text, greatest(5, length(n::text)), '0'), 1 + n % 5, n, date '2026-11-01' + n % 30, date '2026-12-01' + n % 30,
      case n % 4 when 0 then 'Completed' when 1 then 'Scheduled' else 'In Progress' end,
      case when n % 4 = 0 then null else timestamptz '2026-12-02' + n * interval '1 second' end,
      timestamptz '2026-11-01' + n * interval '1 second', timestamptz '2026-11-01' + n * interval '1 second',
      case when n % 4 = 0 then timestamptz '2026-11-20' end
    from generate_series(1, ${PEOPLE / 2}) n`);
  await pool.query(`
    insert into messages (email_campaign_id, step_id, person_id, campaign_id, state, due_at, planned_at, planned_on, finished_at, address)
    select ec.id, s.id, ec.person_id, ec.campaign_id, 'accepted', ec.created_at, ec.created_at, ec.start_on,
      ec.created_at + interval '1 minute', 'p' || ec.person_id || '@example.com'
    from email_campaigns ec join steps s on s.campaign_id = ec.campaign_id and s.position <= 2`);
  await pool.query("insert into email_groups (title, created_at, changed_at) values ('Half', now(), now())");
  await pool.query(`
    insert into email_group_members (email_group_id, person_id, joined_at) select 1, id, now() from people where id % 2 = 0`);
  await pool.query(`
    insert into suppressions (email_key, scope, reason, created_at)
    select 'gone' || n || '@example.com', 'everything', 'manual', now() from generate_series(1, ${PEOPLE / 20}) n`);
  await pool.query("vacuum analyze");
}

/** The plans of what a large table makes slow first, to be compared when one of them changes. */
async function keepPlans(): Promise<void> {
  const queries: Readonly<Record<string, string>> = {
    "people by a part of the name": "select id from people where full_name ilike '%person 4242%' order by id limit 51",
    "Email Campaigns of a status":
      "select id from email_campaigns where campaign_id = 2 and status = 'In Progress' order by id desc limit 51",
    "what is due": "select id from email_campaigns where next_due_at is not null order by next_due_at limit 500",
    "mails by day":
      "select finished_at::date, count(*) from messages where finished_at >= '2026-11-10' and state = 'accepted' group by 1",
  };
  let text = `# Plans of lists\n\nMade by \`node bench/lists.ts --people ${PEOPLE}\`.\n`;
  for (const [name, query] of Object.entries(queries)) {
    const { rows } = await database.pool.query<Record<"QUERY PLAN", string>>(`explain (analyze, costs off) ${query}`);
    text += `\n## ${name}\n\n\`\`\`\n${query}\n\n${rows.map((row) => row["QUERY PLAN"]).join("\n")}\n\`\`\`\n`;
  }
  const plans = join(import.meta.dirname, "plans");
  mkdirSync(plans, { recursive: true });
  writeFileSync(join(plans, "lists.md"), text);
}

function print(line: string): void {
  process.stdout.write(`${line}\n`);
}
