/** Users, API keys, senders and email accounts over HTTP. Never answers a password, or a key after the first time. */
import type { Db } from "../db/database.ts";
import type { Seal } from "../http/idempotency.ts";
import { pageOf } from "../http/paging.ts";
import type { Serve } from "../http/serve.ts";
import { createAccessTokens } from "./access-tokens.ts";
import { accountFor } from "./accounts.ts";
import * as api from "./api.ts";
import { listChanges } from "./audit.ts";
import * as emailAccounts from "./email-accounts.ts";
import * as keys from "./keys.ts";
import * as receiving from "./receiving.ts";
import * as senders from "./senders.ts";
import { createSharedRateLimit } from "../http/shared-rate-limit.ts";
import { PRESETS } from "../mail/smtp-presets.ts";
import { diagnoseAccount, type Signed } from "./diagnose-account.ts";
import { diagnoseReceiving } from "./diagnose-receiving.ts";
import { tryAccount } from "./try-account.ts";
import * as users from "./users.ts";

/**
 * @param hostName what we call ourselves when an account is tried.
 * @param signed how a mail gets the signatures of its domain.
 */
export function routes(
  serve: Serve,
  { db, seal, hostName, signed }: { db: Db; seal: Seal; hostName: string; signed: Signed },
): void {
  serve(api.users.list, async ({ query }) => pageOf(await users.list(db, query), query.limit));
  serve(api.users.get, ({ params }) => users.get(db, params.id));
  serve(api.users.create, ({ body, actor, now }) => users.create(db, body, actor, now));
  serve(api.users.update, ({ params, body, actor, unchangedSince, now }) =>
    users.update(db, params.id, body, actor, unchangedSince, now),
  );

  serve(api.apiKeys.list, async ({ query }) => pageOf(await keys.list(db, query), query.limit));
  serve(api.apiKeys.create, ({ body, actor, now }) => keys.create(db, body, actor, now));
  serve(api.apiKeys.revoke, ({ params, actor, now }) => keys.revoke(db, params.id, actor, now));

  serve(api.audit.list, async ({ query }) => pageOf(await listChanges(db, query), query.limit));

  serve(api.senders.list, async ({ query }) => pageOf(await senders.list(db, query), query.limit));
  serve(api.senders.get, ({ params }) => senders.get(db, params.id));
  serve(api.senders.create, ({ body, actor, now }) => senders.create(db, body, actor, now));
  serve(api.senders.update, ({ params, body, actor, unchangedSince, now }) =>
    senders.update(db, params.id, body, actor, unchangedSince, now),
  );
  serve(api.senders.remove, ({ params, actor, now }) => senders.remove(db, params.id, actor, now));

  serve(api.emailAccounts.list, async ({ query }) => pageOf(await emailAccounts.list(db, query), query.limit));
  serve(api.emailAccounts.get, ({ params }) => emailAccounts.get(db, params.id));
  serve(api.emailAccounts.create, ({ body, actor, now }) => emailAccounts.create(db, body, seal, actor, now));
  serve(api.emailAccounts.update, ({ params, body, actor, unchangedSince, now }) =>
    emailAccounts.update(db, params.id, body, seal, actor, unchangedSince, now),
  );
  serve(api.emailAccounts.remove, ({ params, actor, now }) => emailAccounts.remove(db, params.id, actor, now));
  const tokens = createAccessTokens({ db, seal });
  serve(api.emailAccounts.test, async ({ params, now }) => {
    const { id } = await emailAccounts.get(db, params.id);
    const account = await accountFor(db, { emailAccountId: id }, { seal });
    return tryAccount(account, { name: hostName, tokens, at: () => now });
  });

  serve(api.receiving.get, ({ params }) => receiving.get(db, params.id));
  serve(api.receiving.update, ({ params, body, actor, unchangedSince, now }) =>
    receiving.update(db, params.id, body, seal, actor, unchangedSince, now),
  );
  serve(api.receiving.remove, ({ params, actor, now }) => receiving.remove(db, params.id, actor, now));

  const limit = createSharedRateLimit(db, { deed: "diagnosis", most: 20, minutes: 10 });
  serve(api.emailAccountDeeds.diagnose, async ({ body, actor, now }) => {
    await limit(actor.name, 1, now);
    return diagnoseAccount(db, body, { seal, tokens, hostName, actor, signed }, now);
  });
  serve(api.receiving.diagnose, async ({ body, actor, now }) => {
    await limit(actor.name, 1, now);
    const found = await diagnoseReceiving(db, body, { seal }, now);
    return { ...found, steps: [...found.steps], folders: [...found.folders] };
  });
  serve(api.emailAccountDeeds.presets, () => ({
    data: PRESETS.map(({ hosts: _hosts, signIn: _signIn, ...preset }) => ({ ...preset, notes: [...preset.notes] })),
    nextCursor: null,
  }));
}
