/** HTTP in, HTTP out for people, their fields and imports. Decides nothing. */
import { Readable } from "node:stream";
import { refuse } from "../core/problem.ts";
import type { Database } from "../db/database.ts";
import type { Serve } from "../http/serve.ts";
import {
  conversion,
  contacts,
  fieldKey,
  filterSchema,
  imports,
  leads,
  merges,
  type PeopleFilter,
  personFields,
} from "./api.ts";
import { keyOf } from "../core/csv-mapping.ts";
import { exported } from "./export.ts";
import { declare, declaredFields, redeclare, undeclare } from "./fields.ts";
import { suggestImport } from "./import.ts";
import { badRowsOf, IMPORT, startImport } from "./jobs.ts";
import { list, shownPerson } from "./listing.ts";
import { merge, previewMerge } from "./merge.ts";
import { duplicates } from "./merge-store.ts";
import { removalOf } from "./named.ts";
import * as people from "./people.ts";

export type PeopleApp = {
  readonly database: Database;
  readonly neighbours: people.Neighbours;
  /** Where uploaded files wait. */
  readonly dataDirectory: string;
};

export function routes(serve: Serve, app: PeopleApp): void {
  resource(serve, app, "lead", leads);
  resource(serve, app, "contact", contacts);
  const { db } = app.database;

  serve(conversion.convert, async ({ params, actor, now }) => {
    await people.convert(db, params.id, actor, app.neighbours, now);
    return shownPerson(db, params.id, "contact");
  });

  serve(merges.duplicates, async ({ query }) => {
    const { data, nextCursor } = await duplicates(db, query);
    return { data: data.map((pair) => ({ ...pair, text: SAME[pair.reason] })), nextCursor };
  });
  serve(merges.preview, ({ params, body }) => previewMerge(db, params.id, body));
  serve(merges.merge, async ({ params, body, actor, now }) => {
    await merge(db, params.id, body, actor, app.neighbours, now);
    return shownPerson(db, params.id);
  });

  serve(personFields.list, async () => ({ data: await declaredFields(db), nextCursor: null }));
  serve(personFields.create, ({ body, actor, now }) => declare(db, body, actor, now));
  serve(personFields.update, ({ params, body, actor, now }) => redeclare(db, params.id, body, actor, now));
  serve(personFields.remove, ({ params, query, actor, now, request }) =>
    undeclare(db, params.id, removalOf(app.neighbours, request, query), actor, now),
  );

  serve(imports.create, async ({ query, actor, now, request }) => ({
    jobId: await startImport(app, uploadOf(request.body), query, actor, now),
  }));
  serve(imports.suggest, ({ query, request }) => suggestImport(app.database, uploadOf(request.body), query));
  serve(imports.read, async ({ params }) => {
    const found = await db
      .selectFrom("jobs")
      .select(["id", "state", "done", "result", "error", "createdAt", "finishedAt"])
      .where("id", "=", params.id)
      .where("kind", "=", IMPORT)
      .executeTakeFirst();
    return found ? { ...found, result: found.result as never } : importNotFound(params.id);
  });
  serve(imports.badRows, async ({ params, reply }) => {
    const found = await db
      .selectFrom("jobs")
      .select("id")
      .where("id", "=", params.id)
      .where("kind", "=", IMPORT)
      .executeTakeFirst();
    if (!found) importNotFound(params.id);
    void reply.header("content-disposition", `attachment; filename="import-${params.id}-bad-rows.csv"`);
    return (await badRowsOf(app, params.id)) as never;
  });
}

const SAME = {
  "same-address": "The addresses differ only by what a mail server ignores.",
  "same-name-and-company": "The same name at the same company.",
  "same-name-and-domain": "The same name, and addresses of the same domain.",
} as const;

function resource(serve: Serve, app: PeopleApp, kind: "lead" | "contact", endpoints: typeof leads): void {
  const { neighbours } = app;
  const { db } = app.database;
  serve(endpoints.list, ({ query: { limit, cursor, sort, fields: _fields, ...filter } }) =>
    list(db, filterOf(kind, filter), { limit, cursor, sort }),
  );
  serve(endpoints.export, ({ query, reply }) => {
    void reply.header("content-disposition", `attachment; filename="${kind}s.csv"`);
    // A stream, not a string: a million people are some 250 MB.
    return Readable.from(exported(db, filterOf(kind, query))) as never;
  });
  serve(endpoints.read, ({ params }) => shownPerson(db, params.id, kind));
  serve(endpoints.create, async ({ body, actor, now }) => {
    const made = await people.create(db, kind, body, actor, neighbours, now);
    return shownPerson(db, made.id, kind);
  });
  serve(endpoints.update, async ({ params, body, actor, unchangedSince, now }) => {
    await people.update(db, params.id, kind, body, actor, neighbours, unchangedSince, now);
    return shownPerson(db, params.id, kind);
  });
  serve(endpoints.remove, ({ params, actor, now }) => people.remove(db, params.id, kind, actor, now));
  serve(endpoints.erase, async ({ params, actor, now }) => {
    await people.erase(db, params.id, kind, actor, neighbours, now);
    return shownPerson(db, params.id, kind);
  });
}

const ATTRIBUTE = "attributes.";

/** The filter of a query: `attributes.dealStage=Won` is by the field `deal_stage`; other unknown parameters are refused. */
function filterOf(kind: "lead" | "contact", query: Record<string, unknown>): PeopleFilter {
  const attributes: Record<string, string> = {};
  const filter: Record<string, unknown> = { kind };
  for (const [name, value] of Object.entries(query)) {
    if (name in filterSchema.shape) filter[name] = value;
    else if (name.startsWith(ATTRIBUTE) && typeof value === "string") {
      const named = name.slice(ATTRIBUTE.length);
      const key = fieldKey.safeParse(named).success ? named : keyOf(named);
      attributes[key] = value;
    } else refuse("input-invalid", `There is no filter "${name}".`, `/${name}`);
  }
  return { ...(filter as PeopleFilter), attributes };
}

function uploadOf(body: unknown): AsyncIterable<Uint8Array> {
  if (body instanceof Readable) return body;
  return refuse("unsupported-media-type", "Send the file itself as the body, with the content type text/csv.");
}

function importNotFound(id: number): never {
  return refuse("import-not-found", `There is no import ${id}.`);
}
