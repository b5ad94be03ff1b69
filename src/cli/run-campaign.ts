/**
 * The main job without the web: makes or updates a campaign from a file, imports people, starts it for them, and sends
 * what is due. Doing it again starts nobody twice and sends only what has become due.
 */
import { createReadStream } from "node:fs";
import { sql } from "kysely";
import { accountOfUrl, findSenderByEmail, workspace } from "../accounts/accounts.ts";
import * as emailAccounts from "../accounts/email-accounts.ts";
import * as senders from "../accounts/senders.ts";
import type { CampaignFile } from "../campaigns/campaign-file.ts";
import { fromFile } from "../campaigns/from-file.ts";
import { systemClock } from "../clock.ts";
import { BEAT_EVERY_MS, createLifeline, refuseUnlessMayLeave } from "../continuity/continuity.ts";
import { refuse } from "../core/problem.ts";
import { localDay } from "../core/schedule.ts";
import type { Db } from "../db/database.ts";
import { createDelivery, deliveryProblems } from "../delivery/delivery.ts";
import * as emailCampaigns from "../email-campaigns/email-campaigns.ts";
import { neighboursOf } from "../neighbours.ts";
import { type ImportResult, importPeople } from "../people/import.ts";
import * as workspaces from "../workspace/workspace.ts";
import { COMMAND_LINE, type Context } from "./context.ts";
import { type Report, report, sentByStep } from "./run-report.ts";

export type RunOptions = {
  /** A CSV of people; without it only what was started before goes on. */
  readonly people?: string;
  /** The server to send by; without it the sender's account, else the built-in mailbox. */
  readonly smtp?: string;
};

export type Watch = {
  readonly imported: (rows: number) => void;
  readonly started: (done: number, total: number) => void;
};

export type RunResult = Report & {
  readonly campaign: { readonly id: number; readonly name: string };
  readonly import: ImportResult | null;
  readonly started: number;
  readonly leftOut: Readonly<Record<string, number>>;
};

/** Does the whole job as of now. Refuses before anything is sent when the file, the people or the server are wrong. */
export async function runCampaign(
  context: Context,
  file: CampaignFile,
  options: RunOptions,
  watch: Watch,
  now: Temporal.Instant,
): Promise<RunResult> {
  const { db, batches } = context.database;
  const { log, secrets, config } = context;
  // By the machine's clock, whatever moment it is run as of: it says when this database was last in use.
  const lifeline = createLifeline({
    db: batches,
    dataDir: config.dataDir,
    clock: systemClock,
    log,
    machineClock: true,
  });
  await refuseUnlessMayLeave(db, lifeline);
  await settings(db, file, now);
  const senderId = await sender(context, file, options.smtp, now);
  // People first: their file may bring the fields that the templates name.
  const people = options.people ? await read(context, file, options.people, watch, now) : null;
  const campaign = await fromFile(db, file, COMMAND_LINE, emailCampaigns.reschedule, now);
  const started = people
    ? await start(db, file, campaign.id, senderId, people.emailKeys, watch, now)
    : { started: 0, leftOut: {} };

  const vault = { seal: context.secrets, smtpUrl: context.config.smtpUrl };
  const delivery = createDelivery({
    db: batches,
    vault,
    publicUrl: config.publicUrl,
    trackingUrl: config.trackingUrl,
    linkKeys: secrets.keysFor("links"),
    log,
  });
  const before = await sentByStep(db, campaign.id);
  // Somebody asked for this run: what an outage left behind leaves now, not in slices.
  const heart = setInterval(() => void lifeline.beat().catch(() => undefined), BEAT_EVERY_MS);
  try {
    await delivery.runUntilIdle(now, { burstGuard: false });
    await delivery.drain();
  } finally {
    clearInterval(heart);
  }
  return {
    campaign: { id: campaign.id, name: campaign.name },
    import: people?.result ?? null,
    ...started,
    ...(await report(db, campaign.id, before, await deliveryProblems(db, vault), now)),
  };
}

async function settings(db: Db, { postalAddress, timeZone }: CampaignFile, now: Temporal.Instant): Promise<void> {
  const edit = { ...(postalAddress ? { postalAddress } : {}), ...(timeZone ? { timeZone } : {}) };
  await workspaces.update(db, edit, COMMAND_LINE, null, emailCampaigns.wakeAll, now);
}

