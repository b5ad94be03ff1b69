/** Email Campaigns over HTTP. */
import type { Db } from "../db/database.ts";
import { pageOf } from "../http/paging.ts";
import { languageOf } from "../http/language.ts";
import type { Serve } from "../http/serve.ts";
import { bulkActions, emailCampaigns as api, timing } from "./api.ts";
import { act } from "./bulk-actions.ts";
import * as emailCampaigns from "./email-campaigns.ts";
import { queueStart } from "./jobs.ts";
import { type SkipMessage, skipStep } from "./skip.ts";
import { timingPreview } from "./timing-preview.ts";

export function routes(serve: Serve, { db, skipMessage }: { db: Db; skipMessage: SkipMessage }): void {
  serve(api.list, async ({ query }) =>
    pageOf(await emailCampaigns.list(db, query), query.limit, (row) => emailCampaigns.sortValue(row, query.sort)),
  );
  serve(api.get, ({ params, request, reply, now }) => {
    void reply.header("vary", "accept-language");
    return emailCampaigns.get(db, params.id, now, languageOf(request));
  });
  serve(api.start, async ({ body, actor, now }) =>
    emailCampaigns.get(db, await emailCampaigns.start(db, body, actor, now), now),
  );
  serve(api.preview, ({ body, actor, now }) => emailCampaigns.preview(db, body, actor, now));
  serve(api.startMany, async ({ body, actor, now }) => ({ jobId: await queueStart(db, body, actor, now) }));
  serve(bulkActions.act, ({ body, actor, now }) => act(db, body, actor, now));
  serve(api.update, ({ params, body, actor, unchangedSince, now }) =>
    emailCampaigns.update(db, params.id, body, actor, unchangedSince, now),
  );
  serve(api.pause, ({ params, actor, now }) => emailCampaigns.pause(db, params.id, actor, now));
  serve(api.resume, ({ params, actor, now }) => emailCampaigns.resume(db, params.id, actor, now));
  serve(api.cancel, ({ params, actor, now }) => emailCampaigns.cancel(db, params.id, actor, now));
  serve(api.restart, ({ params, body, actor, now }) => emailCampaigns.restart(db, params.id, body.startOn, actor, now));
  serve(api.skipStep, async ({ params, actor, now }) => {
    await skipStep(db, params.id, params.stepId, skipMessage, actor, now);
    return emailCampaigns.get(db, params.id, now);
  });
  serve(api.explain, ({ params, request, reply, now }) => {
    void reply.header("vary", "accept-language");
    return emailCampaigns.explain(db, params.id, now, languageOf(request));
  });
  serve(timing.preview, ({ params, body, request, now }) =>
    timingPreview(db, params.id, body, languageOf(request), now),
  );
}
