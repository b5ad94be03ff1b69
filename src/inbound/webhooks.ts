/** Webhooks of providers: addresses with secrets of their own. A call is verified over its raw body, then stored; nothing follows here. */
import { createHash, randomBytes } from "node:crypto";
import type { z } from "zod";
import { recordChange } from "../accounts/audit.ts";
import { type Provider, providerEvents } from "../core/inbound/provider-events.ts";
import { refuse } from "../core/problem.ts";
import { type Db, inTransaction, type Tx } from "../db/database.ts";
import type { Seal } from "../http/idempotency.ts";
import { positionOf } from "../http/paging.ts";
import type { Actor } from "../http/serve.ts";
import { API } from "../http/serve.ts";
import type { Fetcher } from "../mail/access-tokens.ts";
import type { inboundWebhooks as api } from "./api.ts";
import { receive } from "./inbound.ts";
import { checkCall, fetchedCertificates, isAmazon, type WebhookCall } from "./webhook-signatures.ts";

type NewWebhook = z.output<typeof api.create.body>;
type Deps = { readonly db: Db; readonly seal: Seal; readonly publicUrl: string; readonly fetcher: Fetcher };

/** Signed by the provider with a key of its own: we are told it. */
const KEY_IS_GIVEN: ReadonlySet<Provider> = new Set(["sendgrid", "mailgun"]);
/** User and password stand in the address. */
const BY_PASSWORD: ReadonlySet<Provider> = new Set(["postmark", "brevo", "mailjet"]);
const FORMER_HOURS = 24;
const TOKEN_HOURS = 48;
const CONFIRM_MS = 10_000;

export function createWebhooks({ db, seal, publicUrl, fetcher }: Deps) {
  const certificates = fetchedCertificates(fetcher);

  const shown = ({ pathKey, ...row }: Row) => ({ ...row, address: `${publicUrl}${API}/inbound/hooks/${pathKey}` });

  /** A secret is shown where we made it. */
  function withSecret(row: Row, secret: string | null, given: boolean) {
    const answer = shown(row);
    const told = given ? null : secret;
    const url = new URL(answer.address);
    [url.username, url.password] = ["tidings", told ?? ""];
    return {
      ...answer,
      secret: told,
      addressWithSecret: told !== null && BY_PASSWORD.has(row.provider) ? url.href : null,
    };
  }

  return {
    async list({ limit, cursor }: { limit: number; cursor?: string | undefined }) {
      let query = db
        .selectFrom("inboundWebhooks")
        .select(COLUMNS)
        .orderBy("id")
        .limit(limit + 1);
      if (cursor) query = query.where("id", ">", positionOf(cursor).id);
      return (await query.execute()).map(shown);
    },

    create(input: NewWebhook, actor: Pick<Actor, "name">, now: Temporal.Instant) {
      const { name, provider, topic } = input;
      const secret = secretOf(provider, input);
      return inTransaction(db, async (tx) => {
        const row = await tx
          .insertInto("inboundWebhooks")
          .values({
            name,
            provider,
            topic: topic ?? null,
            pathKey: randomBytes(18).toString("base64url"),
            secretEncrypted: secret === null ? null : seal.encrypt(secret),
            createdAt: now,
            changedAt: now,
          })
          .returning(COLUMNS)
          .executeTakeFirstOrThrow();
        const after = { name, provider, topic: row.topic };
        await recordChange(tx, { actor, action: "create", subjectType: "webhook", subjectId: row.id, after }, now);
        return withSecret(row, secret, input.secret !== undefined);
      });
    },

    rotate(id: number, input: { secret?: string | undefined }, actor: Pick<Actor, "name">, now: Temporal.Instant) {
      return inTransaction(db, async (tx) => {
        const found = await lock(tx, id);
        if (found.provider === "amazon-ses") return refuse("input-invalid", "Amazon SES has no secret of its own.");
        const secret = secretOf(found.provider, input);
        const row = await tx
          .updateTable("inboundWebhooks")
          .set({
            secretEncrypted: secret === null ? null : seal.encrypt(secret),
            formerSecretEncrypted: found.secretEncrypted,
            formerSecretUntil: now.add({ hours: FORMER_HOURS }),
            changedAt: now,
          })
          .where("id", "=", id)
          .returning(COLUMNS)
          .executeTakeFirstOrThrow();
        await recordChange(tx, { actor, action: "rotate-secret", subjectType: "webhook", subjectId: id }, now);
        return withSecret(row, secret, input.secret !== undefined);
      });
    },

    remove(id: number, actor: Pick<Actor, "name">, now: Temporal.Instant): Promise<void> {
      return inTransaction(db, async (tx) => {
        const { name, provider, topic } = await lock(tx, id);
        await tx.deleteFrom("inboundWebhooks").where("id", "=", id).execute();
        const before = { name, provider, topic };
        await recordChange(tx, { actor, action: "delete", subjectType: "webhook", subjectId: id, before }, now);
      });
    },

    /**
     * Takes a call of a provider.
     * @returns how many events were stored, and how many had come before.
     * @throws Refusal `webhook-not-found` for an address that is none, `unauthenticated` when the call is not proved.
     */
    async accept(pathKey: string, call: Omit<WebhookCall, "body">, now: Temporal.Instant) {
      const row = await db.selectFrom("inboundWebhooks").selectAll().where("pathKey", "=", pathKey).executeTakeFirst();
      if (!row) return refuse("webhook-not-found", "There is no webhook at this address.");
      const whole = { ...call, body: parsed(call.raw) };
      const former = row.formerSecretUntil && Temporal.Instant.compare(row.formerSecretUntil, now) > 0;
      const sealed = [row.secretEncrypted, former ? row.formerSecretEncrypted : null].filter((one) => one !== null);
      const secrets = sealed.map((one) => seal.decrypt(one));
      const refused = await checkCall(row.provider, whole, { secrets, topic: row.topic, certificates }, now);
      if (refused !== null) return refuseCall(db, row.id, refused, now);
      if (row.provider === "mailgun" && !(await firstUse(db, row.id, whole, now)))
        return refuseCall(db, row.id, "Its token was used before, for something else.", now);
      if (row.provider !== "amazon-ses") return storeEvents(db, row, whole.body, now);
      const { Type: type, Message: message, SubscribeURL: subscribeUrl } = whole.body as Record<string, string>;
      if (type === "Notification") return storeEvents(db, row, parsed(Buffer.from(message ?? "")), now);
      if (type === "SubscriptionConfirmation") await confirm(row.id, subscribeUrl ?? "", now);
      return { stored: 0, known: 0 };
    },
  };

  /** Tells SNS that we listen: signed for our topic, and at an address of SNS alone. */
  async function confirm(id: number, address: string, now: Temporal.Instant): Promise<void> {
    if (!isAmazon(address)) return refuseCall(db, id, "It would be confirmed elsewhere than at SNS.", now);
    const answer = await fetcher(address, { redirect: "error", signal: AbortSignal.timeout(CONFIRM_MS) }).catch(
      () => null,
    );
    if (answer?.status !== 200) return refuseCall(db, id, "SNS did not take the confirmation.", now);
    await db.updateTable("inboundWebhooks").set({ confirmedAt: now }).where("id", "=", id).execute();
  }
}

