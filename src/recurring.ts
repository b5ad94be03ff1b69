/** Everything that runs by itself, and how it stops. Does none of the work: each module does its own. */
import type { Logger } from "pino";
import type { AccessTokens } from "./accounts/access-tokens.ts";
import type { Vault } from "./accounts/accounts.ts";
import { handleStarts } from "./automatic-starts/automatic-starts.ts";
import type { Registry } from "prom-client";
import type { Clock } from "./clock.ts";
import type { Config } from "./config.ts";
import { notifyReplies } from "./conversations/notify.ts";
import { sendAnswers } from "./conversations/send-answers.ts";
import { BEAT_EVERY_MS, type Lifeline } from "./continuity/continuity.ts";
import type { Database } from "./db/database.ts";
import { guards, tally } from "./deliverability/deliverability.ts";
import { type Delivery, discardOldContents } from "./delivery/delivery.ts";
import { startLoop } from "./delivery/loop.ts";
import { loopMeter } from "./delivery/metrics.ts";
import { ACT_ON_PEOPLE, actOnPeopleJob } from "./directory/bulk.ts";
import { handleFacts } from "./email-campaigns/email-campaigns.ts";
import { BULK_ACTION, bulkActionJob, START_MANY, startManyJob } from "./email-campaigns/jobs.ts";
import { forgetOld } from "./http/idempotency.ts";
import { handleStored } from "./inbound/inbound.ts";
import { startListener } from "./inbound/listener.ts";
import { createMeters } from "./inbound/metrics.ts";
import { startMailboxes } from "./inbound/mailboxes.ts";
import { forgetOldTokens } from "./inbound/webhooks.ts";
import type { JobHandlers } from "./jobs/jobs.ts";
import { rescueJobs, startJobs } from "./jobs/runner.ts";
import { neighboursOf } from "./neighbours.ts";
import { discardOldFiles, handlers as importHandlers } from "./people/jobs.ts";
import type { Secrets } from "./secret.ts";
import { forgetOldAttempts } from "./sign-in/limits.ts";
import { systemMail } from "./sign-in/system-mail.ts";
import { decideWinners } from "./variants/variants.ts";

export type Recurring = {
  /** Something was received: it is handled now. */
  handleReceived(): void;
  stop(): Promise<void>;
};

type InboundConfig = Pick<Config, "imapUrl" | "inboundSmtpPort" | "inboundLmtpPort" | "inboundHost" | "inboundTls">;

type Running = {
  readonly config: Pick<Config, "dataDir" | "publicUrl"> & Partial<InboundConfig>;
  readonly database: Database;
  readonly tokens: AccessTokens;
  readonly metrics?: Registry;
  readonly handlers: JobHandlers;
  readonly secrets: Secrets;
  readonly clock: Clock;
  readonly log: Logger;
  readonly delivery: Delivery;
  readonly vault: Vault;
  readonly lifeline: Lifeline;
  /** False: nothing is planned and nothing leaves. */
  readonly sending: boolean;
};

/** The kinds of jobs there are and who does them. */
export function handlersOf(app: {
  readonly config: Pick<Config, "dataDir">;
  readonly database: Database;
  readonly secrets: Secrets;
}): JobHandlers {
  const { config, database, secrets } = app;
  const neighbours = neighboursOf(secrets);
  return {
    ...importHandlers({ database, dataDirectory: config.dataDir, neighbours }),
    [START_MANY]: startManyJob,
    [BULK_ACTION]: bulkActionJob,
    [ACT_ON_PEOPLE]: actOnPeopleJob(neighbours),
  };
}

const SECONDS = 1000;

