/** Whose a row is: a user changes their own and nobody's, a manager everybody's. Knows the owners; sets none. */
import { sql } from "kysely";
import { refuse } from "../core/problem.ts";
import type { Db } from "../db/database.ts";
import type { Role } from "../db/tables.ts";

/** Who acts, as far as ownership goes. Without a user (a key of its own, the command line) the role alone decides. */
export type Acting = {
  readonly name: string;
  readonly role?: Role;
  readonly userId?: number | null;
  /** A program, by a key. */
  readonly byKey?: boolean;
};

/** What has an owner, by the subject its changes are written down under. */
const OWNED = {
  lead: "people",
  contact: "people",
  person: "people",
  campaign: "campaigns",
  "email-campaign": "email_campaigns",
  "email-group": "email_groups",
  "email-template": "email_templates",
} as const;

/** Refuses a user who changes what belongs to a colleague. */
export async function refuseUnlessOwn(
  db: Db,
  changes: readonly { readonly actor: Acting; readonly subjectType: string; readonly subjectId: string | number }[],
): Promise<void> {
  for (const [subjectType, table] of Object.entries(OWNED)) {
    const concerned = changes.filter(
      ({ actor, ...change }) => actor.role === "user" && change.subjectType === subjectType,
    );
    const userId = concerned[0]?.actor.userId;
    const ids = concerned.map(({ subjectId }) => Number(subjectId)).filter(Number.isSafeInteger);
    if (userId == null || ids.length === 0) continue;
    const { rows } = await sql<{ name: string }>`
      select users.name from ${sql.table(table)} as owned join users on users.id = owned.owner_id
      where owned.id = any(${ids}::bigint[]) and users.id <> ${userId} limit 1`.execute(db);
    if (rows[0]) refuse("forbidden", `This belongs to ${rows[0].name}. Ask them, or a manager.`);
  }
}
