/** Variants over HTTP: how they do, and choosing one. */
import { refuse } from "../core/problem.ts";
import type { Db } from "../db/database.ts";
import { languageOf } from "../http/language.ts";
import type { Serve } from "../http/serve.ts";
import { variants as api } from "./api.ts";
import * as variants from "./variants.ts";

export function routes(serve: Serve, { db }: { db: Db }): void {
  serve(api.ofCampaign, async ({ params, request, now }) => ({
    data: await variants.ofCampaign(db, params.id, languageOf(request), now),
  }));
  serve(api.csv, ({ params, request, reply, now }) => {
    void reply.header("content-disposition", `attachment; filename="variants-of-campaign-${params.id}.csv"`);
    return variants.csvOf(db, params.id, languageOf(request), now);
  });
  serve(api.choose, async ({ params, body, request, actor, now }) => {
    await variants.choose(db, params.id, params.stepId, body.variant, actor, now);
    return one(params, languageOf(request), now);
  });
  serve(api.takeBack, async ({ params, request, actor, now }) => {
    await variants.takeBack(db, params.id, params.stepId, actor, now);
    return one(params, languageOf(request), now);
  });

  async function one(
    { id, stepId }: { readonly id: number; readonly stepId: number },
    language: ReturnType<typeof languageOf>,
    now: Temporal.Instant,
  ) {
    const all = await variants.ofCampaign(db, id, language, now);
    return all.find((trial) => trial.stepId === stepId) ?? refuse("step-not-found", `There is no step ${stepId}.`);
  }
}
