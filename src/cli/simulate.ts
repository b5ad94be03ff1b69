/** `tidings simulate`: what a campaign file would send, day by day, with a virtual clock. Sends nothing and keeps nothing. */
import { Command, InvalidArgumentError, Option } from "commander";
import { readCampaignFile } from "../campaigns/campaign-file.ts";
import { fromFile } from "../campaigns/from-file.ts";
import { stoppedAt } from "../clock.ts";
import { type Deed, DEEDS } from "../core/answers.ts";
import { simulate, type Simulated } from "../simulation/simulate.ts";
import { COMMAND_LINE, withContext } from "./context.ts";
import { table } from "./output.ts";
import type { Common, Run } from "./program.ts";

type Options = Common & {
  readonly days: number;
  readonly people: number;
  readonly startOn?: string;
  readonly zones?: string;
  readonly answers: Partial<Record<Deed, number>>;
  readonly afterHours: number;
  readonly seed: number;
  readonly now?: Temporal.Instant;
};

/** How many made-up people one simulation takes. */
const MOST = 100_000;

export const simulateCommand = (run: Run): Command =>
  new Command("simulate")
    .description("every mail a campaign file would send, with its date; nothing is sent and nothing is kept")
    .argument("<campaign.yaml>", "the campaign, as docs/examples/campaign.yaml")
    .addOption(new Option("--days <n>", "how many days").argParser(whole(1, 1000)).default(90))
    .addOption(new Option("--people <n>", "how many made-up people").argParser(whole(1, MOST)).default(1))
    .option("--start-on <day>", "the day they start on; the file's, else today")
    .option("--zones <list>", "their time zones in turn, such as Europe/Lisbon,Asia/Tokyo")
    .addOption(
      new Option("--answers <shares>", `who answers how: ${DEEDS.join(", ")}, as reply=0.05,bounce=0.02`)
        .argParser(sharesOf)
        .default({}),
    )
    .addOption(new Option("--after-hours <n>", "how long they take").argParser(whole(0, 10_000)).default(5))
    .addOption(new Option("--seed <n>", "another seed gives other answers").argParser(whole(0, 2 ** 31)).default(1))
    .addOption(new Option("--now <moment>", "simulate from this moment, such as 2026-12-01T09:00Z").argParser(momentOf))
    .action(
      run<Options>(async (options, output, path) => {
        const file = await readCampaignFile(path ?? "");
        const clock = options.now ? { clock: stoppedAt(options.now) } : {};
        const found = await withContext({ ...options, command: "tidings simulate", ...clock }, async (context) => {
          const now = context.clock();
          const zones = options.zones?.split(",") ?? [];
          const startOn = options.startOn ?? (file.startDate === "today" ? null : file.startDate);
          return simulate(
            { db: context.database.db, log: context.log },
            {
              personIds: [],
              madeUp: Array.from({ length: options.people }, (_, index) => ({
                name: `Person ${index + 1}`,
                timeZone: zones[index % zones.length] ?? null,
              })),
              startOn: startOn !== null && startOn < now.toString().slice(0, 10) ? null : startOn,
              days: options.days,
              answers: { shares: options.answers, afterHours: options.afterHours, seed: options.seed, named: [] },
            },
            async (tx) => (await fromFile(tx, file, COMMAND_LINE, async () => undefined, now)).id,
            now,
          );
        });
        output.answer(written(found), found);
      }),
    );

/** A line a mail for few people, a line a day for many. */
function written({ campaign, mails, people, steps, answers }: Simulated): string {
  const heading = `${campaign.name}: ${mails.length} mails to ${people.length} people.\n\n`;
  const stepOf = new Map(steps.map((step) => [step.stepId, step]));
  if (people.length <= 5)
    return (
      heading +
      table(
        ["DAY", "AT (UTC)", "TO", "MAIL", "OUTCOME"],
        mails.map(({ on, at, person, stepId, variant, outcome, reason }) => [
          on,
          at.toString().slice(0, 16),
          people[person]?.name ?? "",
          `day ${stepOf.get(stepId)?.sendAfterDays ?? ""}${variant ? `, ${variant}` : ""}`,
          reason ? `${outcome} (${reason})` : outcome,
        ]),
      )
    );
  const days = new Map<string, { sent: number; skipped: number; failed: number; answers: number }>();
  const of = (day: string) => {
    const known = days.get(day) ?? { sent: 0, skipped: 0, failed: 0, answers: 0 };
    days.set(day, known);
    return known;
  };
  for (const { on, outcome } of mails) of(on)[outcome] += 1;
  for (const { at } of answers) of(at.toString().slice(0, 10)).answers += 1;
  const rows = [...days].toSorted(([one], [other]) => (one < other ? -1 : 1));
  return (
    heading +
    table(
      ["DAY", "SENT", "SKIPPED", "FAILED", "ANSWERS"],
      rows.map(([day, count]) => [day, count.sent, count.skipped, count.failed, count.answers]),
    )
  );
}

function whole(least: number, most: number): (text: string) => number {
  return (text) => {
    const number = Number(text);
    if (!Number.isInteger(number) || number < least || number > most)
      throw new InvalidArgumentError(`A whole number from ${least} to ${most}.`);
    return number;
  };
}

function sharesOf(text: string): Partial<Record<Deed, number>> {
  return Object.fromEntries(
    text.split(",").map((part) => {
      const [name = "", share = ""] = part.split("=").map((one) => one.trim());
      const number = Number(share);
      if (!DEEDS.includes(name as Deed) || share === "" || !(number >= 0 && number <= 1))
        throw new InvalidArgumentError(`“${part}” is not a share such as reply=0.05; known are ${DEEDS.join(", ")}.`);
      return [name, number];
    }),
  );
}

function momentOf(text: string): Temporal.Instant {
  try {
    return Temporal.Instant.from(text);
  } catch {
    throw new InvalidArgumentError("A moment is written as 2026-12-01T09:00Z.");
  }
}
