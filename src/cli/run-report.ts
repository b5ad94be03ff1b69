/** What happened in a Campaign and what comes next: as data for programs, as tables for people. Reads only. */
import { sql } from "kysely";
import * as campaigns from "../campaigns/campaigns.ts";
import type { EmailCampaignStatus } from "../db/tables.ts";
import type { Db } from "../db/database.ts";
import type { DeliveryProblem } from "../delivery/problems.ts";
import { table } from "./output.ts";

export type StepReport = {
  readonly stepId: number;
  readonly sendAfterDays: number;
  readonly emailTemplate: string;
  readonly sent: number;
  /** Sent in this very run, as of its moment. */
  readonly sentNow: number;
  readonly waiting: number;
  readonly failed: number;
  /** Skipped, by reason. */
  readonly skipped: Readonly<Record<string, number>>;
};

export type Report = {
  /** Mails that left in this run. */
  readonly sent: number;
  readonly steps: readonly StepReport[];
  /** Email Campaigns by status. */
  readonly statuses: Readonly<Record<EmailCampaignStatus, number>>;
  /** The next moment at which something is due, and for how many. */
  readonly next: { readonly at: Temporal.Instant; readonly count: number } | null;
  readonly problems: readonly DeliveryProblem[];
  readonly asOf: Temporal.Instant;
};

type Row = { stepId: number; state: string; reason: string | null; count: number };

/** How many mails of each step were sent so far, by step id. */
export async function sentByStep(db: Db, campaignId: number): Promise<ReadonlyMap<number, number>> {
  const { rows } = await sql<{ stepId: number; count: number }>`
    select step_id, count(*)::int as count from messages
    where campaign_id = ${campaignId} and state = 'accepted' group by step_id`.execute(db);
  return new Map(rows.map((row) => [row.stepId, row.count]));
}

/** How a Campaign stands. @param before what {@link sentByStep} answered before this run sent anything. */
export async function report(
  db: Db,
  campaignId: number,
  before: ReadonlyMap<number, number>,
  problems: readonly DeliveryProblem[],
  now: Temporal.Instant,
): Promise<Report> {
  const { steps, emailCampaigns: statuses } = await campaigns.get(db, campaignId);
  const { rows } = await sql<Row>`
    select step_id, state, case when state in ('skipped', 'planned') then reason end as reason, count(*)::int as count
    from messages where campaign_id = ${campaignId} group by 1, 2, 3`.execute(db);
  const sum = (found: readonly Row[]) => found.reduce((total, row) => total + row.count, 0);
  const reports = steps.map(({ id: stepId, sendAfterDays, emailTemplate }) => {
    const of = rows.filter((row) => row.stepId === stepId);
    const sentRows = of.filter((row) => row.state === "accepted");
    const skipped = of.filter((row) => row.state === "skipped");
    return {
      stepId,
      sendAfterDays,
      emailTemplate,
      sent: sum(sentRows),
      sentNow: sum(sentRows) - (before.get(stepId) ?? 0),
      failed: sum(of.filter((row) => row.state === "refused")),
      waiting: sum(of.filter((row) => !["accepted", "refused", "skipped"].includes(row.state))),
      skipped: Object.fromEntries(skipped.map((row) => [row.reason ?? "skipped", row.count])),
    };
  });
  // Parked by a pause is as asked; any other that was never tried is one its server would not take.
  const stuck = sum(rows.filter((row) => row.state === "planned" && row.reason !== "paused"));
  const waits = { code: "mail-waits", text: `${stuck} emails are due and could not be handed to a server yet.` };
  const all = stuck > 0 && problems.length === 0 ? [waits] : problems;
  const sent = reports.reduce((total, step) => total + step.sentNow, 0);
  return { sent, steps: reports, statuses, next: await next(db, campaignId), problems: all, asOf: now };
}

async function next(db: Db, campaignId: number): Promise<Report["next"]> {
  const { rows } = await sql<{ at: Temporal.Instant; count: number }>`
    select next_due_at as at, count(*)::int as count from email_campaigns
    where campaign_id = ${campaignId} and next_due_at is not null
    group by 1 order by 1 limit 1`.execute(db);
  return rows[0] ?? null;
}

/** The report as text. */
export function written(result: Report & { campaign: { name: string }; started: number; leftOut: object }): string {
  const steps = result.steps.map((step) => [
    `day ${step.sendAfterDays}`,
    step.emailTemplate,
    step.sentNow,
    step.sent,
    step.waiting,
    step.failed,
    Object.entries(step.skipped)
      .map(([reason, count]) => `${count} ${reason}`)
      .join(", "),
  ]);
  const left = Object.entries(result.leftOut).map(([reason, count]) => `${String(count)} ${reason}`);
  const statuses = Object.entries(result.statuses).filter(([, count]) => count > 0);
  const next = result.next
    ? `Next: ${result.next.count} due at ${result.next.at.toString({ smallestUnit: "minute" })}.`
    : "Nothing more is due.";
  return [
    `${result.campaign.name}, as of ${result.asOf.toString({ smallestUnit: "minute" })}`,
    `Started: ${result.started}${left.length > 0 ? `; left out: ${left.join(", ")}` : ""}`,
    "",
    table(["STEP", "TEMPLATE", "SENT NOW", "SENT IN ALL", "WAITING", "FAILED", "SKIPPED"], steps),
    "",
    statuses.map(([status, count]) => `${count} ${status}`).join(", "),
    next,
    ...result.problems.map((problem) => `! ${problem.text}`),
  ].join("\n");
}