/** Starts it all. Nothing here ends the process: what fails is logged and tried again at its next turn. */
export function startRecurring(running: Running): Recurring {
  const { config, database, delivery, lifeline, clock, log, sending } = running;
  const { db, sessions } = database;
  const { vault } = running;
  const { publicUrl } = config;
  const hostName = new URL(publicUrl).hostname;
  const mail = systemMail({ db, vault, publicUrl, log });
  const received = createMeters(running.metrics);
  const handling = { db, log, linkKeys: running.secrets.keysFor("links"), onHandled: received.handled };
  const handled = every(2 * SECONDS, "handle received mail", log, () => handleStored(handling, clock()));
  const { tokens } = running;
  const mailboxes = { db, clock, log, tokens, seal: running.secrets, imapUrl: config.imapUrl, onStored: handled.soon };
  const onTurn = loopMeter(running.metrics);
  const listening = sending ? listeners(running, handled.soon) : [];
  const parts = [
    handled,
    // A copy that is only looked at leaves the mailboxes to the one that works.
    ...(sending
      ? [
          startLoop({ delivery, sessions, clock, log, mayLeave: () => lifeline.mayLeave(), onTurn }),
          startMailboxes(mailboxes),
          ...listening,
        ]
      : []),
    startJobs(running),
    every(BEAT_EVERY_MS, "say that we live", log, () => lifeline.beat()),
    every(SECONDS, "look at what conditions ask for", log, () => handleFacts(db, clock())),
    every(60 * SECONDS, "look for winners of variants", log, () => decideWinners(db, clock())),
    every(SECONDS, "start what starts by itself", log, () => handleStarts(db, clock())),
    every(15 * SECONDS, "rescue jobs", log, () => rescueJobs(db, clock())),
    ...(sending
      ? [
          every(3 * SECONDS, "send answers", log, async () => {
            if (await lifeline.mayLeave()) await sendAnswers({ db, vault, hostName, log }, clock());
          }),
          every(20 * SECONDS, "tell of replies", log, async () => {
            if (await lifeline.mayLeave()) await notifyReplies({ db, vault, mail, publicUrl }, clock());
          }),
        ]
      : []),
    every(15 * SECONDS, "count what became of mails", log, async () => {
      await tally(db, clock());
      await guards({ db, log }, clock());
    }),
    every(24 * 3600 * SECONDS, "discard old contents", log, () => discardOldContents(db, clock())),
    every(3600 * SECONDS, "forget old tokens", log, () => forgetOldTokens(db, clock())),
    every(3600 * SECONDS, "forget old answers", log, () => forgetOld(db, clock())),
    every(3600 * SECONDS, "forget old attempts", log, () => forgetOldAttempts(db, clock())),
    every(3600 * SECONDS, "discard old imports", log, () =>
      discardOldFiles({ dataDirectory: config.dataDir }, clock()),
    ),
  ];
  return {
    handleReceived: handled.soon,
    async stop() {
      await Promise.all(parts.map((part) => part.stop()));
    },
  };
}

/** Where servers of others bring back what they could not deliver. One that cannot be opened is said, and the rest goes on. */
function listeners(
  { config, database: { db }, secrets, clock, log }: Running,
  onStored: () => void,
): { stop(): Promise<void> }[] {
  const { inboundSmtpPort, inboundLmtpPort, inboundHost: host = "0.0.0.0", inboundTls: tls = null } = config;
  const linkKeys = secrets.keysFor("links");
  const name = new URL(config.publicUrl).hostname;
  const ports = { smtp: inboundSmtpPort ?? null, lmtp: inboundLmtpPort ?? null } as const;
  return (["smtp", "lmtp"] as const).flatMap((protocol) => {
    const port = ports[protocol];
    if (port === null) return [];
    const started = startListener({ db, linkKeys, clock, log, onStored, protocol, host, port, name, tls }).catch(
      (error: unknown) => log.error({ err: error, protocol, port }, "cannot listen for mail that comes back"),
    );
    return [{ stop: async () => (await started)?.stop() }];
  });
}

/** Does something now and then, one turn at a time, and at once when it starts or is asked to. */
function every(
  ms: number,
  name: string,
  log: Logger,
  work: () => Promise<unknown>,
): { soon(): void; stop(): Promise<void> } {
  let timer: NodeJS.Timeout | undefined;
  let stopped = false;
  let again = false;
  const turn = async () => {
    timer = undefined;
    again = false;
    try {
      await work();
    } catch (error) {
      log.warn({ err: error, task: name }, "a recurring task failed; it runs again at its next turn");
    }
    if (!stopped) timer = setTimeout(begin, again ? 0 : ms);
  };
  const begin = () => {
    current = turn();
  };
  let current = turn();
  return {
    soon() {
      again = true;
      if (timer === undefined) return;
      clearTimeout(timer);
      begin();
    },
    async stop() {
      stopped = true;
      clearTimeout(timer);
      await current;
    },
  };
}
