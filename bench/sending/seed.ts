/** The database of the bench: people, one Campaign of one mail on day 0, all of them started. */
import * as senders from "../../src/accounts/senders.ts";
import * as accounts from "../../src/accounts/email-accounts.ts";
import * as campaigns from "../../src/campaigns/campaigns.ts";
import type { Database } from "../../src/db/database.ts";
import * as emailCampaigns from "../../src/email-campaigns/email-campaigns.ts";
import * as domains from "../../src/domains/domains.ts";
import type { Secrets } from "../../src/secret.ts";
import * as templates from "../../src/templates/templates.ts";
import { HTML, personOf, SUBJECT, TEXT } from "./content.ts";

const actor = { name: "bench", role: "administrator" } as const;

/** Signs what leaves from now on with a key of its own. */
export async function signing({ db }: Database, secrets: Secrets, now: Temporal.Instant): Promise<void> {
  await domains.create(db, { domain: "example.com", mode: "sign" }, secrets, actor, now);
}

export type Seeded = { readonly campaignId: number; readonly senderId: number };

/** People, account, template and Campaign; nothing is due yet. */
export async function seed(
  { db, pool }: Database,
  secrets: Secrets,
  { people, port, connections }: { people: number; port: number; connections: number },
  now: Temporal.Instant,
): Promise<Seeded> {
  await db.updateTable("workspace").set({ postalAddress: "Example Ltd, 1 High Street, Lisbon" }).execute();
  await accounts.create(
    db,
    {
      name: "Sink",
      email: "news@example.com",
      smtpHost: "127.0.0.1",
      smtpPort: port,
      smtpSecurity: "none",
      smtpUser: null,
      smtpPassword: null,
      connections,
      forceAddress: false,
      forceName: false,
      holdUnknown: false,
      isDefault: true,
    },
    secrets,
    actor,
    now,
  );
  const sender = await senders.create(
    db,
    {
      userId: null,
      name: "Marta Silva",
      email: "marta@example.com",
      replyTo: null,
      signatureHtml: null,
      signatureText: null,
      emailAccountId: null,
    },
    actor,
    now,
  );
  const template = await templates.create(
    db,
    { name: "News", format: "html", subject: SUBJECT, preheader: null, body: HTML, text: TEXT },
    actor,
    now,
  );
  const campaign = await campaigns.create(
    db,
    {
      name: "News",
      description: null,
      timeOfDay: null,
      expiresAfterDays: null,
      steps: [{ emailTemplateId: template.id, sendAfterDays: 0, timeOfDay: null, expiresAfterDays: null }],
    },
    actor,
    now,
  );
  for (let from = 1; from <= people; from += 10_000) {
    const rows = Array.from({ length: Math.min(10_000, people - from + 1) }, (_, at) => personOf(from + at));
    await pool.query(
      `insert into people (kind, status, first_name, last_name, full_name, email, email_key, company, created_at, changed_at)
       select 'lead', 'Open', first_name, last_name, first_name || ' ' || last_name, email, email, company, $2, $2
       from jsonb_to_recordset($1) as row (first_name text, last_name text, email text, company text)`,
      [JSON.stringify(rows), now.toString()],
    );
  }
  await pool.query("vacuum analyze");
  return { campaignId: campaign.id, senderId: sender.id };
}

/** Starts everybody (again), so that one mail each is due. */
export async function startAll(
  { db, pool }: Database,
  { campaignId, senderId }: Seeded,
  now: Temporal.Instant,
): Promise<void> {
  await pool.query("truncate messages, delivery_attempts, email_campaigns, timeline_entries cascade");
  await emailCampaigns.startMany(
    db,
    { campaignId, emailGroupId: null, filter: {}, startOn: null, senderId },
    null,
    actor,
    now,
  );
  await pool.query("vacuum analyze");
  await pool.query("checkpoint");
}
