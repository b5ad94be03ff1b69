/** Communications over HTTP. Shows what was sent; sends nothing. */
import { refuse } from "../core/problem.ts";
import { withoutTracking } from "../core/tracked-content.ts";
import type { Db } from "../db/database.ts";
import { bytesOf, resolveDoubt } from "../delivery/delivery.ts";
import type { Serve } from "../http/serve.ts";
import { partsOf } from "../mail/parts.ts";
import { communications as api } from "./api.ts";
import * as communications from "./communications.ts";

export function routes(serve: Serve, { db }: { db: Db }): void {
  serve(api.list, ({ query }) => communications.list(db, query));

  serve(api.get, async ({ params }) => {
    const found = await communications.get(db, params.id);
    const bytes = found.kind === "email" ? await bytesOf(db, communications.messageOf(params.id)) : null;
    const { text, html } = bytes ? partsOf(bytes) : { text: null, html: null };
    return { ...found, text, html: html && withoutTracking(html) };
  });

  serve(api.eml, async ({ params, reply }) => {
    const bytes = await bytesOf(db, communications.messageOf(params.id));
    if (!bytes)
      refuse(
        "email-not-found",
        `The email ${params.id} has no bytes: it was not composed yet, or the person was erased.`,
      );
    void reply.header("content-disposition", `attachment; filename="${params.id}.eml"`);
    return bytes;
  });

  serve(api.resolve, async ({ params, body, actor, now }) => {
    await resolveDoubt(db, communications.messageOf(params.id), body.decision, actor, now);
    return communications.get(db, params.id);
  });

  serve(api.note, ({ body, actor, now }) => communications.writeNote(db, body, actor, now));
}
