/** Opens and clicks over HTTP: counted, listed, as a CSV. Records nothing; the addresses in mails do. */
import { Readable } from "node:stream";
import type { Db } from "../db/database.ts";
import { pageOf } from "../http/paging.ts";
import type { Serve } from "../http/serve.ts";
import { tracking as api } from "./api.ts";
import { csvOf, list, ofCampaign } from "./listing.ts";

export function routes(serve: Serve, { db }: { db: Db }): void {
  serve(api.ofCampaign, ({ params }) => ofCampaign(db, params.id));
  serve(api.list, async ({ query }) => pageOf(await list(db, query), query.limit));
  serve(api.csv, async ({ params, query, reply }) => {
    await ofCampaign(db, params.id);
    void reply.header("content-disposition", `attachment; filename="engagements-of-campaign-${params.id}.csv"`);
    return Readable.from(csvOf(db, { ...query, campaignId: params.id })) as never;
  });
}
