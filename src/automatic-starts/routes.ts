/** Automatic starts over HTTP. */
import type { Db } from "../db/database.ts";
import { languageOf } from "../http/language.ts";
import type { Serve } from "../http/serve.ts";
import { automaticStarts as api } from "./api.ts";
import * as automaticStarts from "./automatic-starts.ts";

export function routes(serve: Serve, { db }: { db: Db }): void {
  serve(api.get, ({ params, request, reply }) => {
    void reply.header("vary", "accept-language");
    return automaticStarts.get(db, params.id, languageOf(request));
  });
  serve(api.save, ({ params, body, actor, now }) => automaticStarts.save(db, params.id, body, actor, now));
  serve(api.answer, ({ params, body, actor, now }) => automaticStarts.answer(db, params.id, body.start, actor, now));
}
