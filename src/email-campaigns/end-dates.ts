/** The end dates that are shown: the day of the last step, by the workspace's calendar. What leaves when is decided elsewhere. */
import { sql } from "kysely";
import { workspace } from "../accounts/accounts.ts";
import * as campaigns from "../campaigns/campaigns.ts";
import { endOn, type Step } from "../core/schedule.ts";
import { type CampaignTiming, type StepTimingText, stepTimingOf } from "../core/timing.ts";
import type { Db, Tx } from "../db/database.ts";
import { calendarsOf } from "./calendar.ts";

type Timed = { readonly timing: CampaignTiming | null };
type Rows = readonly (Omit<Step, "timing"> & { readonly timing: StepTimingText | null })[];

/** The end date of one who starts on a day; a person of another country may have other holidays. */
export async function endsOnFor(db: Db, campaign: Timed, rows: Rows, startOn: Temporal.PlainDate) {
  const steps = rows.map((row) => ({ ...row, timing: row.timing && stepTimingOf(row.timing) }));
  if (!countsBusinessDays(campaign, steps)) return endOn(startOn, steps);
  const { timeZone } = await workspace(db);
  const row = {
    personId: 0,
    startOn,
    nextDueAt: null,
    timeZone,
    workspaceZone: timeZone,
    campaignTiming: campaign.timing && JSON.stringify(campaign.timing),
    quietHours: null,
    frequencyCap: null,
  };
  return endOn(startOn, steps, (await calendarsOf(db, [row], steps)).of(row));
}

/** Gives what runs its end date anew where business days are counted: for each start day there is, not for each row. */
export async function saveEndDates(tx: Tx, campaignId: number): Promise<void> {
  const campaign = await campaigns.find(tx, campaignId);
  const steps = await campaigns.stepsOf(tx, [campaignId]);
  if (!campaign || !countsBusinessDays(campaign, steps)) return;
  const { rows } = await sql<{ startOn: Temporal.PlainDate }>`
    select distinct start_on + shifted_days as start_on from email_campaigns
    where campaign_id = ${campaignId} and status in ('Scheduled', 'In Progress', 'Paused')
      and schedule_version_id is null`.execute(tx);
  const days = [];
  for (const { startOn } of rows)
    days.push({ start_on: startOn, end_on: await endsOnFor(tx, campaign, steps, startOn) });
  await sql`
    update email_campaigns set end_on = days.end_on
    from jsonb_to_recordset(${JSON.stringify(days)}::jsonb) as days (start_on date, end_on date)
    where campaign_id = ${campaignId} and status in ('Scheduled', 'In Progress', 'Paused')
      and email_campaigns.start_on + shifted_days = days.start_on and schedule_version_id is null`.execute(tx);
}

function countsBusinessDays(campaign: Timed, steps: readonly { timing: { counting: string | null } | null }[]) {
  return (
    campaign.timing?.counting === "business-days" || steps.some(({ timing }) => timing?.counting === "business-days")
  );
}
