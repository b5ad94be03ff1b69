/** Simulations and the forecast over HTTP. */
import type { Db } from "../db/database.ts";
import { refuse } from "../core/problem.ts";
import type { Serve } from "../http/serve.ts";
import type { Logger } from "../log.ts";
import { applyContent, changeOf } from "../publishing/publishing.ts";
import { simulations as api } from "./api.ts";
import { forecast } from "./forecast.ts";
import { simulate } from "./simulate.ts";

/** Each holds a connection and the processor for seconds. */
const MOST_AT_ONCE = 2;

export function routes(serve: Serve, { db, log }: { db: Db; log: Logger }): void {
  let underWay = 0;
  serve(api.simulate, async ({ params, body, now }) => {
    if (underWay >= MOST_AT_ONCE)
      refuse("too-many-requests", "Other simulations are running. Try again when they are done.");
    const change = body.of === "draft" ? await changeOf(db, params.id, "everyone") : null;
    underWay += 1;
    try {
      const prepare = async (tx: Parameters<typeof applyContent>[0]) => {
        if (change) await applyContent(tx, change, now);
        return params.id;
      };
      return await simulate({ db, log }, body, prepare, now);
    } finally {
      underWay -= 1;
    }
  });
  serve(api.forecast, ({ query, now }) => forecast(db, query.days, query.campaignId, now));
}
