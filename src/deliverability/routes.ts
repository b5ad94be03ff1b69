/** Deliverability over HTTP. */
import { refuse } from "../core/problem.ts";
import type { Db } from "../db/database.ts";
import type { Serve } from "../http/serve.ts";
import { deliverability as api } from "./api.ts";
import * as store from "./store.ts";

const DEFAULT_DAYS = 30;
const MOST_DAYS = 400;

export function routes(serve: Serve, { db }: { readonly db: Db }): void {
  serve(api.domains, async ({ query, now }) => ({ data: await store.domains(db, spanOf(query, now), query.limit) }));
  serve(api.days, async ({ query, now }) => ({ data: await store.days(db, spanOf(query, now), query.domain) }));
  serve(api.findings, async () => ({ data: await store.findings(db) }));
}

function spanOf(asked: { from?: string | undefined; to?: string | undefined }, now: Temporal.Instant): store.Span {
  const to = asked.to ? Temporal.PlainDate.from(asked.to) : now.toZonedDateTimeISO("UTC").toPlainDate();
  const from = asked.from ? Temporal.PlainDate.from(asked.from) : to.subtract({ days: DEFAULT_DAYS - 1 });
  const days = from.until(to).total("days");
  if (days < 0) refuse("span-invalid", "The last day lies before the first one.", "/to");
  if (days >= MOST_DAYS) refuse("span-invalid", `At most ${MOST_DAYS} days at once.`, "/from");
  return { from, to };
}
