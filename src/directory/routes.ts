/** People across all modules over HTTP. */
import type { Db } from "../db/database.ts";
import type { Serve } from "../http/serve.ts";
import type { Neighbours } from "../people/people.ts";
import { people as api } from "./api.ts";
import { act } from "./bulk.ts";
import * as directory from "./directory.ts";

export function routes(serve: Serve, { db, neighbours }: { db: Db; neighbours: Neighbours }): void {
  serve(api.get, ({ params, now }) => directory.get(db, params.id, now));
  serve(api.export, async ({ params, reply, now }) => {
    const kept = await directory.exported(db, params.id, now);
    void reply.header("content-disposition", `attachment; filename="person-${params.id}.json"`);
    return JSON.stringify(kept, null, 2);
  });
  serve(api.act, ({ body, actor, now }) => act(db, body, actor, neighbours, now));
}
