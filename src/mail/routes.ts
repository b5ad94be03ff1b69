/** The mailbox over HTTP. Shows what was kept; sends nothing. */
import type { Db } from "../db/database.ts";
import { pageOf } from "../http/paging.ts";
import type { Serve } from "../http/serve.ts";
import { mailbox as api } from "./api.ts";
import * as mailbox from "./mailbox.ts";
import { partsOf } from "./parts.ts";

export function routes(serve: Serve, { db }: { db: Db }): void {
  serve(api.list, async ({ query }) => {
    const { data, nextCursor } = pageOf(await mailbox.list(db, query), query.limit);
    return { data: data.map(shown), nextCursor };
  });
  serve(api.get, async ({ params }) => {
    const { bytes, ...message } = await mailbox.get(db, params.id);
    return { ...shown(message), ...partsOf(bytes) };
  });
  serve(api.eml, async ({ params, reply }) => {
    const { bytes } = await mailbox.get(db, params.id);
    void reply.header("content-disposition", `attachment; filename="mailbox-${params.id}.eml"`);
    return bytes;
  });
  serve(api.clear, async () => void (await mailbox.clear(db)));
}

function shown<Row extends { messageId: number | null }>({ messageId, ...row }: Row) {
  return { ...row, communicationId: messageId === null ? null : `message-${messageId}` };
}
