/** What keeps mail from leaving, in plain sentences: for the doctor and for whoever wonders. Changes nothing. */
import { sql } from "kysely";
import { accountFor, type Vault, workspace } from "../accounts/accounts.ts";
import type { Db } from "../db/database.ts";

export type DeliveryProblem = { readonly code: string; readonly text: string };

const MOST_CAMPAIGNS = 20;

/** Empty when all is well. */
export async function deliveryProblems(db: Db, vault: Vault): Promise<DeliveryProblem[]> {
  const { postalAddress } = await workspace(db);
  const accounts = await db
    .selectFrom("emailAccounts")
    .select(["name", "kind", "pausedReason"])
    .orderBy("id")
    .execute();
  const usual = await accountFor(db, null, vault);
  const problems: DeliveryProblem[] = [];
  if (postalAddress === null && (usual.kind === "smtp" || accounts.some(({ kind }) => kind === "smtp")))
    problems.push({
      code: "postal-address-missing",
      text: "There is no postal address, which every real email must carry. Mail waits until you set one in the workspace.",
    });
  for (const { name, pausedReason } of accounts) {
    if (pausedReason !== null)
      problems.push({
        code: "email-account-waits",
        text: `The email account “${name}” does not send: ${pausedReason}`,
      });
  }
  const held = await db
    .selectFrom("campaigns")
    .select(["name", "pausedReason"])
    .where("pausedReason", "is not", null)
    .orderBy("id")
    .limit(MOST_CAMPAIGNS)
    .execute();
  for (const { name, pausedReason } of held)
    problems.push({ code: "campaign-held", text: `The Campaign “${name}” is on hold: ${pausedReason}` });
  const { rows } = await sql<{ held: number; nameless: number; unsigned: number }>`
    select (select count(*)::int from messages where state = 'unknown') as held,
      (select count(*)::int from messages
        where state in ('planned', 'deferred') and reason = 'no-from-address') as nameless,
      (select count(*)::int from messages
        where state in ('planned', 'deferred') and reason = 'cannot-sign') as unsigned`.execute(db);
  const { held: inDoubt = 0, nameless = 0, unsigned = 0 } = rows[0] ?? {};
  if (inDoubt > 0)
    problems.push({
      code: "messages-in-doubt",
      text: `${inDoubt} emails may or may not have arrived: the connection broke before the server confirmed them.`,
    });
  if (nameless > 0)
    problems.push({
      code: "no-from-address",
      text: `${nameless} emails wait because neither a sender nor the email account gives an address to send from.`,
    });
  if (unsigned > 0)
    problems.push({
      code: "cannot-sign",
      text: `${unsigned} emails wait because the DKIM key of their domain cannot be used: make a new one, or mend the secret.`,
    });
  return problems;
}
