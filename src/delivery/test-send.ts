/** Test mails: a template or a whole Campaign to an address of one's own, at once. They stand on no timeline and unsubscribe nobody. */
import { randomBytes } from "node:crypto";
import type { z } from "zod";
import { tokensOf } from "../accounts/access-tokens.ts";
import { type Account, senderFor, type Vault } from "../accounts/accounts.ts";
import { recordChange } from "../accounts/audit.ts";
import { relayOf } from "../accounts/relay.ts";
import * as campaigns from "../campaigns/campaigns.ts";
import { parseAddress } from "../core/address.ts";
import { composeRendered } from "../core/message.ts";
import { refuse } from "../core/problem.ts";
import { TemplateLimit } from "../core/template.ts";
import { variantsOf } from "../core/variants.ts";
import { type Db, inTransaction } from "../db/database.ts";
import { createSigner } from "../domains/domains.ts";
import type { SharedRateLimit } from "../http/shared-rate-limit.ts";
import type { Actor } from "../http/serve.ts";
import * as mailbox from "../mail/mailbox.ts";
import { createSmtpPool, type Outcome } from "../mail/smtp.ts";
import type { Timeouts } from "../mail/smtp-settings.ts";
import { renderedContent, valuesFor } from "../templates/preview.ts";
import * as templates from "../templates/templates.ts";
import { examplePerson } from "../templates/variables.ts";
import type { campaignTestSendInput, testSendInput } from "./api.ts";
import { type Origin, originOf } from "./origin.ts";

export type TestSendOptions = {
  readonly db: Db;
  readonly vault: Vault;
  readonly publicUrl: string;
  readonly limit: SharedRateLimit;
};

type TemplateInput = z.output<typeof testSendInput>;
type CampaignInput = z.output<typeof campaignTestSendInput>;
type Content = { readonly subject: string; readonly html: string; readonly text: string; readonly general: boolean };
type Letter = Awaited<ReturnType<typeof rendered>>;

/** Somebody waits for the answer: no server gets the minutes a campaign would give it. */
const TIMEOUTS: Partial<Timeouts> = {
  connectMs: 10_000,
  greetingMs: 15_000,
  sessionMs: 15_000,
  mailMs: 15_000,
  rcptMs: 15_000,
  dataMs: 15_000,
  blockMs: 15_000,
  finalDotMs: 60_000,
};

/** Sends one template, saved or not. */
export async function sendTemplate(
  options: TestSendOptions,
  input: TemplateInput,
  actor: Actor,
  now: Temporal.Instant,
) {
  const { db } = options;
  const { emailTemplateId, content } = input;
  if ((emailTemplateId === null) === (content === null))
    return refuse("input-invalid", "Name a saved template by `emailTemplateId`, or give `content`.", "/content");
  const made = content ? await templates.compile(db, content) : await contentOf(db, emailTemplateId!);
  const letterhead = await letterheadFor(options, input, actor);
  const letter = await rendered(options, letterhead, made, { ...input, campaignName: null }, now);
  await options.limit(actor.name, 1, now);
  const [outcome] = await post(options, letterhead, [letter], now);
  if (emailTemplateId !== null)
    await noted(db, { subjectType: "email-template", subjectId: emailTemplateId }, actor, now);
  return { ...shown(letterhead), ...outcome! };
}

/** Sends every step of a Campaign, in the order of its days, in each of the variants that somebody gets. */
export async function sendCampaign(
  options: TestSendOptions,
  id: number,
  input: CampaignInput,
  actor: Actor,
  now: Temporal.Instant,
) {
  const { db } = options;
  const campaign = await campaigns.get(db, id);
  const steps = campaign.steps.toSorted(
    (one, other) => one.sendAfterDays - other.sendAfterDays || one.position - other.position,
  );
  if (steps.length === 0) return refuse("campaign-without-steps", `The Campaign “${campaign.name}” has no steps yet.`);
  const letterhead = await letterheadFor(options, input, actor);
  const wanted = steps.flatMap((step) =>
    variantsOf(step)
      .filter(({ weight }) => weight > 0)
      .map(({ letter, emailTemplateId }) => ({ step, emailTemplateId, variant: step.variants ? letter : null })),
  );
  const letters: Letter[] = [];
  for (const { emailTemplateId, variant } of wanted) {
    const about = { ...input, campaignName: campaign.name, variables: {}, variant };
    letters.push(await rendered(options, letterhead, await contentOf(db, emailTemplateId), about, now));
  }
  await options.limit(actor.name, letters.length, now);
  const outcomes = await post(options, letterhead, letters, now);
  await noted(db, { subjectType: "campaign", subjectId: id }, actor, now);
  const mails = wanted.map(({ step, variant }, index) => ({
    stepId: step.id,
    sendAfterDays: step.sendAfterDays,
    variant,
    ...outcomes[index]!,
  }));
  return { ...shown(letterhead), mails };
}

type Letterhead = Omit<Origin, "identity"> & {
  readonly identity: NonNullable<Origin["identity"]>;
  readonly to: string;
};

/** From whom, by which account, and to whom. */
async function letterheadFor(
  { db, vault }: TestSendOptions,
  { to, senderId }: CampaignInput,
  actor: Actor,
): Promise<Letterhead> {
  const address = parseAddress(to ?? (await ownAddress(db, actor)));
  if (!("key" in address)) return refuse("input-invalid", address.problem, "/to");
  const sender = await senderFor(db, { senderId, userId: actor.userId });
  const { identity, ...origin } = await originOf(db, vault, sender?.id ?? null);
  if (!identity)
    return refuse(
      "sender-needed",
      "Neither a sender nor the email account has an address. Choose a sender.",
      "/senderId",
    );
  return { ...origin, identity, to: address.address };
}

