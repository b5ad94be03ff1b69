/** Signing in over HTTP. Sets and clears the session's cookie; answers no secret but those shown once. */
import type { FastifyReply, FastifyRequest } from "fastify";
import { recordChange } from "../accounts/audit.ts";
import * as users from "../accounts/users.ts";
import type { Vault } from "../accounts/accounts.ts";
import { refuse } from "../core/problem.ts";
import { inTransaction, type Db } from "../db/database.ts";
import type { Seal } from "../http/idempotency.ts";
import { pageOf, positionOf } from "../http/paging.ts";
import type { Actor, Serve } from "../http/serve.ts";
import type { Logger } from "../log.ts";
import * as workspace from "../workspace/workspace.ts";
import * as api from "./api.ts";
import * as limits from "./limits.ts";
import * as links from "./links.ts";
import * as passkeys from "./passkeys.ts";
import * as secondFactor from "./second-factor.ts";
import * as sessions from "./sessions.ts";
import * as signIn from "./sign-in.ts";
import { systemMail } from "./system-mail.ts";
import { wordsIn } from "./words.ts";

type Deps = {
  readonly db: Db;
  readonly seal: Seal;
  readonly vault: Vault;
  readonly publicUrl: string;
  readonly log: Logger;
};
type Exchange = { readonly request: FastifyRequest; readonly reply: FastifyReply };

const LINKS_FROM_ONE_ADDRESS = { most: 10, minutes: 60 };
const LINKS_TO_ONE_ADDRESS = { most: 3, minutes: 60 };