async function sender(
  { database: { db }, secrets }: Context,
  { sender: wanted }: CampaignFile,
  smtp: string | undefined,
  now: Temporal.Instant,
): Promise<number> {
  const emailAccountId = smtp === undefined ? undefined : await account(db, smtp, secrets, now);
  const found = await findSenderByEmail(db, wanted.email);
  const values = {
    name: wanted.name,
    replyTo: wanted.replyTo ?? null,
    ...(emailAccountId === undefined ? {} : { emailAccountId }),
  };
  if (found) return (await senders.update(db, found.id, values, COMMAND_LINE, null, now)).id;
  const made = {
    userId: null,
    signatureHtml: null,
    signatureText: null,
    emailAccountId: null,
    ...values,
    email: wanted.email,
  };
  return (await senders.create(db, made, COMMAND_LINE, now)).id;
}

/** The account for a server, made at the first run and told the password again at each. */
async function account(db: Db, url: string, seal: Context["secrets"], now: Temporal.Instant): Promise<number> {
  const given = accountOfUrl(url);
  if (given.kind !== "smtp") return refuse("smtp-url-invalid", "This is not an SMTP server.");
  const name = `${given.host}:${given.port}`;
  const values = {
    smtpHost: given.host,
    smtpPort: given.port,
    smtpSecurity: given.security,
    smtpUser: given.user,
    smtpPassword: given.password,
  };
  const all = await emailAccounts.list(db, { limit: 500 });
  const found = all.find((candidate) => candidate.name === name);
  if (found) return (await emailAccounts.update(db, found.id, values, seal, COMMAND_LINE, null, now)).id;
  const made = {
    email: null,
    connections: given.connections,
    forceAddress: false,
    forceName: false,
    holdUnknown: false,
  };
  return (await emailAccounts.create(db, { ...made, ...values, name, isDefault: false }, seal, COMMAND_LINE, now)).id;
}

async function read(context: Context, file: CampaignFile, path: string, watch: Watch, now: Temporal.Instant) {
  const emailKeys = new Set<string>();
  const bytes = createReadStream(path);
  const result = await importPeople(
    context.database,
    bytes,
    {
      kind: file.for,
      mode: "update",
      unknownColumns: "attributes",
      actor: COMMAND_LINE,
      neighbours: neighboursOf(context.secrets),
      onAddress: (key) => emailKeys.add(key),
    },
    now,
    watch.imported,
  ).catch((error: unknown) => {
    if (error instanceof Error && "code" in error && error.code === "ENOENT")
      return refuse("people-file-missing", `The file ${path} cannot be read.`);
    throw error;
  });
  return { result, emailKeys };
}

/** Starts those in the file for whom this Campaign never ran; a start day that has passed is today for newcomers. */
async function start(
  db: Db,
  file: CampaignFile,
  campaignId: number,
  senderId: number,
  emailKeys: ReadonlySet<string>,
  watch: Watch,
  now: Temporal.Instant,
) {
  const { rows } = await sql<{ id: number; known: boolean }>`
    select people.id, exists (
      select from email_campaigns ran where ran.campaign_id = ${campaignId} and ran.person_id = people.id) as known
    from people where people.email_key = any(${[...emailKeys]}::text[]) and people.erased_at is null`.execute(db);
  const ids = rows.filter((row) => !row.known).map((row) => row.id);
  const startedBefore = rows.length - ids.length;
  const before: Record<string, number> = startedBefore > 0 ? { "started-before": startedBefore } : {};
  if (ids.length === 0) return { started: 0, leftOut: before };
  const today = localDay(now, (await workspace(db)).timeZone);
  const wanted = file.startDate === "today" ? today : Temporal.PlainDate.from(file.startDate);
  const startOn = Temporal.PlainDate.compare(wanted, today) < 0 ? today : wanted;
  const input = { campaignId, emailGroupId: null, filter: { ids }, startOn: startOn.toString(), senderId };
  const { started, leftOut } = await emailCampaigns.startMany(db, input, null, COMMAND_LINE, now, watch.started);
  return { started, leftOut: { ...leftOut, ...before } };
}