/** Tokens older than any signature that is taken need not be remembered. */
export async function forgetOldTokens(db: Db, now: Temporal.Instant): Promise<void> {
  await db
    .deleteFrom("inboundWebhookTokens")
    .where("usedAt", "<", now.subtract({ hours: TOKEN_HOURS }))
    .execute();
}

const COLUMNS = [
  "id",
  "name",
  "provider",
  "pathKey",
  "topic",
  "confirmedAt",
  "lastEventAt",
  "lastRefusedAt",
  "lastRefusal",
  "createdAt",
  "changedAt",
] as const;
type Row = {
  readonly id: number;
  readonly name: string;
  readonly provider: Provider;
  readonly pathKey: string;
  readonly topic: string | null;
  readonly confirmedAt: Temporal.Instant | null;
  readonly lastEventAt: Temporal.Instant | null;
  readonly lastRefusedAt: Temporal.Instant | null;
  readonly lastRefusal: string | null;
  readonly createdAt: Temporal.Instant;
  readonly changedAt: Temporal.Instant;
};

function secretOf(
  provider: Provider,
  { secret, topic }: { secret?: string | undefined; topic?: string | undefined },
): string | null {
  if (provider === "amazon-ses") {
    if (secret !== undefined)
      refuse("input-invalid", "Amazon SES signs with its own key. Give the topic alone.", "/secret");
    if (topic === undefined) refuse("input-invalid", "Give the ARN of the SNS topic.", "/topic");
    return null;
  }
  if (topic !== undefined) refuse("input-invalid", "Only Amazon SES has topics.", "/topic");
  if (secret === undefined && KEY_IS_GIVEN.has(provider))
    refuse("input-invalid", "Give the key that the provider shows for its webhooks.", "/secret");
  return secret ?? randomBytes(24).toString("base64url");
}

async function lock(tx: Tx, id: number) {
  const row = await tx.selectFrom("inboundWebhooks").selectAll().where("id", "=", id).forUpdate().executeTakeFirst();
  return row ?? refuse("webhook-not-found", `There is no webhook ${id}.`);
}

/** All events of a call, in one commit: a provider repeats the whole call. */
function storeEvents(db: Db, row: { id: number; provider: Provider }, body: unknown, now: Temporal.Instant) {
  return inTransaction(db, async (tx) => {
    const done = { stored: 0, known: 0 };
    for (const event of providerEvents(row.provider, body)) {
      const id = await receive(tx, { way: "webhook", event: { ...event, provider: `${row.provider} ${row.id}` } }, now);
      done[id === "known" ? "known" : "stored"] += 1;
    }
    await tx.updateTable("inboundWebhooks").set({ lastEventAt: now }).where("id", "=", row.id).execute();
    return done;
  });
}

/** Mailgun's signature says nothing of the body: a token that was used for another one is a stolen one. */
async function firstUse(
  db: Db,
  webhookId: number,
  { raw, body }: WebhookCall,
  now: Temporal.Instant,
): Promise<boolean> {
  const { token } = (body as { signature: { token: string } }).signature;
  const hash = (value: string | Buffer) => createHash("sha256").update(value).digest();
  const bodyHash = hash(raw);
  await db
    .insertInto("inboundWebhookTokens")
    .values({ webhookId, tokenHash: hash(token), bodyHash, usedAt: now })
    .onConflict((conflict) => conflict.doNothing())
    .execute();
  const row = await db
    .selectFrom("inboundWebhookTokens")
    .select("bodyHash")
    .where("webhookId", "=", webhookId)
    .where("tokenHash", "=", hash(token))
    .executeTakeFirst();
  return row?.bodyHash.equals(bodyHash) ?? false;
}

async function refuseCall(db: Db, id: number, why: string, now: Temporal.Instant): Promise<never> {
  await db.updateTable("inboundWebhooks").set({ lastRefusedAt: now, lastRefusal: why }).where("id", "=", id).execute();
  return refuse("unauthenticated", why);
}

function parsed(raw: Buffer): unknown {
  try {
    return JSON.parse(raw.toString("utf8"));
  } catch {
    return null;
  }
}
