/** Front door: people as the whole product knows them: what one page shows, and everything that is kept about one. Writes nothing. */
import { refuse } from "../core/problem.ts";
import { inOrderFor } from "../core/schedule.ts";
import type { Db } from "../db/database.ts";
import { renderedSubject } from "../delivery/delivery.ts";
import * as emailCampaigns from "../email-campaigns/email-campaigns.ts";
import { DO_NOT_CONTACT } from "../people/api.ts";
import { shownPerson } from "../people/listing.ts";
import * as people from "../people/people.ts";
import * as store from "./store.ts";

type Shown = Awaited<ReturnType<typeof shownPerson>>;
type Suppression = Awaited<ReturnType<typeof store.suppressionsOf>>[number];

/** One person, whatever the kind, with what matters before writing to them. */
export async function get(db: Db, givenId: number, now: Temporal.Instant) {
  const id = await people.currentId(db, givenId);
  const person = await shownPerson(db, id);
  const [groups, suppressions, running, count, formerIds] = await Promise.all([
    store.groupsOf(db, id),
    store.suppressionsOf(db, id),
    store.runningOf(db, id),
    store.emailCampaignCount(db, id),
    store.formerIdsOf(db, id),
  ]);
  const whyNot = obstacleOf(person, suppressions);
  return {
    ...person,
    groups: groups.map((group) => ({
      ...group,
      state: group.unsubscribedAt ? ("unsubscribed" as const) : ("subscribed" as const),
    })),
    suppressions,
    running: await withNextStep(db, running, now),
    emailCampaigns: count,
    formerIds,
    canReceive: whyNot === null,
    whyNot,
  };
}

/** Why nothing at all reaches a person; opt-outs of single Campaigns are not about that. */
function obstacleOf(
  { email, erasedAt, disabledAt, status }: Shown,
  suppressions: readonly Suppression[],
): string | null {
  if (erasedAt) return "The person was erased.";
  if (email === null) return "There is no email address.";
  const widest = suppressions.find((one) => one.primary && one.scope !== "campaign");
  if (widest) return REASONS[widest.reason] ?? "The address is suppressed.";
  if (status === DO_NOT_CONTACT) return "The status is Do Not Contact.";
  return disabledAt ? "The person is disabled." : null;
}

const REASONS: Readonly<Record<string, string>> = {
  unsubscribed: "The person has unsubscribed.",
  "hard-bounce": "The address does not exist: mail to it bounced.",
  "soft-bounces": "Mail to the address came back time after time.",
  complaint: "The person reported a mail as spam.",
  "do-not-contact": "The status is Do Not Contact.",
  manual: "A colleague suppressed the address.",
  imported: "A list of opt-outs names the address.",
  erased: "The address belonged to a person who was erased.",
};

/** What comes next, from the code that decides it. */
async function withNextStep(db: Db, running: Awaited<ReturnType<typeof store.runningOf>>, now: Temporal.Instant) {
  const facts = await emailCampaigns.factsOf(
    db,
    running.map(({ id }) => id),
  );
  const ordered = new Map(facts.map((one) => [one.id, one.facts]));
  const detailed = [];
  for (const { sent, ...row } of running) {
    const known = ordered.get(row.id);
    const steps = known ? inOrderFor(known) : [];
    const final = new Set(known?.resolutions.filter(({ state }) => state !== "pending").map(({ stepId }) => stepId));
    const next = steps.find((step) => !final.has(step.id));
    const shown = next && (await emailCampaigns.get(db, row.id, now)).steps.find(({ stepId }) => stepId === next.id);
    detailed.push({
      ...row,
      sent,
      steps: steps.length,
      next: shown
        ? {
            stepId: shown.stepId,
            emailTemplate: shown.emailTemplate,
            sendAfterDays: shown.sendAfterDays,
            dueAt: shown.dueAt,
            text: shown.reason,
          }
        : null,
    });
  }
  return detailed;
}

/** The subject as the person read it. */
async function withSubject(db: Db, { contentVersionId, ...email }: Awaited<ReturnType<typeof store.emailsOf>>[number]) {
  const { values, subjectTemplate, ...rest } = email;
  const composed = contentVersionId !== null && values !== null;
  const subject = composed ? await renderedSubject(db, contentVersionId, values) : null;
  return { ...rest, subject: subject ?? subjectTemplate, values };
}

/** Everything that is kept about a person, in words a machine and a person can read (GDPR articles 15 and 20). */
export async function exported(db: Db, givenId: number, now: Temporal.Instant): Promise<Record<string, unknown>> {
  const id = await people.currentId(db, givenId);
  const person = await shownPerson(db, id);
  if (person.erasedAt) return refuse("person-erased", "This person was erased: nothing that identifies them is kept.");
  const formerIds = await store.formerIdsOf(db, id);
  const [groups, suppressions, emailCampaignRows, entries, events, emails, changes] = await Promise.all([
    store.groupsOf(db, id),
    store.allSuppressionsOf(db, id),
    store.emailCampaignsOf(db, id),
    store.entriesOf(db, id),
    store.eventsOf(db, id),
    store.emailsOf(db, id),
    store.auditOf(db, [id, ...formerIds]),
  ]);
  return {
    format: "tidings-person-export-1",
    exportedAt: now,
    person,
    formerIds,
    emailGroups: groups,
    suppressions,
    emailCampaigns: emailCampaignRows,
    emails: await Promise.all(emails.map((email) => withSubject(db, email))),
    timeline: entries,
    events,
    changes,
  };
}