async function ownAddress(db: Db, { userId }: Actor): Promise<string> {
  const user =
    userId === null
      ? undefined
      : await db.selectFrom("users").select("email").where("id", "=", userId).executeTakeFirst();
  return user?.email ?? refuse("input-invalid", "Your key belongs to no user: say where to send it by `to`.", "/to");
}

async function contentOf(db: Db, templateId: number): Promise<Content> {
  const version = await templates.version(db, await templates.currentVersionId(db, templateId));
  const { compiledSubject: subject, compiledHtml: html, compiledText: text, general } = version;
  return { subject, html, text, general };
}

async function rendered(
  { db, publicUrl }: TestSendOptions,
  { identity, sender, to }: Letterhead,
  content: Content,
  about: {
    personId: number | null;
    campaignName: string | null;
    variables: Record<string, unknown>;
    variant?: string | null;
  },
  now: Temporal.Instant,
) {
  const example = about.personId === null ? { ...(await examplePerson(db)), email: to } : {};
  const values = await valuesFor(
    db,
    {
      personId: about.personId,
      senderId: sender?.id ?? null,
      campaignName: about.campaignName ?? "Test",
      variables: {
        ...example,
        // No token: whoever clicks it is told that there is nothing to leave.
        unsubscribe_url: `${publicUrl}/u/test`,
        sender_name: sender?.name ?? identity.from.name ?? "",
        sender_email: identity.from.address,
        ...(about.variables as Record<string, never>),
      },
    },
    now,
  );
  try {
    const mail = await renderedContent(content, values);
    return { ...mail, subject: `[Test${about.variant ? ` ${about.variant}` : ""}] ${mail.subject}` };
  } catch (error) {
    if (error instanceof TemplateLimit) return refuse("email-template-invalid", error.message, "/content/body");
    throw error;
  }
}

async function post(
  options: TestSendOptions,
  letterhead: Letterhead,
  letters: readonly Letter[],
  now: Temporal.Instant,
) {
  const { account, identity, to } = letterhead;
  const signer = createSigner({ db: options.db, seal: options.vault.seal });
  const hand = carrier(options, account, now);
  try {
    const outcomes = [];
    for (const letter of letters) {
      const token = randomBytes(12).toString("hex");
      const messageId = `<test.${token}@${identity.from.address.split("@").at(-1)}>`;
      const unsigned = composeRendered(letter, {
        messageId,
        date: now,
        from: identity.from,
        to: { name: null, address: to },
        replyTo: identity.replyTo,
        unsubscribeUrl: null,
        unsubscribeMailto: null,
        listId: null,
        boundary: `tidings-${token}`,
      });
      const bytes = await signer.signed(unsigned, identity.from.address, now);
      const mail = { from: account.email ?? identity.from.address, to, subject: letter.subject, bytes };
      outcomes.push({ subject: letter.subject, messageId, ...told(await hand.send(mail, now)) });
    }
    return outcomes;
  } finally {
    await hand.close();
  }
}

type Mail = { readonly from: string; readonly to: string; readonly subject: string; readonly bytes: Buffer };

/** A connection of its own: a test neither waits for a campaign nor is counted as trouble of the account. */
function carrier({ db, vault, publicUrl }: TestSendOptions, account: Account, now: Temporal.Instant) {
  if (account.kind === "mailbox")
    return {
      async send({ from, to, subject, bytes }: Mail, now: Temporal.Instant): Promise<Outcome> {
        await mailbox.keep(db, { messageId: null, envelopeFrom: from, envelopeTo: to, subject, bytes }, now);
        return { kind: "accepted", reply: { code: 250, enhanced: "2.0.0", text: "2.0.0 Kept in the mailbox" } };
      },
      close: async () => undefined,
    };
  const asked = { name: new URL(publicUrl).hostname, tokens: tokensOf(db, vault), at: () => now };
  const pool = createSmtpPool({ ...relayOf(account, asked), connections: 1, timeouts: TIMEOUTS });
  return {
    send: ({ from, to, bytes }: Mail) => pool.send({ from, to, data: bytes }),
    close: () => pool.close({ graceMs: 1000 }),
  };
}

function told(outcome: Outcome) {
  if (outcome.kind === "accepted")
    return { ok: true, outcome: "accepted" as const, stage: null, reply: written(outcome.reply) };
  if (outcome.kind === "unknown") return { ok: false, outcome: "unknown" as const, stage: "body", reply: outcome.text };
  if (outcome.kind === "withdrawn") throw new Error("A test mail was withdrawn, and nobody withdraws one.");
  const reply = outcome.reply ? written(outcome.reply) : outcome.text;
  return { ok: false, outcome: "refused" as const, stage: outcome.stage, reply };
}

const written = ({ code, text }: { code: number; text: string }) => `${code} ${text}`;

const shown = ({ to, identity, account }: Letterhead) => ({
  to,
  from: identity.from.address,
  account: account.name,
  mailbox: account.kind === "mailbox",
});

/** Without the address: the log outlives an erasure. */
function noted(
  db: Db,
  subject: { subjectType: string; subjectId: number },
  actor: Actor,
  now: Temporal.Instant,
): Promise<void> {
  return inTransaction(db, (tx) => recordChange(tx, { actor, action: "test-send", ...subject }, now));
}
