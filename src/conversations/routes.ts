/** Conversations over HTTP. Reading changes nothing, not even what counts as seen. */
import type { Serve } from "../http/serve.ts";
import * as answers from "./answers.ts";
import { conversations as api } from "./api.ts";
import * as conversations from "./conversations.ts";

export function routes(serve: Serve, answering: answers.Answering): void {
  const { db, vault } = answering;
  serve(api.list, ({ query, actor }) => conversations.list(db, query, actor));
  serve(api.counts, ({ actor }) => conversations.counts(db, actor.userId));
  serve(api.assignees, async () => ({ data: await conversations.assignees(db) }));
  serve(api.get, ({ params }) => conversations.thread(db, vault, params.id));
  serve(api.see, ({ params, now }) => conversations.see(db, params.id, now));
  serve(api.assign, ({ params, body, actor, now }) => conversations.assign(db, params.id, body.userId, actor, now));
  serve(api.finish, ({ params, actor, now }) => conversations.finish(db, params.id, actor, now));
  serve(api.reopen, ({ params, actor, now }) => conversations.reopen(db, params.id, actor, now));
  serve(api.answer, async ({ params, body, actor, now }) => {
    await answers.write(answering, params.id, body, actor, now);
    return conversations.thread(db, vault, params.id);
  });
  serve(api.resolveAnswer, async ({ params, body, actor, now }) =>
    conversations.thread(db, vault, await answers.resolve(db, params.id, body.decision, actor, now)),
  );
}
