/** Campaigns over HTTP. */
import type { Db } from "../db/database.ts";
import { pageOf } from "../http/paging.ts";
import type { Serve } from "../http/serve.ts";
import { type Neighbours, removalOf } from "../people/people.ts";
import { campaigns as api, sampleCampaign } from "./api.ts";
import * as campaigns from "./campaigns.ts";
import * as sample from "./sample-campaign.ts";

export function routes(
  serve: Serve,
  {
    db,
    neighbours,
    afterScheduleChange,
  }: { db: Db; neighbours: Neighbours; afterScheduleChange: campaigns.AfterScheduleChange },
): void {
  serve(sampleCampaign.load, ({ actor, now }) => sample.load(db, actor, neighbours, now));
  serve(sampleCampaign.remove, ({ actor, now, request }) =>
    sample.remove(db, removalOf(neighbours, request), actor, now),
  );
  serve(api.list, async ({ query }) => pageOf(await campaigns.list(db, query), query.limit));
  serve(api.get, ({ params }) => campaigns.get(db, params.id));
  serve(api.create, ({ body, actor, now }) => campaigns.create(db, body, actor, now));
  serve(api.update, ({ params, body, actor, unchangedSince, now }) =>
    campaigns.update(db, params.id, body, actor, unchangedSince, afterScheduleChange, now),
  );
  serve(api.remove, ({ params, query, actor, now, request }) =>
    campaigns.remove(db, params.id, removalOf(neighbours, request, query), actor, now),
  );
  serve(api.setSteps, ({ params, body, actor, unchangedSince, now }) =>
    campaigns.setSteps(db, params.id, body.steps, actor, unchangedSince, afterScheduleChange, now),
  );
}
