/** Whom a letter is from, what runs for them, and who are their colleagues. Reads alone. */
import { sql } from "kysely";
import { companyDomain, companyKey } from "../core/company.ts";
import type { Tx } from "../db/database.ts";

export type Whom = {
  readonly personId: number;
  readonly emailCampaignId: number | null;
  readonly messageId: number | null;
};

/** Somebody with this address, who wrote without answering a mail of ours that we can tell. */
export async function knownPerson(tx: Tx, emailKey: string): Promise<Whom | null> {
  const { rows } = await sql<{ id: number }>`
    select id from people where email_key = ${emailKey} and erased_at is null
    union select person_id from person_addresses where email_key = ${emailKey}
    limit 1`.execute(tx);
  return rows[0] ? { personId: rows[0].id, emailCampaignId: null, messageId: null } : null;
}

/** A mail from one of us that came back in a circle, or a colleague's: no reply. */
export async function ownAddress(tx: Tx, emailKey: string): Promise<boolean> {
  const { rows } = await sql`
    select 1 from senders where email_key = ${emailKey}
    union all select 1 from email_accounts where lower(email) = ${emailKey}
    union all select 1 from users where email_key = ${emailKey}
    limit 1`.execute(tx);
  return rows.length > 0;
}

/** What runs for a person in Campaigns that stop on a reply: whoever talks to us is not written to by machines. */
export function answeredBy(tx: Tx, personId: number) {
  return tx
    .selectFrom("emailCampaigns")
    .innerJoin("campaigns", "campaigns.id", "emailCampaigns.campaignId")
    .select("emailCampaigns.id")
    .where("emailCampaigns.personId", "=", personId)
    .where("emailCampaigns.status", "in", ["Scheduled", "In Progress", "Paused"])
    .where("campaigns.stopOnReply", "=", true)
    .execute();
}

/** Others whom this Campaign is taking through, of the same company by name or by a mail domain of its own. */
export async function colleaguesOf(tx: Tx, personId: number, campaignId: number): Promise<number[]> {
  const person = await tx
    .selectFrom("people")
    .select(["company", "emailKey"])
    .where("id", "=", personId)
    .executeTakeFirst();
  const [company, domain] = [companyKey(person?.company ?? null), companyDomain(person?.emailKey ?? null)];
  if (company === null && domain === null) return [];
  const running = await tx
    .selectFrom("emailCampaigns")
    .innerJoin("people", "people.id", "emailCampaigns.personId")
    .select(["people.id", "people.company", "people.emailKey"])
    .where("emailCampaigns.campaignId", "=", campaignId)
    .where("emailCampaigns.status", "in", ["Scheduled", "In Progress", "Paused"])
    .where("people.id", "<>", personId)
    // Narrowed here, decided by core: names are compared without case and spaces.
    .where((where) =>
      where.or([
        ...(company === null ? [] : [where("people.company", "is not", null)]),
        ...(domain === null ? [] : [where("people.emailKey", "like", `%@${domain.replaceAll(/[\\%_]/g, "\\$&")}`)]),
      ]),
    )
    .execute();
  return running
    .filter(
      (one) =>
        (company !== null && companyKey(one.company) === company) ||
        (domain !== null && companyDomain(one.emailKey) === domain),
    )
    .map(({ id }) => id);
}

/** Whether mail of this account comes back to an address that we sign. */
export async function signsReturnPath(tx: Tx, emailAccountId: number | null): Promise<boolean> {
  if (emailAccountId === null) return false;
  const account = await tx
    .selectFrom("emailAccounts")
    .select(["bounceDomain", "plusAddressing"])
    .where("id", "=", emailAccountId)
    .executeTakeFirst();
  return account !== undefined && (account.bounceDomain !== null || account.plusAddressing);
}
