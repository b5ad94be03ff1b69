/** The composition root: every module's routes on one server, and what runs by itself beside it. Decides nothing. */
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import type { FastifyInstance } from "fastify";
import type { Registry } from "prom-client";
import { createAccessTokens } from "./accounts/access-tokens.ts";
import * as keys from "./accounts/keys.ts";
import { routes as accountRoutes } from "./accounts/routes.ts";
import { routes as automaticStartRoutes } from "./automatic-starts/routes.ts";
import { routes as campaignRoutes } from "./campaigns/routes.ts";
import { type Clock, systemClock } from "./clock.ts";
import { routes as communicationRoutes } from "./communications/routes.ts";
import type { Config } from "./config.ts";
import { routes as conversationRoutes } from "./conversations/routes.ts";
import { createLifeline } from "./continuity/continuity.ts";
import { routes as continuityRoutes } from "./continuity/routes.ts";
import type { Database } from "./db/database.ts";
import { routes as deliverabilityRoutes } from "./deliverability/routes.ts";
import { createDelivery, skipByHand } from "./delivery/delivery.ts";
import { createSigner, type Resolver, systemResolver } from "./domains/domains.ts";
import { routes as domainRoutes } from "./domains/routes.ts";
import { routes as deliveryRoutes } from "./delivery/routes.ts";
import { wakeAll } from "./email-campaigns/email-campaigns.ts";
import { routes as emailCampaignRoutes } from "./email-campaigns/routes.ts";
import { routes as emailGroupRoutes } from "./email-groups/routes.ts";
import { routes as directoryRoutes } from "./directory/routes.ts";
import { routes as eventRoutes } from "./events/routes.ts";
import { health } from "./http/health.ts";
import { createMeasuringKeys, type MayMeasure } from "./http/measuring-keys.ts";
import { describeApi, openapi } from "./http/openapi.ts";
import { isDatabaseLoss } from "./http/problems.ts";
import { openServer } from "./http/server.ts";
import { web } from "./http/web.ts";
import { routes as inboundRoutes } from "./inbound/routes.ts";
import { routes as jobRoutes } from "./jobs/routes.ts";
import { prepareQueue } from "./jobs/runner.ts";
import type { Logger } from "./log.ts";
import type { Fetcher } from "./mail/access-tokens.ts";
import { routes as mailboxRoutes } from "./mail/routes.ts";
import { routes as insightRoutes } from "./insights/routes.ts";
import { measureAll } from "./measured.ts";
import { neighboursOf } from "./neighbours.ts";
import { routes as peopleRoutes } from "./people/routes.ts";
import { afterDirectEdit } from "./publishing/publishing.ts";
import { routes as publishingRoutes } from "./publishing/routes.ts";
import { handlersOf, startRecurring, type Recurring } from "./recurring.ts";
import type { Secrets } from "./secret.ts";
import { routes as signInRoutes } from "./sign-in/routes.ts";
import * as sessions from "./sign-in/sessions.ts";
import { routes as simulationRoutes } from "./simulation/routes.ts";
import { routes as suppressionRoutes } from "./suppressions/routes.ts";
import { routes as templateRoutes } from "./templates/routes.ts";
import { pictures, routes as imageRoutes } from "./images/routes.ts";
import { folderStorage, s3Storage } from "./images/storage.ts";
import { addresses as trackedAddresses } from "./tracking/addresses.ts";
import { openJournal } from "./tracking/journal.ts";
import { createRecorder } from "./tracking/recorder.ts";
import { routes as trackingRoutes } from "./tracking/routes.ts";
import { routes as variantRoutes } from "./variants/routes.ts";
import { pages as unsubscribePages } from "./unsubscribe/pages.ts";
import { version } from "./version.ts";
import { routes as workspaceRoutes } from "./workspace/routes.ts";

export type AppOptions = {
  readonly config: Pick<Config, "publicUrl" | "smtpUrl" | "dataDir"> &
    Partial<
      Pick<
        Config,
        | "trackingUrl"
        | "trustProxy"
        | "dnsServers"
        | "s3Url"
        | "imapUrl"
        | "inboundSmtpPort"
        | "inboundLmtpPort"
        | "inboundHost"
        | "inboundTls"
      >
    >;
  readonly database: Database;
  readonly secrets: Secrets;
  readonly log: Logger;
  readonly clock: Clock;
  /** Another way to ask servers of providers, for tests. */
  readonly fetcher?: Fetcher;
  /** Other name servers than the machine's, for tests. */
  readonly resolver?: Resolver;
  /** Brings the schema up to date; called until the database answers. */
  readonly migrate: () => Promise<void>;
};

export type App = {
  readonly http: FastifyInstance;
  readonly metrics: Registry;
  readonly mayMeasure: MayMeasure;
  /** Null: it can work; else why not, in a sentence. */
  readonly readiness: () => Promise<string | null>;
  /** Prepares the database, waiting for it as long as it takes, then starts what runs by itself. */
  start(how?: { readonly sending?: boolean }): Promise<void>;
  /** Takes nothing new, finishes what is under way, and closes the server; the database stays open. */
  stop(): Promise<void>;
};

const LONGEST_WAIT_MS = 10_000;
const CHECK_TIMEOUT_MS = 1000;

