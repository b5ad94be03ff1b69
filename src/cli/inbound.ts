/** `tidings inbound`: hands in received mails, or says what they are without a database. */
import { createReadStream } from "node:fs";
import { readFile } from "node:fs/promises";
import { setTimeout as sleep } from "node:timers/promises";
import { Command } from "commander";
import { refuse } from "../core/problem.ts";
import { classifyInbound, type Inbound } from "../core/inbound/classify.ts";
import { MOST_BYTES } from "../core/inbound/mail.ts";
import { handleStored, receive } from "../inbound/inbound.ts";
import { get } from "../inbound/listing.ts";
import { type Context, withContext } from "./context.ts";
import { inWords, type Output, table } from "./output.ts";
import type { Common, Run } from "./program.ts";

export const inbound = (run: Run): Command =>
  new Command("inbound")
    .description("received mail: bounces, complaints, auto-replies, replies")
    .addCommand(
      new Command("store")
        .description("store mails and act on them, each once; also: tidings inbound FILE…")
        .argument("<files...>", "mails as files (RFC 5322)")
        .action(
          run<Common>(async (options, output, ...given) => {
            await withContext(options, async (context) => {
              for (const file of given.flat()) await each(output, () => stored(context, file, output));
            });
          }),
        ),
      { isDefault: true },
    )
    .addCommand(
      new Command("classify")
        .description("say what each mail is, and what it says about whom; with --json one line a file")
        .argument("<files...>", "mails as files (RFC 5322)")
        .action(
          run<Common>(async (_options, output, ...given) => {
            for (const file of given.flat()) {
              try {
                const found = await classifyInbound(await beginningOf(file));
                process.stdout.write(output.json ? asLine(file, found) : asTable(file, found));
              } catch (error) {
                // One that cannot be read keeps nobody from the others, and does not stand among the answers.
                output.note(inWords(error).detail);
                process.exitCode = 1;
              }
            }
          }),
        ),
    );

/** One that cannot be read keeps nobody from the others. */
async function each(output: Output, work: () => Promise<void>): Promise<void> {
  try {
    await work();
  } catch (error) {
    output.fail(error);
  }
}

/** As much of a file as is looked at, whatever its size. */
async function beginningOf(file: string): Promise<Buffer> {
  const chunks: Buffer[] = [];
  try {
    for await (const chunk of createReadStream(file, { end: MOST_BYTES - 1 })) chunks.push(chunk as Buffer);
  } catch {
    refuse("file-unreadable", `${file} cannot be read: is it there, and a file?`);
  }
  return Buffer.concat(chunks);
}

const bytesOf = (file: string) =>
  readFile(file).catch(() => refuse("file-unreadable", `${file} cannot be read: is it there, and a file?`));

/** A program that serves the same data may be handling it already. */
const LONGEST_WAIT_MS = 20_000;
const LOOK_AGAIN_MS = 250;

async function stored({ database: { db }, secrets, clock, log }: Context, file: string, output: Output): Promise<void> {
  const id = await receive(db, { way: "command-line", bytes: await bytesOf(file) }, clock());
  if (id === "known") {
    process.stdout.write(
      output.json ? `${JSON.stringify({ file, known: true })}\n` : `${file}: known already; nothing follows from it\n`,
    );
    return;
  }
  const linkKeys = secrets.keysFor("links");
  for (let waited = 0; waited < LONGEST_WAIT_MS; waited += LOOK_AGAIN_MS) {
    await handleStored({ db, linkKeys, log }, clock());
    if ((await get(db, id)).state !== "stored") break;
    await sleep(LOOK_AGAIN_MS);
  }
  const mail = await get(db, id);
  if (mail.state === "set-aside") return refuse("received-mail-set-aside", `${file} was set aside: ${mail.error}`);
  const { kind, verdicts, state, personId, emailCampaignId, messageId } = mail;
  const told = { file, known: false, id, state, kind, verdicts, personId, emailCampaignId, messageId };
  const about = messageId === null ? "about no mail of ours" : `about message ${messageId} of person ${personId}`;
  process.stdout.write(
    output.json ? `${JSON.stringify(told)}\n` : `${asTable(file, { kind: kind ?? "other", verdicts })}  ${about}\n`,
  );
}

function asLine(file: string, { kind, verdicts }: Inbound): string {
  const said = verdicts.map(({ recipient, status, replyCode, reason, hard }) => {
    return { recipient, status, replyCode, reason, hard };
  });
  return `${JSON.stringify({ file, kind, verdicts: said })}\n`;
}

function asTable(file: string, { kind, verdicts }: Pick<Inbound, "kind"> & { verdicts: readonly Line[] }): string {
  const cells = verdicts.map(({ recipient, status, reason, hard, delayed }) => [
    recipient ?? "",
    status ?? "",
    reason,
    hard ? "dead" : delayed ? "still trying" : "",
  ]);
  return `${file}: ${kind}\n${cells.length > 0 ? `${table(["RECIPIENT", "STATUS", "REASON", ""], cells)}\n` : ""}`;
}

type Line = {
  readonly recipient: string | null;
  readonly status: string | null;
  readonly reason: string;
  readonly hard: boolean;
  readonly delayed: boolean;
};
