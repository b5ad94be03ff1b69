/** `tidings key`: API keys from the command line, for whoever may run it on this machine. */
import { Command } from "commander";
import * as keys from "../accounts/keys.ts";
import * as users from "../accounts/users.ts";
import { COMMAND_LINE, withContext } from "./context.ts";
import { numberOf } from "./number-of.ts";
import { table } from "./output.ts";
import type { Run } from "./program.ts";

const MOST = 500;

export const key = (run: Run): Command =>
  new Command("key")
    .description("API keys")
    .addCommand(
      new Command("create")
        .description("make an API key; it is shown this once")
        .requiredOption("--name <name>", "what it is for")
        .option("--role <role>", "administrator, manager, user or viewer", "user")
        .option("--user <email>", "the user it acts for")
        .action(
          run<{ name: string; role: string; user?: string }>((options, output) =>
            withContext(options, async ({ database: { db }, clock }) => {
              const role = users.roleOf(options.role);
              const userId = options.user ? (await users.getByEmail(db, options.user)).id : null;
              const made = await keys.create(db, { name: options.name, role, userId }, COMMAND_LINE, clock());
              output.answer(`${made.key}\n\nThis key is shown this once. Send it as: Authorization: Bearer …`, made);
            }),
          ),
        ),
    )
    .addCommand(
      new Command("list").description("show API keys, without the keys themselves").action(
        run((options, output) =>
          withContext(options, async ({ database: { db } }) => {
            const found = await keys.list(db, { limit: MOST });
            const rows = found.map(({ id, name, role, prefix, lastUsedAt, revokedAt }) => [
              id,
              name,
              role,
              `${prefix}…`,
              lastUsedAt ?? "never",
              revokedAt ? "revoked" : "valid",
            ]);
            output.answer(table(["ID", "NAME", "ROLE", "KEY", "LAST USED", "STATE"], rows), { data: found });
          }),
        ),
      ),
    )
    .addCommand(
      new Command("revoke")
        .description("make an API key useless, at once and for good")
        .argument("<id>", "its number, as `tidings key list` shows it")
        .action(
          run((options, output, id) =>
            withContext(options, async ({ database: { db }, clock }) => {
              const wanted = numberOf(id, "the key");
              await keys.revoke(db, wanted, COMMAND_LINE, clock());
              output.answer(`Key ${wanted} is revoked.`, { id: wanted, revoked: true });
            }),
          ),
        ),
    );