export function createApp(options: AppOptions): App {
  const { config, database, secrets, log, clock } = options;
  const { db } = database;
  const neighbours = neighboursOf(secrets);
  const stopping = new AbortController();
  let prepared = false;
  let recurring: Recurring | undefined;

  const { http, serve, mounted } = openServer({
    db,
    clock,
    log,
    seal: secrets,
    authenticate: async (request, now) =>
      (await keys.authenticate(db, request, now)) ?? sessions.authenticate(db, request, config, now),
    trustProxy: config.trustProxy ?? false,
    https: config.publicUrl.startsWith("https:"),
  });
  const mayMeasure = createMeasuringKeys((headers) => keys.authenticate(db, { headers }, clock()));
  const metrics = health(http, { check: readiness, mayMeasure });
  const linkKeys = secrets.keysFor("links");
  const vault = { seal: secrets, smtpUrl: config.smtpUrl };
  const signer = createSigner({ db, seal: secrets });
  const tokens = createAccessTokens({ db, seal: secrets });
  const { publicUrl, trackingUrl = publicUrl } = config;
  const delivery = createDelivery({ db: database.batches, vault, publicUrl, trackingUrl, linkKeys, log, metrics });
  const recorder = createRecorder({
    db: database.batches,
    journal: openJournal(config.dataDir),
    trackingUrl,
    clock,
    log,
    metrics,
  });

  const lifeline = createLifeline({
    db: database.batches,
    dataDir: config.dataDir,
    clock,
    log,
    machineClock: clock === systemClock,
  });
  measureAll(metrics, { database, dataDir: config.dataDir, lifeline, clock });

  accountRoutes(serve, {
    db,
    seal: secrets,
    hostName: new URL(config.publicUrl).hostname,
    signed: (mail, from, now) => signer.signed(mail, from, now),
  });
  domainRoutes(serve, {
    db,
    seal: secrets,
    resolver: options.resolver ?? systemResolver(config.dnsServers),
    smtpUrl: config.smtpUrl,
  });
  workspaceRoutes(serve, { db, afterCalendarChange: wakeAll });
  signInRoutes(serve, { db, seal: secrets, vault, publicUrl: config.publicUrl, log });
  peopleRoutes(serve, { database, neighbours, dataDirectory: config.dataDir });
  suppressionRoutes(serve, { db });
  emailGroupRoutes(serve, { db, neighbours });
  templateRoutes(serve, { db });
  campaignRoutes(serve, { db, neighbours, afterScheduleChange: afterDirectEdit });
  const storage = config.s3Url ? s3Storage(config.s3Url) : folderStorage(join(config.dataDir, "images"));
  imageRoutes(serve, { db, storage, publicUrl: config.publicUrl });
  pictures(http, { db, storage, publicUrl: config.publicUrl, clock });
  emailCampaignRoutes(serve, { db, skipMessage: skipByHand });
  automaticStartRoutes(serve, { db });
  deliveryRoutes(serve, { db, vault, publicUrl: config.publicUrl });
  publishingRoutes(serve, { db });
  continuityRoutes(serve, { db });
  communicationRoutes(serve, { db });
  trackingRoutes(serve, { db });
  eventRoutes(serve, { db });
  variantRoutes(serve, { db });
  deliverabilityRoutes(serve, { db });
  conversationRoutes(serve, { db, vault, signer });
  simulationRoutes(serve, { db, log });
  directoryRoutes(serve, { db, neighbours });
  mailboxRoutes(serve, { db });
  unsubscribePages(http, { db, clock, linkKeys });
  trackedAddresses(http, { recorder, clock, linkKeys });
  inboundRoutes(serve, {
    db,
    seal: secrets,
    publicUrl: config.publicUrl,
    fetcher: options.fetcher ?? fetch,
    onStored: () => recurring?.handleReceived(),
  });
  insightRoutes(serve, { db, smtpUrl: config.smtpUrl, stopping: stopping.signal });
  jobRoutes(serve, { db, stopping: stopping.signal });
  web(http);
  let description: string | undefined;
  serve(openapi.describe, () => (description ??= JSON.stringify(describeApi(mounted, version))));

  async function readiness(): Promise<string | null> {
    if (stopping.signal.aborted) return "It is shutting down.";
    if (!prepared) return "The database is not ready yet.";
    const answered = db.selectFrom("workspace").select("id").execute();
    const late = sleep(CHECK_TIMEOUT_MS, "late" as const, { ref: false });
    const outcome = await Promise.race([
      answered.then(
        () => "good" as const,
        () => "bad" as const,
      ),
      late,
    ]);
    return outcome === "good" ? null : "The database cannot be reached.";
  }

  return {
    http,
    metrics,
    mayMeasure,
    readiness,
    async start({ sending = true } = {}) {
      for (let wait = 500; !prepared; wait = Math.min(wait * 2, LONGEST_WAIT_MS)) {
        try {
          await options.migrate();
          await prepareQueue(database);
          prepared = true;
        } catch (error) {
          if (!isDatabaseLoss(error)) throw error;
          log.warn({ err: error }, "the database cannot be reached; trying again");
          await sleep(wait, undefined, { signal: stopping.signal }).catch(() => undefined);
          if (stopping.signal.aborted) return;
        }
      }
      recurring = startRecurring({
        ...options,
        metrics,
        tokens,
        vault,
        delivery,
        lifeline,
        sending,
        handlers: handlersOf(options),
      });
    },
    async stop() {
      stopping.abort();
      await Promise.all([recurring?.stop(), http.close()]);
      await recorder.stop();
    },
  };
}
