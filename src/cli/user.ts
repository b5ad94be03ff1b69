/** `tidings user`: who may use this installation. */
import { Command } from "commander";
import * as users from "../accounts/users.ts";
import { users as api } from "../accounts/api.ts";
import { parse } from "../http/input.ts";
import { COMMAND_LINE, withContext } from "./context.ts";
import { table } from "./output.ts";
import type { Run } from "./program.ts";

const MOST = 500;

export const user = (run: Run): Command =>
  new Command("user")
    .description("users")
    .addCommand(
      new Command("create")
        .description("add a user")
        .requiredOption("--name <name>", "their name")
        .requiredOption("--email <address>", "their email address")
        .option("--role <role>", "administrator, manager, user or viewer", "user")
        .action(
          run<{ name: string; email: string; role: string }>((options, output) =>
            withContext(options, async ({ database: { db }, clock }) => {
              const { name, email } = options;
              const input = await parse(api.create.body, { name, email, role: users.roleOf(options.role) });
              const made = await users.create(db, input, COMMAND_LINE, clock());
              output.answer(`${made.name} <${made.email}> is user ${made.id} with the role ${made.role}.`, made);
            }),
          ),
        ),
    )
    .addCommand(
      new Command("list").description("show users").action(
        run((options, output) =>
          withContext(options, async ({ database: { db } }) => {
            const found = await users.list(db, { limit: MOST });
            const rows = found.map(({ id, name, email, role, disabledAt }) => [
              id,
              name,
              email,
              role,
              disabledAt ? "disabled" : "active",
            ]);
            output.answer(table(["ID", "NAME", "EMAIL", "ROLE", "STATE"], rows), { data: found });
          }),
        ),
      ),
    );
