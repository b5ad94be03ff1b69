/** Sets a new installation up: its first administrator, their sender, and an API key. Works once for each link. */
import { z } from "zod";
import * as keys from "../accounts/keys.ts";
import * as senders from "../accounts/senders.ts";
import { isOpen, redeem } from "../accounts/setup-links.ts";
import * as users from "../accounts/users.ts";
import { refuse } from "../core/problem.ts";
import { inTransaction, type Db } from "../db/database.ts";
import { line } from "../http/contract.ts";
import { workspaceEdit } from "./api.ts";

export const setupInput = z.object({
  name: line(),
  email: z.string().trim().min(1, "Must not be empty.").max(320),
  workspaceName: line(),
  timeZone: workspaceEdit.shape.timeZone.unwrap(),
  postalAddress: z.string().trim().max(500).default(""),
});

/** Refuses a link that was used or replaced. */
export async function checkLink(db: Db, token: string): Promise<void> {
  if (!(await isOpen(db, token)))
    refuse("setup-link-not-found", "This set-up link was used already, or a later start printed a new one.");
}

/** Does it all or nothing, and returns the administrator's API key: the only copy. */
export async function setUp(
  db: Db,
  token: string,
  input: z.output<typeof setupInput>,
  now: Temporal.Instant,
): Promise<{ key: string }> {
  return inTransaction(db, async (tx) => {
    if (!(await redeem(tx, token, now))) await checkLink(tx, token);
    const actor = { name: "set-up link", role: "administrator" } as const;
    const user = await users.create(tx, { name: input.name, email: input.email, role: "administrator" }, actor, now);
    await senders.create(tx, { name: input.name, email: input.email, userId: user.id }, actor, now);
    await tx
      .updateTable("workspace")
      .set({
        name: input.workspaceName,
        timeZone: input.timeZone,
        postalAddress: input.postalAddress === "" ? null : input.postalAddress,
        setUpAt: now,
        changedAt: now,
      })
      .execute();
    const { key } = await keys.create(tx, { name: "Set-up", role: "administrator", userId: user.id }, actor, now);
    return { key };
  });
}
