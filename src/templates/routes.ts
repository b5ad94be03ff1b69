/** Email templates over HTTP. */
import type { Db } from "../db/database.ts";
import { pageOf } from "../http/paging.ts";
import type { Serve } from "../http/serve.ts";
import { emailTemplates as api, savedBlocks as savedApi } from "./api.ts";
import { preview } from "./preview.ts";
import { checkMail } from "./checks/check.ts";
import * as savedBlocks from "./saved-blocks.ts";
import * as templates from "./templates.ts";
import { templateVariables } from "./variables.ts";

export function routes(serve: Serve, { db }: { db: Db }): void {
  serve(api.list, async ({ query }) => pageOf(await templates.list(db, query), query.limit));
  serve(api.get, ({ params }) => templates.get(db, params.id));
  serve(api.create, ({ body, actor, now }) => templates.create(db, body, actor, now));
  serve(api.update, ({ params, body, actor, unchangedSince, now }) =>
    templates.update(db, params.id, body, actor, unchangedSince, now),
  );
  serve(api.remove, ({ params, actor, now }) => templates.remove(db, params.id, actor, now));
  serve(api.versions, async ({ params, query }) => pageOf(await templates.versions(db, params.id, query), query.limit));
  serve(api.version, ({ params }) => templates.versionNumbered(db, params.id, params.number));
  serve(api.restore, ({ params, actor, now }) => templates.restore(db, params.id, params.number, actor, now));
  serve(api.variables, async () => ({ data: await templateVariables(db), nextCursor: null }));
  serve(api.preview, ({ body, now }) => preview(db, body, now));
  serve(api.check, ({ body, now }) => checkMail(db, body, now));
  serve(savedApi.list, async () => ({ data: await savedBlocks.list(db), nextCursor: null }));
  serve(savedApi.create, ({ body, actor, now }) => savedBlocks.create(db, body, actor, now));
  serve(savedApi.update, ({ params, body, actor, now }) => savedBlocks.update(db, params.id, body, actor, now));
  serve(savedApi.remove, ({ params, actor, now }) => savedBlocks.remove(db, params.id, actor, now));
}
