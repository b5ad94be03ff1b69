/** The hold over HTTP. */
import type { Db } from "../db/database.ts";
import type { Serve } from "../http/serve.ts";
import { sendingHold as api } from "./api.ts";
import { resumeSending, sendingHold } from "./continuity.ts";

export function routes(serve: Serve, { db }: { db: Db }): void {
  serve(api.get, ({ now }) => sendingHold(db, now));
  serve(api.end, ({ body, actor, now }) => resumeSending(db, body.whatIsDue, actor, now));
}
