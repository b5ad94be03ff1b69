/** `tidings run`: the main job from a campaign file and a CSV of people. */
import { Command, InvalidArgumentError, Option } from "commander";
import { readCampaignFile } from "../campaigns/campaign-file.ts";
import { stoppedAt } from "../clock.ts";
import { withContext } from "./context.ts";
import type { Common, Run } from "./program.ts";
import { begin } from "./progress.ts";
import { runCampaign } from "./run-campaign.ts";
import { written } from "./run-report.ts";

type Options = Common & { readonly people?: string; readonly smtp?: string; readonly now?: Temporal.Instant };

export const run = (make: Run): Command =>
  new Command("run")
    .description("make or update a campaign from a file, start it for people, and send what is due")
    .argument("<campaign.yaml>", "the campaign, as docs/examples/campaign.yaml")
    .option("--people <leads.csv>", "the people to start it for")
    .option("--smtp <url>", "the server to send by: smtp://user:password@host:587, smtps://host:465")
    .addOption(new Option("--now <moment>", "run it as of this moment, such as 2026-12-01T09:00Z").argParser(momentOf))
    .action(
      make<Options>(async (options, output, path) => {
        const file = await readCampaignFile(path ?? "");
        const clock = options.now ? { clock: stoppedAt(options.now) } : {};
        const result = await withContext({ ...options, command: "tidings run", ...clock }, async (context) => {
          const importing = begin(output, "Importing people");
          const starting = begin(output, "Starting");
          const watch = { imported: importing.at, started: starting.at };
          const done = await runCampaign(context, file, options, watch, context.clock());
          importing.end("Imported");
          starting.end("Started");
          return done;
        });
        for (const { line, problem } of result.import?.problems ?? []) output.note(`Row ${line}: ${problem}`);
        output.answer(written(result), result);
        if (result.problems.length > 0) process.exitCode = 1;
      }),
    );

function momentOf(text: string): Temporal.Instant {
  try {
    return Temporal.Instant.from(text);
  } catch {
    throw new InvalidArgumentError("A moment is written as 2026-12-01T09:00Z.");
  }
}
