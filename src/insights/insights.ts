/** Front door: what went out, what is due, how far people got. Counts; changes nothing. */
import { workspace } from "../accounts/accounts.ts";
import { csvTable } from "../core/csv.ts";
import { refuse } from "../core/problem.ts";
import type { Db } from "../db/database.ts";
import type { Home } from "./api.ts";
import * as store from "./store.ts";

const MOST_DAYS = 366;
const DEFAULT_DAYS = 30;

type Asked = { from?: string | undefined; to?: string | undefined; campaignId?: number | undefined };

/** The days asked for; the last 30 when not said. Refuses more than a year at once. */
export async function spanOf(
  db: Db,
  { from, to, campaignId }: Asked,
  now: Temporal.Instant,
): Promise<{ span: store.Span; zone: string }> {
  const { timeZone: zone } = await workspace(db);
  const last = to ? Temporal.PlainDate.from(to) : now.toZonedDateTimeISO(zone).toPlainDate();
  const first = from ? Temporal.PlainDate.from(from) : last.subtract({ days: DEFAULT_DAYS - 1 });
  const days = first.until(last).total("days");
  if (days < 0) refuse("span-invalid", "The last day lies before the first one.", "/to");
  if (days >= MOST_DAYS) refuse("span-invalid", `At most ${MOST_DAYS} days at once.`, "/from");
  return { span: { from: first, to: last, campaignId }, zone };
}

/** What whoever opens the application wants to know first. */
export async function home(db: Db, { smtpUrl }: { smtpUrl?: string | null | undefined }, now: Temporal.Instant) {
  const { timeZone: zone, postalAddress } = await workspace(db);
  const today = now.toZonedDateTimeISO(zone).toPlainDate();
  const [sent, due, statuses, waiting, troubles] = await Promise.all([
    store.sends(db, { from: today.subtract({ days: 13 }), to: today }, zone),
    store.calendar(db, { from: today, to: today.add({ days: 6 }) }),
    store.statusCounts(db),
    store.onTheirWay(db, today, zone),
    store.troubles(db, now),
  ]);
  const upcoming = store.daysOf(today, today.add({ days: 6 })).map((day) => ({
    day,
    due: due.filter((one) => one.day.equals(day)).reduce((sum, one) => sum + one.due, day.equals(today) ? waiting : 0),
  }));
  const attention: Home["attention"] = [];
  const note = (code: Home["attention"][number]["code"], count: number, text: string | null = null) => {
    if (count > 0) attention.push({ code, count, text });
  };
  note("account-in-trouble", troubles.trouble ? 1 : 0, troubles.trouble);
  note("mail-in-doubt", troubles.doubt);
  note("mail-refused", troubles.refused);
  note("mail-late", troubles.late);
  note("bad-rows", troubles.bad);
  note("no-email-account", troubles.accounts === 0 && !smtpUrl ? 1 : 0);
  note("no-postal-address", postalAddress === null ? 1 : 0);
  return {
    today,
    sentToday: sent.at(-1)?.sent ?? 0,
    dueToday: upcoming[0]?.due ?? 0,
    dueThisWeek: upcoming.reduce((sum, one) => sum + one.due, 0),
    emailCampaigns: countsOf(statuses),
    sent,
    upcoming,
    attention,
  };
}

/** How far people got in a Campaign. */
export async function ofCampaign(db: Db, id: number) {
  const found = await db.selectFrom("campaigns").select("id").where("id", "=", id).executeTakeFirst();
  if (!found) refuse("campaign-not-found", `There is no Campaign ${id}.`);
  const [statuses, steps, ahead, convertedAfter] = await Promise.all([
    store.statusCounts(db, id),
    store.steps(db, id),
    store.ahead(db, id),
    store.conversions(db, id),
  ]);
  const days = (of: "first" | "last") => statuses.flatMap((row) => row[of] ?? []).sort(Temporal.PlainDate.compare);
  return {
    started: statuses.reduce((sum, { count }) => sum + count, 0),
    ...countsOf(statuses),
    converted: [...convertedAfter.values()].reduce((sum, count) => sum + count, 0),
    convertedBeforeMail: convertedAfter.get(null) ?? 0,
    firstStart: days("first")[0] ?? null,
    lastStart: days("last").at(-1) ?? null,
    steps: steps.map(({ underWay, resolved: _resolved, ...step }) => ({
      ...step,
      converted: convertedAfter.get(step.stepId) ?? 0,
      waiting: underWay + (ahead.get(step.stepId) ?? 0),
    })),
  };
}

const HEADINGS = [
  "position",
  "day",
  "template",
  "sent",
  "to come",
  "skipped",
  "failed",
  "unsubscribed after it",
  "converted after it",
];

/** The same as a table for spreadsheets; its first row is what came before any mail. */
export async function csvOf(db: Db, id: number): Promise<string> {
  const { steps, convertedBeforeMail } = await ofCampaign(db, id);
  return csvTable(HEADINGS, [
    ["", "", "(before the first mail)", "", "", "", "", "", convertedBeforeMail],
    ...steps.map((step) => [
      step.position,
      step.sendAfterDays,
      step.emailTemplate,
      step.sent,
      step.waiting,
      step.skipped,
      step.failed,
      step.unsubscribed,
      step.converted,
    ]),
  ]);
}

function countsOf(rows: readonly { status: string; count: number }[]) {
  const count = (status: string) => rows.find((row) => row.status === status)?.count ?? 0;
  return {
    scheduled: count("Scheduled"),
    inProgress: count("In Progress"),
    paused: count("Paused"),
    completed: count("Completed"),
    unsubscribed: count("Unsubscribed"),
    stopped: count("Stopped"),
  };
}
