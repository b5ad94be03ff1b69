/** HTTP in, HTTP out for suppressions. Lifts nothing a person asked for. */
import { recordChange } from "../accounts/audit.ts";
import { parseAddress } from "../core/address.ts";
import { refuse } from "../core/problem.ts";
import { brokenConstraint, type Db, inTransaction } from "../db/database.ts";
import type { SuppressionReason } from "../db/tables.ts";
import { pageOf, positionOf } from "../http/paging.ts";
import type { Serve } from "../http/serve.ts";
import { suppressions } from "./api.ts";
import { forgetSoftBounces } from "./soft-bounces.ts";
import { suppress } from "./suppressions.ts";

const columns = [
  "id",
  "emailKey",
  "scope",
  "campaignId",
  "reason",
  "origin",
  "personId",
  "createdAt",
  "liftedAt",
  "liftedBy",
] as const;

/** Why a suppression cannot be lifted by a colleague. */
const KEPT: Partial<Record<SuppressionReason, string>> = {
  unsubscribed: "The person unsubscribed; only the person takes that back, through the link in a mail.",
  complaint: "The person complained about a mail as spam; only the person takes that back.",
  "do-not-contact": "This follows the person's status Do Not Contact: change the status.",
  erased: "The person was erased; that is for good.",
};

export function routes(serve: Serve, { db }: { readonly db: Db }): void {
  serve(suppressions.list, async ({ query: { limit, cursor, sort, ...filter } }) => {
    const descending = sort === "-id";
    let rows = db
      .selectFrom("suppressions")
      .select(columns)
      .where("liftedAt", filter.lifted ? "is not" : "is", null)
      .orderBy("id", descending ? "desc" : "asc")
      .limit(limit + 1);
    if (cursor) rows = rows.where("id", descending ? "<" : ">", positionOf(cursor).id);
    if (filter.email !== undefined) rows = rows.where("emailKey", "=", keyOf(filter.email));
    if (filter.scope) rows = rows.where("scope", "=", filter.scope);
    if (filter.reason) rows = rows.where("reason", "=", filter.reason);
    if (filter.campaignId) rows = rows.where("campaignId", "=", filter.campaignId);
    const { data, nextCursor } = pageOf(await rows.execute(), limit);
    return { data: data.map(shown), nextCursor };
  });

  serve(suppressions.create, async ({ body, actor, now, reply }) => {
    const emailKey = keyOf(body.email);
    if ((body.scope === "campaign") !== (body.campaignId !== null))
      refuse("input-invalid", "The scope `campaign` names a campaignId, and no other does.", "/campaignId");
    try {
      return await inTransaction(db, async (tx) => {
        const person = await tx.selectFrom("people").select("id").where("emailKey", "=", emailKey).executeTakeFirst();
        const what = { ...body, emailKey, personId: person?.id ?? null, reason: "manual" as const };
        const made = await suppress(tx, what, now);
        const row = await tx
          .selectFrom("suppressions")
          .select(columns)
          .where("emailKey", "=", emailKey)
          .where("liftedAt", "is", null)
          .where("reason", "=", "manual")
          .where("scope", "=", body.scope)
          .where("campaignId", body.campaignId === null ? "is" : "=", body.campaignId)
          .executeTakeFirstOrThrow();
        // It was there: harmless, and not made anew.
        if (made === null) void reply.code(200);
        // Without the address: the log outlives an erasure.
        else
          await recordChange(
            tx,
            { actor, action: "create", subjectType: "suppression", subjectId: row.id, after: { scope: row.scope } },
            now,
          );
        return shown(row);
      });
    } catch (error) {
      if (brokenConstraint(error)?.includes("campaign_id"))
        refuse("input-invalid", `There is no Campaign ${body.campaignId}.`, "/campaignId");
      throw error;
    }
  });

  serve(suppressions.remove, async ({ params, actor, now }) => {
    await inTransaction(db, async (tx) => {
      const found = await tx
        .selectFrom("suppressions")
        .select(["reason", "liftedAt", "emailKey"])
        .where("id", "=", params.id)
        .forUpdate()
        .executeTakeFirst();
      if (!found) return refuse("suppression-not-found", `There is no suppression ${params.id}.`);
      const kept = KEPT[found.reason];
      if (kept) refuse("suppression-is-kept", kept);
      if (found.liftedAt) return undefined;
      await tx
        .updateTable("suppressions")
        .set({ liftedAt: now, liftedBy: actor.name })
        .where("id", "=", params.id)
        .execute();
      // Whoever lifts it says that the mailbox takes mail again: counting begins anew.
      if (found.emailKey !== null) await forgetSoftBounces(tx, [found.emailKey]);
      return recordChange(
        tx,
        { actor, action: "lift", subjectType: "suppression", subjectId: params.id, before: { reason: found.reason } },
        now,
      );
    });
  });
}

function shown<Row extends { emailKey: string | null }>({ emailKey, ...row }: Row) {
  return { ...row, email: emailKey };
}

function keyOf(email: string): string {
  const read = parseAddress(email);
  return "key" in read ? read.key : refuse("input-invalid", read.problem, "/email");
}
