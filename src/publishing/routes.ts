/** Drafts, publishing, pauses and backfills over HTTP. */
import * as campaigns from "../campaigns/campaigns.ts";
import type { Db } from "../db/database.ts";
import type { Serve } from "../http/serve.ts";
import { backfills, impacts, publishing as api } from "./api.ts";
import { backfill, backfillImpact } from "./backfill.ts";
import { impactCsv, impactRows } from "./impact.ts";
import * as pauses from "./pauses.ts";
import * as publishing from "./publishing.ts";

export function routes(serve: Serve, { db }: { db: Db }): void {
  serve(api.draft, ({ params }) => publishing.draftOf(db, params.id));
  serve(api.saveDraft, ({ params, body, actor, unchangedSince, now }) =>
    publishing.saveDraft(db, params.id, body, actor, unchangedSince, now),
  );
  serve(api.discardDraft, ({ params, actor, now }) => publishing.discardDraft(db, params.id, actor, now));
  serve(api.impact, ({ params, body, now }) => publishing.impact(db, params.id, body, now));
  serve(api.impactRows, async ({ params, query, now }) =>
    impactRows(db, await publishing.changeOf(db, params.id, query.choice), query, now),
  );
  serve(api.impactCsv, async ({ params, query, reply, now }) => {
    const change = await publishing.changeOf(db, params.id, query.choice);
    const templates = await campaigns.templateNames(db, change.content.steps, params.id);
    void reply.header("content-disposition", `attachment; filename="impact-of-campaign-${params.id}.csv"`);
    return impactCsv(db, change, query, { of: ({ row, stepId }) => templates(row, stepId) }, now);
  });
  serve(api.publish, ({ params, body, actor, unchangedSince, now }) =>
    publishing.publish(db, params.id, body, actor, unchangedSince, now),
  );
  serve(api.askApproval, ({ params, actor, unchangedSince, now }) =>
    publishing.askApproval(db, params.id, actor, unchangedSince, now),
  );
  serve(api.approve, ({ params, actor, unchangedSince, now }) =>
    publishing.approve(db, params.id, actor, unchangedSince, now),
  );
  serve(api.versions, async ({ params }) => {
    await campaigns.get(db, params.id);
    return { data: await publishing.versionsOf(db, params.id) };
  });
  serve(api.version, ({ params }) => publishing.versionOf(db, params.id, params.number));
  serve(api.pause, ({ params, body, actor, now }) => pauses.pause(db, params.id, body.kind, actor, now));
  serve(api.resume, ({ params, actor, now }) => pauses.resume(db, params.id, actor, now));
  serve(impacts.schedule, ({ params, body: { choice, ...content }, now }) =>
    publishing.impact(db, params.id, { content, choice }, now),
  );
  serve(backfills.impact, ({ params, body, now }) => backfillImpact(db, params.id, params.stepId, body.perHour, now));
  serve(backfills.send, async ({ params, body, actor, now }) => ({
    people: await backfill(db, params.id, params.stepId, body, actor, now),
  }));
}
