/** The workspace over HTTP. */
import type { Db } from "../db/database.ts";
import type { Serve } from "../http/serve.ts";
import { settings as api } from "./api.ts";
import * as workspace from "./workspace.ts";

export function routes(
  serve: Serve,
  { db, afterCalendarChange }: { db: Db; afterCalendarChange: workspace.AfterCalendarChange },
): void {
  serve(api.get, () => workspace.get(db));
  serve(api.update, ({ body, actor, unchangedSince, now }) =>
    workspace.update(db, body, actor, unchangedSince, afterCalendarChange, now),
  );
}
