/** The command line: a list of commands and what they have in common. Each command is a file beside this one. */
import { Command, CommanderError } from "commander";
import { version } from "../version.ts";
import { campaign } from "./campaign.ts";
import { applyCommand, exportCommand, planCommand } from "./campaign-files.ts";
import { doctor } from "./doctor.ts";
import { importCommand } from "./import.ts";
import { inbound } from "./inbound.ts";
import { key } from "./key.ts";
import { mailboxCommand } from "./mailbox.ts";
import { migrate } from "./migrate.ts";
import { outputTo, type Output } from "./output.ts";
import { resumeSending } from "./resume-sending.ts";
import { run as runCommand } from "./run.ts";
import { serve, work } from "./serve.ts";
import { simulateCommand } from "./simulate.ts";
import { user } from "./user.ts";

/** Makes one command of the program. `run` gives an action its output, and turns what goes wrong into one sentence. */
export type MakeCommand = (run: Run) => Command;
// oxlint-disable-next-line typescript/no-unnecessary-type-parameters -- each command names its own options
export type Run = <Options extends object>(
  work: (options: Options & Common, output: Output, ...rest: string[]) => Promise<void>,
) => (...given: unknown[]) => Promise<void>;
/** Options every command takes. */
export type Common = { readonly json?: boolean; readonly dataDir?: string };

const COMMANDS: readonly MakeCommand[] = [
  serve,
  work,
  runCommand,
  simulateCommand,
  exportCommand,
  planCommand,
  applyCommand,
  importCommand,
  campaign,
  mailboxCommand,
  resumeSending,
  inbound,
  key,
  user,
  migrate,
  doctor,
];

/** Reads the arguments and does what they say. Sets the exit code; never throws. */
export async function program(arguments_: readonly string[]): Promise<void> {
  const root = new Command("tidings")
    .description("Email campaigns that leave on their day, once, and stop when they should.")
    .version(version)
    .exitOverride()
    .configureHelp({ showGlobalOptions: false });
  for (const make of COMMANDS) root.addCommand(withCommon(make(run)));
  try {
    await root.parseAsync(arguments_, { from: "user" });
  } catch (error) {
    // Commander has said what was wrong with the arguments, or shown the help that was asked for.
    if (!(error instanceof CommanderError)) throw error;
    process.exitCode = error.exitCode === 0 ? 0 : 1;
  }
}

const run: Run =
  (work) =>
  async (...given) => {
    // Commander passes the arguments, then the options, then the command.
    const command = given.at(-1) as Command;
    const options = command.optsWithGlobals<never>();
    const output = outputTo((options as Common).json ?? false);
    try {
      await work(options, output, ...(given.slice(0, -2) as string[]));
    } catch (error) {
      output.fail(error);
    }
  };

function withCommon(command: Command): Command {
  command.exitOverride();
  if (command.commands.length > 0) {
    for (const part of command.commands) withCommon(part);
    return command;
  }
  return command
    .option("--json", "answer as JSON, for programs")
    .option("--data-dir <folder>", "where the data is (default: TIDINGS_DATA_DIR or ./data)");
}
