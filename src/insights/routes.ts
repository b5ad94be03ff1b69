/** The numbers over HTTP, and a stream that says when they changed. */
import { setTimeout as sleep } from "node:timers/promises";
import type { FastifyReply } from "fastify";
import { refuse } from "../core/problem.ts";
import type { Db } from "../db/database.ts";
import type { Serve } from "../http/serve.ts";
import { insights as api } from "./api.ts";
import * as insights from "./insights.ts";
import * as store from "./store.ts";

const LOOK_EVERY_MS = 1500;
/** A stream ends after so many looks (an hour); the browser opens it again by itself. */
const MOST_LOOKS = 2400;
const MOST_STREAMS = 200;
/** Silence this long is broken by a comment, so that proxies do not take the stream for dead. */
const LOOKS_TO_SPEAK = 10;

/** Which tables make a topic. */
const TOPICS: Readonly<Record<string, string>> = {
  email_campaigns: "email-campaigns",
  messages: "messages",
  timeline_entries: "messages",
  mailbox_messages: "messages",
  people: "people",
  email_group_members: "people",
  suppressions: "suppressions",
  conversations: "conversations",
  conversation_mails: "conversations",
  answers: "conversations",
  campaigns: "campaigns",
  steps: "campaigns",
  jobs: "jobs",
};

type Deps = { readonly db: Db; readonly smtpUrl: string | undefined; readonly stopping: AbortSignal };

export function routes(serve: Serve, { db, smtpUrl, stopping }: Deps): void {
  let streams = 0;
  let known: { at: number; writes: Promise<ReadonlyMap<string, number>> } | undefined;

  serve(api.home, ({ now }) => insights.home(db, { smtpUrl }, now));
  serve(api.sends, async ({ query, now }) => {
    const { span, zone } = await insights.spanOf(db, query, now);
    return { data: await store.sends(db, span, zone) };
  });
  serve(api.statuses, async ({ query, now }) => {
    const { span, zone } = await insights.spanOf(db, query, now);
    return { data: await store.statuses(db, span, zone) };
  });
  serve(api.calendar, async ({ query, now }) => {
    const { span } = await insights.spanOf(db, query, now);
    return { data: await store.calendar(db, span) };
  });
  serve(api.campaigns, async () => ({ data: await store.compared(db) }));
  serve(api.campaign, ({ params }) => insights.ofCampaign(db, params.id));
  serve(api.campaignCsv, ({ params, reply }) => {
    void reply.header("content-disposition", `attachment; filename="campaign-${params.id}.csv"`);
    return insights.csvOf(db, params.id);
  });
  serve(api.search, async ({ query }) => ({ data: await store.search(db, query.q) }));
  serve(api.events, async ({ reply }) => {
    if (streams >= MOST_STREAMS) refuse("too-many-requests", "Too many streams are open.");
    streams += 1;
    try {
      await stream(reply);
    } finally {
      streams -= 1;
    }
    return "";
  });

  async function stream(reply: FastifyReply): Promise<void> {
    reply.hijack();
    const raw = reply.raw;
    const gone = new AbortController();
    raw.on("close", () => gone.abort());
    raw.on("error", () => gone.abort());
    raw.writeHead(200, { ...(reply.getHeaders() as Record<string, string>), "content-type": "text/event-stream" });
    raw.write(": open\n\n");
    const signal = AbortSignal.any([gone.signal, stopping]);
    try {
      let before = await look();
      for (let at = 1; at < MOST_LOOKS; at += 1) {
        await sleep(LOOK_EVERY_MS, undefined, { signal });
        const after = await look();
        const topics = new Set(
          [...after].filter(([name, count]) => before.get(name) !== count).map(([name]) => TOPICS[name]),
        );
        for (const topic of topics) if (topic) raw.write(`event: change\ndata: ${JSON.stringify({ topic })}\n\n`);
        if (at % LOOKS_TO_SPEAK === 0) raw.write(": still here\n\n");
        before = after;
      }
    } catch {
      // The reader left, the server stops or the database is away: the browser asks again.
    } finally {
      raw.end();
    }
  }

  /** One look serves all streams that are open. */
  function look(): Promise<ReadonlyMap<string, number>> {
    const at = performance.now();
    if (!known || at - known.at > LOOK_EVERY_MS / 2) known = { at, writes: store.writes(db) };
    return known.writes;
  }
}
