/** What modules hear of each other without importing each other: plain functions, handed in where they are needed. */
import * as communications from "./communications/communications.ts";
import * as delivery from "./delivery/delivery.ts";
import * as emailCampaigns from "./email-campaigns/email-campaigns.ts";
import * as emailGroups from "./email-groups/email-groups.ts";
import type { Neighbours } from "./people/people.ts";
import type { Secrets } from "./secret.ts";

/** What follows for the rest when something happens to people: all in the transaction in which it happens. */
export function neighboursOf(secrets: Secrets): Neighbours {
  return {
    erasureKeys: secrets.keysFor("erased addresses"),
    onDoNotContact: async (tx, personIds, now) => {
      await emailCampaigns.end(tx, { personIds }, { event: "stop", reason: "do-not-contact" }, now);
    },
    onConverted: async (tx, personIds, now) => {
      await emailCampaigns.end(tx, { personIds }, { event: "stop", reason: "converted" }, now);
    },
    onConversion: async (tx, personId, now) => {
      await communications.recordEntry(tx, { personId, kind: "converted", subject: "The Lead became a Contact" }, now);
    },
    onErase: async (tx, personId, now) => {
      await emailCampaigns.end(tx, { personIds: [personId] }, { event: "stop", reason: "erased" }, now);
      await delivery.forgetPerson(tx, personId);
      await communications.forgetPerson(tx, personId);
      await emailGroups.forgetPerson(tx, personId);
    },
  };
}
