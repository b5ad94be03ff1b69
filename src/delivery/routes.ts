/** Test mails over HTTP. */
import { createRateLimit } from "../http/rate-limit.ts";
import type { Serve } from "../http/serve.ts";
import { testSends as api } from "./api.ts";
import { sendCampaign, sendTemplate, type TestSendOptions } from "./test-send.ts";

export function routes(serve: Serve, options: Omit<TestSendOptions, "limit">): void {
  const all = { ...options, limit: createRateLimit({ most: 60, minutes: 10 }) };
  serve(api.template, ({ body, actor, now }) => sendTemplate(all, body, actor, now));
  serve(api.campaign, ({ params, body, actor, now }) => sendCampaign(all, params.id, body, actor, now));
}
