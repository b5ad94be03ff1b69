/** `tidings campaign`: what Campaigns and Email Campaigns are doing, from the command line. */
import { Command, Option } from "commander";
import * as automaticStarts from "../automatic-starts/automatic-starts.ts";
import * as campaigns from "../campaigns/campaigns.ts";
import * as emailCampaigns from "../email-campaigns/email-campaigns.ts";
import { COMMAND_LINE, withContext } from "./context.ts";
import { numberOf } from "./number-of.ts";
import { table } from "./output.ts";
import type { Common, Run } from "./program.ts";

const MOST = 500;
const REFERENCE = "its number MAIL-CAMP-2026-00001, or its id";

export const campaign = (run: Run): Command => {
  const command = new Command("campaign")
    .description("Campaigns, and the Email Campaigns that run them")
    .addCommand(
      new Command("list").description("Campaigns, and how many Email Campaigns each has").action(
        run((options, output) =>
          withContext(options, async ({ database: { db } }) => {
            const found = await campaigns.list(db, { limit: MOST });
            const rows = found.map(({ id, name, steps, emailCampaigns: counts }) => [
              id,
              name,
              steps.length,
              ...Object.values(counts),
            ]);
            const statuses = ["SCHEDULED", "IN PROGRESS", "PAUSED", "COMPLETED", "UNSUBSCRIBED", "STOPPED"];
            output.answer(table(["ID", "NAME", "STEPS", ...statuses], rows), { data: found });
          }),
        ),
      ),
    )
    .addCommand(
      new Command("show")
        .description("the Email Campaigns of a Campaign")
        .argument("<id>", "the Campaign's number, as `tidings campaign list` shows it")
        .action(
          run((options, output, id) =>
            withContext(options, async ({ database: { db } }) => {
              const wanted = numberOf(id, "the Campaign");
              const found = await campaigns.get(db, wanted);
              const rows = await emailCampaigns.list(db, { campaignId: wanted, limit: MOST, sort: "id" });
              const cells = rows.map((row) => [row.number, row.person, row.status, row.startOn, row.nextDueAt ?? ""]);
              const heading = `${found.name}: ${found.steps.length} steps\n\n`;
              output.answer(heading + table(["NUMBER", "PERSON", "STATUS", "START", "NEXT"], cells), {
                ...found,
                data: rows,
              });
            }),
          ),
        ),
    )
    .addCommand(
      new Command("waiting")
        .description("who waits for a yes, because too many at once would start by themselves")
        .argument("<id>", "the Campaign's number, as `tidings campaign list` shows it")
        .addOption(new Option("--start", "start them, a moment later").conflicts("forget"))
        .option("--forget", "start none of them")
        .action(
          run<Answer>(({ start = false, forget = false, ...options }, output, id) =>
            withContext(options, async ({ database: { db }, clock }) => {
              const wanted = numberOf(id, "the Campaign");
              const { waiting } = await automaticStarts.get(db, wanted);
              const found =
                start || forget
                  ? await automaticStarts.answer(db, wanted, start, COMMAND_LINE, clock())
                  : await automaticStarts.get(db, wanted);
              const said = start ? "Started as soon as Tidings runs" : forget ? "Forgotten" : "Waiting for a yes";
              output.answer(`${said}: ${waiting}.`, { campaignId: wanted, people: waiting, waiting: found.waiting });
            }),
          ),
        ),
    )
    .addCommand(
      new Command("explain")
        .description("for each step of an Email Campaign: why it was or was not sent, and what comes next")
        .argument("<number>", REFERENCE)
        .action(
          run((options, output, reference) =>
            withContext(options, async ({ database: { db }, clock }) => {
              const told = await emailCampaigns.explain(db, reference ?? "", clock());
              const rows = told.steps.map((step) => [`day ${step.sendAfterDays}`, step.at ?? "", step.code, step.text]);
              output.answer(`${told.number}: ${told.text}\n\n${table(["STEP", "AT", "CODE", "WHY"], rows)}`, told);
            }),
          ),
        ),
    );
  for (const [name, description, act] of ACTIONS)
    command.addCommand(
      new Command(name)
        .description(description)
        .argument("<number>", REFERENCE)
        .action(
          run<Common>((options, output, reference) =>
            withContext(options, async ({ database: { db }, clock }) => {
              const done = await act(db, reference ?? "", COMMAND_LINE, clock());
              output.answer(`${done.number} is ${done.status}.`, done);
            }),
          ),
        ),
    );
  return command;
};

type Answer = Common & { readonly start?: boolean; readonly forget?: boolean };

const ACTIONS = [
  ["pause", "hold an Email Campaign back until it is resumed", emailCampaigns.pause],
  ["resume", "let a paused Email Campaign go on", emailCampaigns.resume],
  ["cancel", "end an Email Campaign for good", emailCampaigns.cancel],
] as const;
