/** A small world for tests of sending: a Campaign with plain templates, people, a sender, a server. Knows no production shortcut. */
import { createHash } from "node:crypto";
import pino from "pino";
import * as accounts from "../src/accounts/email-accounts.ts";
import * as senders from "../src/accounts/senders.ts";
import type { CampaignInput, StepInput } from "../src/campaigns/api.ts";
import * as campaigns from "../src/campaigns/campaigns.ts";
import { type CampaignTiming, PLAIN_TIMING, type WindowText } from "../src/core/timing.ts";
import type { Db } from "../src/db/database.ts";
import { createDelivery, type Delivery, type DeliveryOptions } from "../src/delivery/delivery.ts";
import * as emailCampaigns from "../src/email-campaigns/email-campaigns.ts";
import type { PersonInput } from "../src/people/api.ts";
import * as people from "../src/people/people.ts";

export const at = (text: string) => Temporal.Instant.from(text.includes("T") ? text : `${text}T09:00:00Z`);
export const actor = { name: "test" };
export const linkKeys = [createHash("sha256").update("links").digest()];
export const PUBLIC_URL = "http://mail.example.com";
export const silent = pino({ level: "error" });
export const seal = { encrypt: (text: string) => `sealed:${text}`, decrypt: (text: string) => text.slice(7) };
export const BEGAN = at("2026-01-01");

export const neighbours: people.Neighbours = {
  erasureKeys: linkKeys,
  onDoNotContact: async () => undefined,
  onConverted: async () => undefined,
  onConversion: async () => undefined,
  onMeasuring: async () => undefined,
  onTimeZone: async () => undefined,
  onTraits: async () => undefined,
  onImported: async () => 0,
  onMerge: async () => undefined,
  namedBy: async () => [],
  onErase: async () => undefined,
};

/**
 * Sends everything until a moment, the clock moved from one due moment to the next.
 * @param again how far the clock goes where something is due that has not left.
 */
export async function sendUntil(
  delivery: Delivery,
  from: Temporal.Instant,
  until: Temporal.Instant,
  {
    again = { minutes: 1 },
    ...options
  }: { again?: Temporal.DurationLike } & Parameters<Delivery["runUntilIdle"]>[1] = {},
): Promise<void> {
  for (let now = from; Temporal.Instant.compare(now, until) <= 0;) {
    await delivery.runUntilIdle(now, options);
    const next = await delivery.nextWakeAt();
    if (!next) break;
    now = Temporal.Instant.compare(next, now) > 0 ? next : now.add(again);
  }
  await delivery.drain();
}

/** A step as a test writes it. */
export type StepText = {
  day: number;
  subject?: string;
  html?: string;
  text?: string;
  expiresAfterDays?: number;
  timing?: StepInput["timing"];
  onlyIf?: StepInput["onlyIf"];
  stopIf?: StepInput["stopIf"];
  /** Variants B, C, …, each a template of its own. */
  others?: readonly { subject: string; weight?: number }[];
  /** Of variant A. */
  weight?: number;
  winner?: NonNullable<StepInput["variants"]>["winner"];
};

type ContentText = Pick<StepText, "subject" | "html" | "text">;

export type World = ReturnType<typeof world>;

/**
 * Makes things through the modules' front doors; templates alone are written as they stand after compiling.
 * @param batches what is sent goes by these connections, as in the program.
 */
