/** Which Campaigns name an Email Group, a field or another Campaign in their conditions. Reads only. */
import { type RawBuilder, sql } from "kysely";
import type { Named, Use } from "../core/uses.ts";
import type { Tx } from "../db/database.ts";

/** Whether a condition, a column of JSON, names it. Null where there is none. */
export function names(condition: RawBuilder<unknown>, what: Named): RawBuilder<boolean> {
  const [path, value] = pathOf(what);
  return sql`jsonb_path_exists(${condition}, ${path}::jsonpath, jsonb_build_object('named', ${value}))`;
}

function pathOf(what: Named): readonly [string, RawBuilder<unknown>] {
  if ("group" in what) return ["$.** ? (@.group == $named)", sql`${what.group}::bigint`];
  if ("field" in what) return ["$.** ? (@.field == $named)", sql`${what.field}::text`];
  return ["$.** ? (@.campaign == $named || @.finished == $named)", sql`${what.campaign}::bigint`];
}

/** Where conditions name it; a Campaign's own do not count, since they go with it. */
export async function naming(tx: Tx, what: Named): Promise<Use[]> {
  const itself = "campaign" in what ? what.campaign : 0;
  const { rows } = await sql<Use>`
    select campaigns.id as campaign_id, campaigns.name as campaign, place.where from campaigns cross join lateral (
      select 'step' as where, 1 as position where exists (select from steps
        where steps.campaign_id = campaigns.id and steps.removed_at is null
          and (${names(sql`steps.only_if`, what)} or ${names(sql`steps.stop_if`, what)}))
      union all select 'exit', 2 where ${names(sql`campaigns.stop_if`, what)}
      union all select 'goal', 3 where ${names(sql`campaigns.goal`, what)}
    ) as place where campaigns.id <> ${itself} order by campaigns.id, place.position`.execute(tx);
  return rows;
}
