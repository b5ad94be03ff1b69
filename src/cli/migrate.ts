/** `tidings migrate`: brings the database's schema up to date. `serve` does it by itself. */
import { Command } from "commander";
import { withContext } from "./context.ts";
import type { Run } from "./program.ts";

export const migrate = (run: Run): Command =>
  new Command("migrate").description("bring the database up to date; serve does it by itself").action(
    run((options, output) =>
      // Opening the context has migrated: no command works on an old schema.
      withContext(options, async ({ migrations }) => {
        const count = migrations.length;
        output.answer(count === 0 ? "The database is up to date." : `Done: ${migrations.join(", ")}.`, {
          applied: migrations,
        });
      }),
    ),
  );
