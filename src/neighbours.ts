/** What modules hear of each other without importing each other: plain functions, handed in where they are needed. */
import * as automaticStarts from "./automatic-starts/automatic-starts.ts";
import * as campaigns from "./campaigns/campaigns.ts";
import * as communications from "./communications/communications.ts";
import * as conversations from "./conversations/conversations.ts";
import * as delivery from "./delivery/delivery.ts";
import * as emailCampaigns from "./email-campaigns/email-campaigns.ts";
import * as emailGroups from "./email-groups/email-groups.ts";
import * as events from "./events/events.ts";
import * as inbound from "./inbound/inbound.ts";
import type { Neighbours } from "./people/people.ts";
import type { Secrets } from "./secret.ts";
import * as tracking from "./tracking/tracking.ts";

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
    onMeasuring: communications.recordMeasuring,
    onTimeZone: async (tx, personIds, now) => {
      await emailCampaigns.wakePeople(tx, personIds, now);
    },
    onTraits: async (tx, personIds, now) => {
      await emailCampaigns.wakeWaiting(tx, personIds, now);
    },
    onImported: (db, { emailGroupId, emailKeys, by }, now) =>
      emailGroups.addByAddress(db, emailGroupId, emailKeys, { name: by }, now),
    onMerge: async (tx, { formerId, personId, stops }, now) => {
      const ids = stops.map(({ id }) => id);
      await emailCampaigns.movePerson(tx, { formerId, personId, stops: ids }, now);
      await delivery.movePerson(tx, formerId, personId);
      await communications.movePerson(tx, formerId, personId);
      await tracking.movePerson(tx, formerId, personId);
      await events.movePerson(tx, formerId, personId);
      await conversations.movePerson(tx, formerId, personId);
      await inbound.movePerson(tx, formerId, personId);
      await emailGroups.movePerson(tx, formerId, personId);
      for (const { id, continues } of stops)
        await communications.recordEntry(
          tx,
          {
            personId,
            emailCampaignId: id,
            kind: "status",
            subject: `Stopped: ${continues} takes the person through the same Campaign already`,
          },
          now,
        );
      const subject = "Another record of this person was merged into this one";
      await communications.recordEntry(tx, { personId, kind: "status", subject, detail: { formerId } }, now);
    },
    namedBy: async (tx, what) => [...(await automaticStarts.naming(tx, what)), ...(await campaigns.naming(tx, what))],
    onErase: async (tx, personId, now) => {
      await emailCampaigns.end(tx, { personIds: [personId] }, { event: "stop", reason: "erased" }, now);
      await delivery.forgetPerson(tx, personId);
      await communications.forgetPerson(tx, personId);
      await tracking.forgetPerson(tx, personId);
      await events.forgetPerson(tx, personId);
      await conversations.forgetPerson(tx, personId);
      await inbound.forgetPerson(tx, personId);
      await emailGroups.forgetPerson(tx, personId);
    },
  };
}
