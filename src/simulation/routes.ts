/** Simulations and the forecast over HTTP. */
import type { z } from "zod";
import type { Db } from "../db/database.ts";
import { refuse } from "../core/problem.ts";
import * as emailGroups from "../email-groups/email-groups.ts";
import type { Serve } from "../http/serve.ts";
import type { Logger } from "../log.ts";
import * as people from "../people/people.ts";
import { applyContent, changeOf } from "../publishing/publishing.ts";
import { MAX_SIMULATED, simulations as api } from "./api.ts";
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
      const { ids, meant } = await meantBy(db, body);
      return { ...(await simulate({ db, log }, { ...body, personIds: ids }, prepare, now)), meant };
    } finally {
      underWay -= 1;
    }
  });
  serve(api.forecast, ({ query, now }) => forecast(db, query.days, query.campaignId, now));
}

type Asked = z.output<typeof api.simulate.body>;

/** The real people that are asked for: named, in a group, found by a filter; each once, in the order of their ids behind the named. */
async function meantBy(db: Db, { personIds, emailGroupId, filter, madeUp }: Asked) {
  const named = [...new Set(personIds)];
  const filters = [filter, emailGroupId === null ? null : { emailGroupId }].filter((one) => one !== null);
  if (emailGroupId !== null) await emailGroups.get(db, emailGroupId);
  let found: number[] = [];
  for (const one of filters) {
    const query = await people.matching(db, one);
    found = [...found, ...(await query.execute()).map(({ id }) => id)];
  }
  const others = [...new Set(found)].filter((id) => !named.includes(id)).toSorted((one, other) => one - other);
  return {
    ids: [...named, ...others].slice(0, MAX_SIMULATED - madeUp.length),
    meant: named.length + others.length,
  };
}
