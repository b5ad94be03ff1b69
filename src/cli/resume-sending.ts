/** `tidings resume-sending`: a person's answer when mail is held because the database seems to be a restored copy. */
import { Command, Option } from "commander";
import { resumeSending as answer, sendingHold, type WhatIsDue } from "../continuity/continuity.ts";
import { COMMAND_LINE, withContext } from "./context.ts";
import { table } from "./output.ts";
import type { Common, Run } from "./program.ts";

type Options = Common & { readonly whatIsDueSince?: WhatIsDue };

const REASONS = {
  "went-back": "The data folder saw a later state of this database: a backup was restored.",
  copied: "This is a copy of a database or of a data folder: what was done since it was made is not known here.",
  silent: "Nothing ran for more than three days, and mail came due meanwhile.",
} as const;

export const resumeSending = (run: Run): Command =>
  new Command("resume-sending")
    .description("look at what a restored copy would send, and let mail leave again")
    .addOption(
      new Option(
        "--what-is-due-since <answer>",
        "keep: what came due since the copy was made leaves. skip: it has left before, or is too late; what lies ahead goes on",
      ).choices(["keep", "skip"]),
    )
    .action(
      run<Options>((options, output) =>
        withContext(options, async ({ database: { db }, clock }) => {
          if (options.whatIsDueSince) {
            const { skipped } = await answer(db, options.whatIsDueSince, COMMAND_LINE, clock());
            output.answer(`Mail leaves again. ${skipped} steps were skipped.`, { resumed: true, skipped });
            return;
          }
          const { held } = await sendingHold(db, clock());
          if (!held) {
            output.answer("Nothing is held.", { held });
            return;
          }
          const rows = held.first.map(({ number, person, campaign, dueAt }) => [
            number,
            person,
            campaign,
            dueAt.toString(),
          ]);
          const lines = [
            `Held since ${held.at.toString()}. ${REASONS[held.reason]}`,
            `The last sign of life before it was ${held.lastAliveAt?.toString() ?? "never"}. Due are ${held.due}:`,
            table(["NUMBER", "PERSON", "CAMPAIGN", "DUE"], rows),
            "Answer with --what-is-due-since keep, or skip.",
          ];
          output.answer(lines.join("\n"), { held });
        }),
      ),
    );