export function routes(serve: Serve, { db, seal, vault, publicUrl, log }: Deps): void {
  const site = { publicUrl };
  const mail = systemMail({ db, vault, publicUrl, log });

  /** What is open to everybody and sets a cookie must come from our own pages: nobody is signed in by a foreign one. */
  const own = ({ request }: Exchange) => sessions.refuseForeign(request, site);
  const enter = async (proven: signIn.Proven, { request, reply }: Exchange, now: Temporal.Instant) => {
    await sessions.begin(db, proven, proven.method, { request, reply }, site, now);
    await users.noteSignIn(db, proven.id, now);
    return signIn.describe(db, proven.id);
  };
  const current = async ({ request }: Exchange, now: Temporal.Instant): Promise<sessions.Session> =>
    (await sessions.authenticate(db, request, site, now))?.session ??
    refuse("session-needed", "This is for whoever is signed in with a session, not for an API key.");
  const userOf = (actor: Actor): number => actor.userId ?? refuse("session-needed", "This API key acts for no user.");

  serve(api.signIn.signIn, async ({ body, now, ...call }) => {
    own(call);
    return enter(await signIn.proveByPassword(db, body, { ip: call.request.ip, seal }, now), call, now);
  });
  serve(api.signIn.read, ({ actor }) => signIn.describe(db, userOf(actor)));
  serve(api.signIn.signOut, async ({ now, ...call }) => {
    const { id, userId } = await current(call, now);
    await sessions.end(db, { userId, id });
    sessions.clearCookie(call.reply, site);
  });
  serve(api.signIn.changePassword, async ({ body, actor, now, ...call }) => {
    const { id, userId } = await current(call, now);
    await signIn.confirmPassword(db, userId, body.currentPassword, now);
    await signIn.setPassword(db, userId, body.newPassword, { by: actor.name, except: id, at: "/newPassword" }, now);
  });
  serve(api.signIn.editUser, async ({ body, actor, now }) => {
    const id = userOf(actor);
    if (body.name !== undefined) await users.update(db, id, { name: body.name }, actor, null, now);
    if (body.language !== undefined) await users.setLanguage(db, id, body.language);
    return signIn.describe(db, id);
  });
  serve(api.signIn.sessions, async ({ now, ...call }) => {
    const { id, userId } = await current(call, now);
    const found = await sessions.list(db, userId);
    return { data: found.map((one) => ({ ...one, current: one.id === id })) };
  });
  serve(api.signIn.endSession, async ({ params, actor }) => {
    const ended = await sessions.end(db, { userId: userOf(actor), id: params.id });
    if (ended === 0) refuse("session-not-found", `You have no session ${params.id}.`);
  });
  serve(api.signIn.endOthers, async ({ now, ...call }) => {
    const { id, userId } = await current(call, now);
    await sessions.end(db, { userId, except: id });
  });

  serve(api.totp.begin, async ({ body, actor, now, ...call }) => {
    const { userId } = await current(call, now);
    await signIn.confirmPassword(db, userId, body.password, now);
    return secondFactor.begin(db, { id: userId, email: actor.name }, seal, now);
  });
  serve(api.totp.confirm, async ({ body, actor, now, ...call }) => {
    const { userId } = await current(call, now);
    await limits.count(db, { key: `confirm:${userId}`, most: 10, minutes: 15 }, now);
    const recoveryCodes = await secondFactor.confirm(db, userId, body.code, seal, now);
    await audit(actor, "add-authenticator", userId, now);
    return { recoveryCodes };
  });
  serve(api.totp.remove, async ({ body, actor, now, ...call }) => {
    const { userId } = await current(call, now);
    await signIn.confirmPassword(db, userId, body.password, now);
    await inTransaction(db, (tx) => secondFactor.remove(tx, userId, now));
    await audit(actor, "remove-authenticator", userId, now);
  });

  serve(api.passkeys.list, async ({ actor }) => ({ data: await passkeys.list(db, userOf(actor)) }));
  serve(api.passkeys.options, async ({ actor, now, ...call }) => {
    const { userId } = await current(call, now);
    const { name } = await users.get(db, userId);
    return passkeys.offer(db, { id: userId, name, email: actor.name }, party(call.request), now);
  });
  serve(api.passkeys.add, async ({ body, actor, now, ...call }) => {
    const { userId } = await current(call, now);
    const made = await passkeys.add(db, userId, body, party(call.request), now);
    await audit(actor, "add-passkey", userId, now);
    return made;
  });
  serve(api.passkeys.remove, async ({ params, actor, now, ...call }) => {
    const { userId } = await current(call, now);
    await passkeys.remove(db, userId, params.id);
    await audit(actor, "remove-passkey", userId, now);
  });
  serve(api.passkeys.challenge, async ({ now, request }) => {
    await limits.count(db, { key: `challenge:${request.ip}`, most: 60, minutes: 10 }, now);
    return passkeys.challenge(db, party(request), now);
  });
  serve(api.passkeys.signIn, async ({ body, now, ...call }) => {
    own(call);
    const userId = await passkeys.prove(db, body.response, party(call.request), now);
    return enter(await signIn.proveByPasskey(db, userId), call, now);
  });

  serve(api.passwordResets.ask, async ({ body, request, now }) => {
    await limits.count(db, { key: `reset-ip:${request.ip}`, ...LINKS_FROM_ONE_ADDRESS }, now);
    const detail = "If this address belongs to a user, a link is on its way.";
    const user = await signIn.findUser(db, body.email);
    if (!user) return { detail };
    const often = await limits
      .count(db, { key: `reset:${user.id}`, ...LINKS_TO_ONE_ADDRESS }, now)
      .then(() => false)
      .catch(() => true);
    if (often) return { detail };
    const token = await links.newReset(db, user, null, now);
    const words = wordsIn(user.language).reset(user.name);
    // Not waited for: how long a mail takes would tell that the address is known.
    void mail(
      { name: user.name, address: user.email },
      { ...words, link: `${publicUrl}/new-password/${token}` },
      now,
    ).catch((error: unknown) => log.warn({ err: error }, "a link to a new password could not be sent"));
    return { detail };
  });
  serve(api.passwordResets.redeem, async ({ params, body, now, ...call }) => {
    await limits.count(db, { key: `link:${call.request.ip}`, most: 30, minutes: 10 }, now);
    await signIn.resetPassword(db, params.token, body.password, now);
  });

  serve(api.invitations.list, async ({ query, now }) => {
    const after = query.cursor ? positionOf(query.cursor).id : null;
    return pageOf(await links.listInvitations(db, { limit: query.limit, after }, now), query.limit);
  });
  serve(api.invitations.create, async ({ body, actor, now }) => {
    if (await signIn.findUser(db, body.email))
      refuse("user-exists", `There is a user with the address ${body.email} already.`, "/email");
    const { token, invitation } = await inTransaction(db, async (tx) => {
      const made = await links.newInvitation(tx, body, actor.name, now);
      await recordChange(
        tx,
        { actor, action: "create", subjectType: "invitation", subjectId: made.invitation.id, after: made.invitation },
        now,
      );
      return made;
    });
    const url = `${publicUrl}/invitation/${token}`;
    const { name, language } = await workspace.get(db);
    const words = wordsIn(language).invitation(body.name, name);
    await mail({ name: body.name, address: body.email }, { ...words, link: url }, now).catch((error: unknown) =>
      log.warn({ err: error }, "an invitation could not be sent"),
    );
    return { ...invitation, url };
  });
  serve(api.invitations.remove, async ({ params, actor, now }) => {
    await inTransaction(db, async (tx) => {
      await links.takeBack(tx, params.id);
      await recordChange(tx, { actor, action: "delete", subjectType: "invitation", subjectId: params.id }, now);
    });
  });
  serve(api.invitations.look, async ({ params, request, now }) => {
    await limits.count(db, { key: `link:${request.ip}`, most: 30, minutes: 10 }, now);
    const { email, name, role } = await links.invitationBy(db, params.token, now);
    return { email, name, role, workspace: (await workspace.get(db)).name };
  });
  serve(api.invitations.accept, async ({ params, body, now, ...call }) => {
    own(call);
    return enter(await signIn.acceptInvitation(db, params.token, body, now), call, now);
  });

  serve(api.setup.look, async ({ params }) => {
    await signIn.checkSetup(db, params.token);
    return { valid: true as const };
  });
  serve(api.setup.finish, async ({ params, body, now, ...call }) => {
    own(call);
    return enter(await signIn.setUp(db, params.token, body, now), call, now);
  });

  /** Whose passkeys they are: the public address's, or this machine's own when it is looked at from here. */
  function party(request: FastifyRequest): passkeys.Party {
    const { hostname, origin } = new URL(publicUrl);
    const host = request.headers.host ?? "";
    if (/^localhost(?::\d+)?$/.test(host)) return { id: "localhost", origin: `http://${host}` };
    return { id: hostname, origin };
  }

  function audit(actor: Actor, action: string, userId: number, now: Temporal.Instant): Promise<void> {
    return inTransaction(db, (tx) => recordChange(tx, { actor, action, subjectType: "user", subjectId: userId }, now));
  }
}
