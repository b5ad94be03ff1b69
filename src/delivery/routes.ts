/** Test mails and recipient domains over HTTP. */
import type { Serve } from "../http/serve.ts";
import { createSharedRateLimit } from "../http/shared-rate-limit.ts";
import { pageOf } from "../http/paging.ts";
import { recipientDomains, testSends as api } from "./api.ts";
import * as domains from "./recipient-domains.ts";
import { sendCampaign, sendTemplate, type TestSendOptions } from "./test-send.ts";

export function routes(serve: Serve, options: Omit<TestSendOptions, "limit">): void {
  const all = { ...options, limit: createSharedRateLimit(options.db, { deed: "test-send", most: 60, minutes: 10 }) };
  serve(api.template, ({ body, actor, now }) => sendTemplate(all, body, actor, now));
  serve(api.campaign, ({ params, body, actor, now }) => sendCampaign(all, params.id, body, actor, now));

  const { db } = options;
  serve(recipientDomains.list, async ({ query }) => pageOf(await domains.list(db, query), query.limit));
  serve(recipientDomains.create, ({ body, actor, now }) => domains.create(db, body, actor, now));
  serve(recipientDomains.update, ({ params, body, actor, now }) => domains.update(db, params.id, body, actor, now));
  serve(recipientDomains.remove, ({ params, actor, now }) => domains.remove(db, params.id, actor, now));
}
