/** `tidings export`, `plan` and `apply`: Campaigns as a folder of files. */
import { Command, InvalidArgumentError, Option } from "commander";
import { type Applied, apply, plan, type Wishes } from "../campaign-files/apply.ts";
import type { StartChanges } from "../campaign-files/automatic-start.ts";
import { exportFolder } from "../campaign-files/export.ts";
import { readFolder } from "../campaign-files/read.ts";
import type { Way } from "../core/automatic-start.ts";
import type { Difference } from "../core/schedule-diff.ts";
import { CHOICES, type Choice } from "../core/schedule-effects.ts";
import { COMMAND_LINE, withContext } from "./context.ts";
import type { Common, Run } from "./program.ts";

export const exportCommand = (run: Run): Command =>
  new Command("export")
    .description("write all Campaigns and their templates into a folder, as plan and apply read it")
    .argument("<folder>", "where to; files of the same name are written over")
    .action(
      run<Common>((options, output, folder = "") =>
        withContext({ ...options, command: "tidings export" }, async ({ database: { db } }) => {
          const files = await exportFolder(db, folder);
          output.answer(`${files.length} files are in ${folder}.`, { folder, files });
        }),
      ),
    );

type Options = Common & { readonly choice: Choice; readonly dueNow?: number; readonly perHour?: number };

const withChoice = (command: Command): Command =>
  command
    .argument("<folder>", "with campaigns/*.yaml and templates/*.yaml, as export writes them")
    .addOption(
      new Option("--choice <choice>", "what those on their way get").choices([...CHOICES]).default("everyone"),
    );

export const planCommand = (run: Run): Command =>
  withChoice(new Command("plan"))
    .description("say what applying a folder would do, and to whom; changes nothing")
    .action(
      run<Options>(async (options, output, path = "") => {
        const folder = await readFolder(path);
        const found = await withContext({ ...options, command: "tidings plan" }, ({ database: { db }, clock }) =>
          plan(db, folder, wishesOf(options), COMMAND_LINE, clock()),
        );
        output.answer(written(found, "would be"), found);
      }),
    );

export const applyCommand = (run: Run): Command =>
  withChoice(new Command("apply"))
    .description("make and publish Campaigns and templates as a folder has them, whole or not at all")
    .addOption(new Option("--due-now <n>", "agree to so many mails that become due at once").argParser(count))
    .addOption(new Option("--per-hour <n>", "spread what becomes due at once").argParser(count))
    .action(
      run<Options>(async (options, output, path = "") => {
        const folder = await readFolder(path);
        const done = await withContext({ ...options, command: "tidings apply" }, ({ database: { db }, clock }) =>
          apply(db, folder, wishesOf(options), COMMAND_LINE, clock()),
        );
        output.answer(written(done, "was"), done);
      }),
    );

const wishesOf = ({ choice, dueNow, perHour }: Options): Wishes => ({
  choice,
  confirmedDueNow: dueNow ?? null,
  perHour: perHour ?? null,
});

function written({ templates, campaigns, notInFolder }: Applied, verb: string): string {
  const lines = templates.map(({ key, change }) => `Template ${key} ${verb} ${change}d.`);
  for (const { key, change, differences, impact, automaticStart } of campaigns) {
    lines.push(`Campaign ${key} ${verb} ${change}d.`, ...differences.map((one) => `  ${inWords(one)}`));
    if (automaticStart) lines.push(...startInWords(automaticStart).map((one) => `  starts by itself: ${one}`));
    if (!impact) continue;
    const effects = Object.entries(impact.effects).filter(([, mails]) => mails > 0);
    lines.push(
      `  ${impact.running} on their way; ${impact.dueNowByChange} get a mail at once by this.`,
      ...effects.map(([effect, mails]) => `    ${effect}: ${mails} mails`),
    );
    if (impact.confirmationNeeded)
      lines.push(`  More than the burst guard (${impact.burstGuard}): apply with --due-now ${impact.dueNowByChange}.`);
  }
  if (lines.length === 0) lines.push("Nothing differs.");
  for (const name of notInFolder) lines.push(`Not in the folder and left as it is: ${name}.`);
  return lines.join("\n");
}

function inWords({ kind, row, stepId, field, before, after }: Difference): string {
  const step = `step ${(row ?? 0) + 1}`;
  if (kind === "step-changed") return `${step}: ${field} ${shown(before)} → ${shown(after)}`;
  if (kind === "setting-changed") return `${field}: ${shown(before)} → ${shown(after)}`;
  if (kind === "step-added") return `+ ${step}`;
  return kind === "step-removed" ? `- ${step} (${stepId})` : "the steps change places";
}

const CHANGES = { added: "+", removed: "-", "switched-on": "switched on:", "switched-off": "switched off:" } as const;
const WAYS: Readonly<Record<Way, string>> = { api: "over the API", import: "by import", hand: "by hand" };

/** The rules that come, go and change, a line each. */
function startInWords({ rules, reordered, settings }: StartChanges): string[] {
  const lines = settings.map(({ field, before, after }) => `${field}: ${shown(before)} → ${shown(after)}`);
  for (const { change, rule, alreadySo, forgotten } of rules) {
    const off = change === "added" && !rule.on ? " (off)" : "";
    const known = alreadySo ? `; not the ${alreadySo} of whom it is so already` : "";
    const lost = forgotten ? `; ${forgotten} who wait for a yes are forgotten` : "";
    lines.push(`${CHANGES[change]} ${ruleInWords(rule)}${off}${known}${lost}`);
  }
  return reordered ? [...lines, "the rules change places"] : lines;
}

function ruleInWords({ joined, matches, created }: StartChanges["rules"][number]["rule"]): string {
  if (joined !== undefined) return `when somebody joins “${joined}”`;
  if (matches !== undefined) return `when this becomes true of somebody: ${matches}`;
  return `when somebody is created ${(created ?? []).map((way) => WAYS[way]).join(", ")}`;
}

const shown = (value: unknown) => (value === null || value === undefined ? "–" : JSON.stringify(value));

function count(text: string): number {
  const number = Number(text);
  if (!Number.isInteger(number) || number < 0) throw new InvalidArgumentError("A whole number.");
  return number;
}
