/** `tidings mailbox`: reads the built-in mailbox, where mail lands while there is no email account. */
import { Command } from "commander";
import * as mailbox from "../mail/mailbox.ts";
import { partsOf } from "../mail/parts.ts";
import { withContext } from "./context.ts";
import { numberOf } from "./number-of.ts";
import { table } from "./output.ts";
import type { Common, Run } from "./program.ts";

const DEFAULT_LIMIT = 50;

export const mailboxCommand = (run: Run): Command =>
  new Command("mailbox")
    .description("the built-in mailbox: what would have been sent")
    .addCommand(
      new Command("list")
        .description("the newest mails first")
        .option("--to <address>", "only those to this address")
        .option("--limit <count>", "how many", String(DEFAULT_LIMIT))
        .action(
          run<Common & { to?: string; limit: string }>((options, output) =>
            withContext(options, async ({ database: { db } }) => {
              const limit = Math.min(Math.max(Number(options.limit) || DEFAULT_LIMIT, 1), 500);
              const found = await mailbox.list(db, { limit, ...(options.to ? { to: options.to } : {}) });
              const rows = found.slice(0, limit);
              const cells = rows.map(({ id, receivedAt, to, subject }) => [id, receivedAt, to, subject]);
              output.answer(rows.length > 0 ? table(["ID", "AT", "TO", "SUBJECT"], cells) : "The mailbox is empty.", {
                data: rows,
              });
            }),
          ),
        ),
    )
    .addCommand(
      new Command("show")
        .description("one mail: its headers and plain text, or the exact bytes with --eml")
        .argument("<id>", "its number, as `tidings mailbox list` shows it")
        .option("--eml", "the exact bytes, as they would have been sent")
        .action(
          run<Common & { eml?: boolean }>((options, output, id) =>
            withContext(options, async ({ database: { db } }) => {
              const wanted = numberOf(id, "the mail");
              const { bytes, ...mail } = await mailbox.get(db, wanted);
              if (options.eml && !output.json) {
                process.stdout.write(bytes);
                return;
              }
              const { headers, text, html } = partsOf(bytes);
              const lines = headers.map(({ name, value }) => `${name}: ${value}`);
              output.answer(`${lines.join("\n")}\n\n${text}`, {
                ...mail,
                headers,
                text,
                html,
                eml: bytes.toString("utf8"),
              });
            }),
          ),
        ),
    );
