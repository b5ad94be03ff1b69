/** `tidings import`: a CSV of people from the command line. */
import { createReadStream, createWriteStream } from "node:fs";
import { Command, Option } from "commander";
import { refuse } from "../core/problem.ts";
import type { PersonKind } from "../db/tables.ts";
import { neighboursOf } from "../neighbours.ts";
import { type ImportOptions, importPeople } from "../people/import.ts";
import { COMMAND_LINE, withContext } from "./context.ts";
import { table } from "./output.ts";
import type { Common, Run } from "./program.ts";
import { begin } from "./progress.ts";

type Options = Common & {
  readonly as: PersonKind;
  readonly mode: NonNullable<ImportOptions["mode"]>;
  readonly unknownColumns: NonNullable<ImportOptions["unknownColumns"]>;
  readonly dryRun?: boolean;
  readonly badRows?: string;
};

export const importCommand = (run: Run): Command =>
  new Command("import")
    .description("import Leads or Contacts from a CSV; good rows go in, bad ones come back with the reason")
    .argument("<people.csv>", "the file: any usual encoding and delimiter, headings in the first row")
    .addOption(new Option("--as <kind>", "what they are").choices(["lead", "contact"]).default("lead"))
    .addOption(
      new Option("--mode <mode>", "what an address that is there already means")
        .choices(["create", "update", "skip"])
        .default("update"),
    )
    .addOption(
      new Option("--unknown-columns <what>", "what becomes of columns nobody knows")
        .choices(["attributes", "ignore"])
        .default("ignore"),
    )
    .option("--dry-run", "say what would happen and write nothing")
    .option("--bad-rows <file>", "where to write the bad rows, as CSV with the reason")
    .action(
      run<Options>((options, output, path = "") =>
        withContext({ ...options, command: "tidings import" }, async ({ database, secrets, clock }) => {
          const bad = options.badRows ? createWriteStream(options.badRows, { mode: 0o600 }) : null;
          const progress = begin(output, "Importing people");
          const result = await importPeople(
            database,
            createReadStream(path),
            {
              kind: options.as,
              mode: options.mode,
              unknownColumns: options.unknownColumns,
              dryRun: options.dryRun ?? false,
              actor: COMMAND_LINE,
              neighbours: neighboursOf(secrets),
              badRows: (csv) => void bad?.write(csv),
            },
            clock(),
            progress.at,
          ).catch((error: unknown) => {
            if (error instanceof Error && "code" in error && error.code === "ENOENT")
              return refuse("people-file-missing", `The file ${path} cannot be read.`);
            throw error;
          });
          progress.end("Imported");
          if (bad) await new Promise((resolve) => bad.end(resolve));
          for (const { line, problem } of result.problems) output.note(`Row ${line}: ${problem}`);
          const counts = (["read", "created", "updated", "unchanged", "skipped", "bad"] as const).map(
            (name) => [name, result[name]] as const,
          );
          const columns = result.columns.map(({ heading, target }) => [heading, target ?? "(left out)"]);
          const heading = options.dryRun ? "Nothing was written; this is what would happen.\n\n" : "";
          output.answer(`${heading}${table(["COLUMN", "GOES TO"], columns)}\n\n${table(["ROWS", ""], counts)}`, result);
        }),
      ),
    );
