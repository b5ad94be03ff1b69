/** `tidings serve` and `tidings work`: the programs that stay. They end when told to, and never because the database is away. */
import { setTimeout as sleep } from "node:timers/promises";
import { Command, InvalidArgumentError, Option } from "commander";
import { workspace } from "../accounts/accounts.ts";
import { newSetupToken } from "../accounts/setup-links.ts";
import type { App } from "../app.ts";
import { startWatch, type Watch } from "../http/watch.ts";
import { version } from "../version.ts";
import { openContext, prepare, type Context } from "./context.ts";
import type { Output } from "./output.ts";
import type { Common, Run } from "./program.ts";

/** A relay may take this long to answer the final dot of a mail; Docker and systemd wait 10 and 90 seconds. */
const DRAIN_MS = 25_000;
const CLOSE_MS = 4_000;

type Options = Common & { readonly port?: number; readonly host?: string; readonly sending?: boolean };

export const serve = (run: Run): Command =>
  new Command("serve")
    .description("run everything: web server, scheduler, sender and, without DATABASE_URL, the database")
    .addOption(new Option("--port <number>", "where to listen (default: PORT or 3000)").argParser(portOf))
    .option("--host <address>", "on which address (default: HOST or 127.0.0.1)")
    .option("--no-sending", "nothing leaves: to look at a restored copy first")
    .action(
      run<Options>((options, output) =>
        stay("tidings serve", options, output, (app, context) => listen(app, context, output, options.sending ?? true)),
      ),
    );

export const work = (run: Run): Command =>
  new Command("work")
    .description("send and do background work only, beside other processes over one DATABASE_URL")
    .action(
      run<Options>((options, output) =>
        stay("tidings work", options, output, async (app, { config }) => {
          // Answers first, so that whoever watches sees why it is not ready.
          const watch = config.workPort === undefined ? null : await watched(app, config.workPort, config.host);
          await app.start();
          const at = watch ? ` It is watched at ${watch.address}.` : "";
          output.answer(`Tidings is working.${at}`, { working: true, address: watch?.address ?? null });
        }),
      ),
    );

function watched(app: App, port: number, host: string): Promise<Watch> {
  return startWatch({ port, host }, { ...app, check: app.readiness });
}

type Begin = (app: App, context: Context, output: Output) => Promise<void>;

async function stay(command: string, options: Options, output: Output, begin: Begin): Promise<void> {
  const ending = endings();
  const context = await openContext({ ...options, command, serves: true, onDatabaseGone: () => ending.now(1) });
  const { database, log, clock } = context;
  // Only here: the other commands need a tenth of it, and start in a third of the time.
  const { createApp } = await import("../app.ts");
  const app = createApp({ ...context, migrate: async () => void (await prepare(database, log, clock)) });
  try {
    const running = begin(app, context, output);
    // What keeps it from running is said at once; being told to stop ends it in good order.
    process.exitCode = await Promise.race([running.then(() => ending.asked), ending.asked]);
    log.info("stopping: finishing what is under way");
  } catch (error) {
    output.fail(error);
  }
  await Promise.race([app.stop(), ending.askedAgain, sleep(DRAIN_MS, undefined, { ref: false })]);
  await Promise.race([context.close(), sleep(CLOSE_MS, undefined, { ref: false })]);
  // Nothing that hangs may hold the process now: all that matters is on disk.
  process.exit();
}

/** Answers first, and works once the database does; until then it says that it is not ready (O1). */
async function listen(
  app: App,
  { config, database: { db }, clock }: Context,
  output: Output,
  sending: boolean,
): Promise<void> {
  const address = await app.http.listen({ port: config.port, host: config.host });
  await app.start({ sending });
  const { setUpAt } = await workspace(db);
  const at = config.port === 0 ? address : config.publicUrl;
  const setupUrl = setUpAt ? null : `${at}/setup/${await newSetupToken(db, clock())}`;
  const lines = [`Tidings ${version} is at ${at}`];
  if (!sending) lines.push("Nothing leaves until it is started without --no-sending.");
  if (setupUrl) lines.push(`Set it up here; the link works once: ${setupUrl}`);
  output.answer(lines.join("\n"), { address: at, setupUrl });
}

/** When to end: at the first signal in good order, at the second at once. */
function endings() {
  const first = Promise.withResolvers<number>();
  const second = Promise.withResolvers<void>();
  let asked = 0;
  const ask = () => {
    asked += 1;
    if (asked === 1) first.resolve(0);
    else second.resolve();
  };
  process.on("SIGTERM", ask);
  process.on("SIGINT", ask);
  return { asked: first.promise, askedAgain: second.promise, now: (code: number) => first.resolve(code) };
}

function portOf(text: string): number {
  const port = Number(text);
  if (!/^\d+$/.test(text) || port > 65_535) throw new InvalidArgumentError("A port is a number from 0 to 65535.");
  return port;
}