export function world(db: Db, batches = db) {
  let count = 0;

  async function template(content: ContentText): Promise<number> {
    count += 1;
    const made = await db
      .insertInto("emailTemplates")
      .values({ name: `Template ${count}`, currentVersionId: null, createdAt: BEGAN, changedAt: BEGAN })
      .returning("id")
      .executeTakeFirstOrThrow();
    await version(made.id, content);
    return made.id;
  }

  /** Saves new content, as an edit of the template does. */
  async function version(emailTemplateId: number, content: ContentText): Promise<void> {
    const compiled = {
      subject: content.subject ?? "Hello {{ first_name }}",
      html: content.html ?? '<p>Dear {{ doc.first_name }}</p><p><a href="{{ unsubscribe_url }}">Leave</a></p>',
      text: content.text ?? "Dear {{ doc.first_name }}\n\n{{ unsubscribe_url }}\n",
    };
    const made = await db
      .insertInto("contentVersions")
      .values({
        emailTemplateId,
        number: (count += 1),
        format: "html",
        subject: compiled.subject,
        preheader: null,
        body: compiled.html,
        text: compiled.text,
        compiledSubject: compiled.subject,
        compiledHtml: compiled.html,
        compiledText: compiled.text,
        variables: JSON.stringify(["first_name", "unsubscribe_url", "company", "postal_address"]),
        general: false,
        contentHash: createHash("sha256").update(JSON.stringify(compiled)).digest(),
        createdBy: null,
        createdAt: BEGAN,
      })
      .returning("id")
      .executeTakeFirstOrThrow();
    await db
      .updateTable("emailTemplates")
      .set({ currentVersionId: made.id })
      .where("id", "=", emailTemplateId)
      .execute();
  }

  async function variantsOf({ others, weight = 1, winner = null }: Omit<StepText, "day">) {
    if (!others) return null;
    const made = [];
    for (const [at, { subject, weight: share = 1 }] of others.entries())
      made.push({ letter: OTHERS[at]!, emailTemplateId: await template({ subject }), weight: share });
    return { weight, others: made, winner };
  }

  return {
    db,
    template,
    version,

    async campaign(
      steps: readonly StepText[] = [{ day: 0 }],
      timing: Partial<CampaignTiming> | null = null,
      more: Partial<CampaignInput> = {},
    ) {
      count += 1;
      const made = [];
      for (const { day, expiresAfterDays, timing: own = null, onlyIf = null, stopIf = null, ...content } of steps)
        made.push({
          onlyIf,
          stopIf,
          variants: await variantsOf(content),
          emailTemplateId: await template(content),
          sendAfterDays: day,
          timeOfDay: null,
          expiresAfterDays: expiresAfterDays ?? null,
          timing: own,
        });
      const said = timing && { ...PLAIN_TIMING, ...timing, window: timing.window ? asInput(timing.window) : null };
      return campaigns.create(
        db,
        {
          name: `Campaign ${count}`,
          description: null,
          timeOfDay: null,
          expiresAfterDays: null,
          timing: said,
          ...more,
          steps: made,
        },
        actor,
        BEGAN,
      );
    },

    person(input: PersonInput = {}) {
      count += 1;
      const given = { firstName: "Ana", lastName: "Ruiz", email: `person${count}@example.org`, ...input };
      return people.create(db, "lead", given, actor, neighbours, BEGAN);
    },

    change: (id: number, input: PersonInput, now: Temporal.Instant) =>
      people.update(db, id, "lead", input, actor, neighbours, null, now),

    /** @returns the id. */
    start(
      campaignId: number,
      personId: number,
      now: Temporal.Instant,
      more: { startOn?: string; senderId?: number } = {},
    ) {
      const input = { campaignId, personId, emailCampaignFor: "lead" as const, senderId: more.senderId ?? null };
      return emailCampaigns.start(db, { ...input, startOn: more.startOn ?? null }, actor, now);
    },

    sender: (input: Partial<senders.NewSender> = {}) =>
      senders.create(db, { ...SENDER, email: `sender${(count += 1)}@example.com`, ...input }, actor, BEGAN),

    account: (port: number, input: Partial<accounts.NewEmailAccount> = {}) =>
      accounts.create(
        db,
        { ...ACCOUNT, name: `Account ${(count += 1)}`, smtpPort: port, ...input },
        seal,
        actor,
        BEGAN,
      ),

    postalAddress: (postalAddress: string | null) => db.updateTable("workspace").set({ postalAddress }).execute(),

    delivery: (more: Partial<DeliveryOptions> = {}): Delivery =>
      createDelivery({
        db: batches,
        vault: { seal },
        publicUrl: PUBLIC_URL,
        linkKeys,
        log: silent,
        random: () => 0.5,
        ...more,
      }),

    messages: (emailCampaignId: number) =>
      db.selectFrom("messages").selectAll().where("emailCampaignId", "=", emailCampaignId).orderBy("id").execute(),

    status: (id: number) => db.selectFrom("emailCampaigns").selectAll().where("id", "=", id).executeTakeFirstOrThrow(),

    /** What the mailbox holds for an address, oldest first. */
    mailbox: (to: string) =>
      db.selectFrom("mailboxMessages").selectAll().where("envelopeTo", "=", to).orderBy("id").execute(),
  };
}

const asInput = ({ weekdays, from, to }: WindowText) => ({ weekdays: [...weekdays], from, to });

const OTHERS = ["B", "C", "D", "E"] as const;

const SENDER = {
  userId: null,
  name: "Marta Silva",
  replyTo: null,
  signatureHtml: null,
  signatureText: null,
  emailAccountId: null,
};

const ACCOUNT = {
  email: null,
  smtpHost: "127.0.0.1",
  smtpSecurity: "none" as const,
  smtpUser: null,
  smtpPassword: null,
  connections: 3,
  forceAddress: false,
  forceName: false,
  holdUnknown: false,
  isDefault: undefined,
};
