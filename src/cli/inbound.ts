/** `tidings inbound`: what received mail is. Needs no database. */
import { readFile } from "node:fs/promises";
import { Command } from "commander";
import { refuse } from "../core/problem.ts";
import { classifyInbound, type Inbound } from "../core/inbound/classify.ts";
import { table } from "./output.ts";
import type { Common, Run } from "./program.ts";

export const inbound = (run: Run): Command =>
  new Command("inbound").description("received mail: bounces, complaints, auto-replies, replies").addCommand(
    new Command("classify")
      .description("say what each mail is, and what it says about whom; with --json one line a file")
      .argument("<files...>", "mails as files (RFC 5322)")
      .action(
        run<Common>(async (_options, output, ...given) => {
          for (const file of given.flat()) {
            try {
              const bytes = await readFile(file).catch(() =>
                refuse("file-unreadable", `${file} cannot be read: is it there, and a file?`),
              );
              const found = await classifyInbound(bytes);
              process.stdout.write(output.json ? `${JSON.stringify({ file, ...found })}\n` : inWords(file, found));
            } catch (error) {
              // One that cannot be read keeps nobody from the others.
              output.fail(error);
            }
          }
        }),
      ),
  );

function inWords(file: string, { kind, verdicts }: Inbound): string {
  const cells = verdicts.map(({ recipient, status, reason, hard, delayed }) => [
    recipient ?? "",
    status ?? "",
    reason,
    hard ? "dead" : delayed ? "still trying" : "",
  ]);
  return `${file}: ${kind}\n${cells.length > 0 ? `${table(["RECIPIENT", "STATUS", "REASON", ""], cells)}\n` : ""}`;
}
