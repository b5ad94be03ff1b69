/** Sessions: an opaque cookie, of which only the hash is kept. A session ends with a new password, another role, or its user. */
import { createHash, randomBytes } from "node:crypto";
import type { FastifyReply, FastifyRequest } from "fastify";
import { refuse } from "../core/problem.ts";
import type { Db } from "../db/database.ts";
import type { Role } from "../db/tables.ts";
import type { Caller } from "../http/serve.ts";

const IDLE_DAYS = 14;
const LONGEST_DAYS = 90;
/** `lastSeenAt` is exact to this. */
const SEEN_WITHIN_SECONDS = 60;
const TOKEN = /^[A-Za-z0-9_-]{43}$/;
const SAFE = new Set(["GET", "HEAD", "OPTIONS"]);

export type Method = "password" | "password-and-code" | "passkey" | "link";
/** How cookies are set here: `publicUrl` says whether they are for https alone. */
export type Site = { readonly publicUrl: string };

/** The session of a request, besides who it is. */
export type Session = { readonly id: number; readonly userId: number };

const secure = ({ publicUrl }: Site) => publicUrl.startsWith("https:");
/** RFC 6265bis 4.1.3.2: the prefix binds the cookie to this host and to https. */
const cookieName = (site: Site) => (secure(site) ? "__Host-tidings_session" : "tidings_session");
const hashOf = (token: string) => createHash("sha256").update(token).digest();

/** Begins a session, whatever the browser had before: a session somebody else planted is never taken over. */
export async function begin(
  db: Db,
  user: { id: number; role: Role },
  method: Method,
  { request, reply }: { request: FastifyRequest; reply: FastifyReply },
  site: Site,
  now: Temporal.Instant,
): Promise<void> {
  const former = tokenOf(request, site);
  if (former) await db.deleteFrom("sessions").where("tokenHash", "=", hashOf(former)).execute();
  const token = randomBytes(32).toString("base64url");
  await db
    .insertInto("sessions")
    .values({
      tokenHash: hashOf(token),
      userId: user.id,
      role: user.role,
      method,
      userAgent: request.headers["user-agent"]?.slice(0, 300) ?? null,
      ip: request.ip,
      createdAt: now,
      lastSeenAt: now,
      expiresAt: now.add({ hours: 24 * LONGEST_DAYS }),
    })
    .execute();
  setCookie(reply, site, token, LONGEST_DAYS * 86_400);
}

/** Who a request's cookie says it is from; null without one or when it has ended. */
export async function authenticate(
  db: Db,
  request: FastifyRequest,
  site: Site,
  now: Temporal.Instant,
): Promise<(Caller & { session: Session }) | null> {
  const token = tokenOf(request, site);
  if (!token) return null;
  const found = await db
    .selectFrom("sessions")
    .innerJoin("users", "users.id", "sessions.userId")
    .select([
      "sessions.id",
      "sessions.userId",
      "sessions.role as begunAs",
      "sessions.lastSeenAt",
      "sessions.expiresAt",
      "users.email",
      "users.role",
      "users.disabledAt",
    ])
    .where("tokenHash", "=", hashOf(token))
    .executeTakeFirst();
  if (!found || found.disabledAt || found.role !== found.begunAs) return null;
  const idle = found.lastSeenAt.add({ hours: 24 * IDLE_DAYS });
  if (Temporal.Instant.compare(idle, now) < 0 || Temporal.Instant.compare(found.expiresAt, now) < 0) return null;
  if (!SAFE.has(request.method)) refuseForeign(request, site);
  if (Temporal.Instant.compare(found.lastSeenAt, now.subtract({ seconds: SEEN_WITHIN_SECONDS })) < 0)
    await db.updateTable("sessions").set({ lastSeenAt: now }).where("id", "=", found.id).execute();
  return {
    actor: { name: found.email, role: found.role, userId: found.userId },
    identity: `user-${found.userId}`,
    session: { id: found.id, userId: found.userId },
  };
}

/** Ends sessions: one, all of a user, or all but one. */
export async function end(
  db: Db,
  which: { userId: number; id?: number; except?: number | undefined },
): Promise<number> {
  let query = db.deleteFrom("sessions").where("userId", "=", which.userId);
  if (which.id !== undefined) query = query.where("id", "=", which.id);
  if (which.except !== undefined) query = query.where("id", "!=", which.except);
  const { numDeletedRows } = await query.executeTakeFirst();
  return Number(numDeletedRows);
}

export function list(db: Db, userId: number) {
  return db
    .selectFrom("sessions")
    .select(["id", "method", "userAgent", "ip", "createdAt", "lastSeenAt"])
    .where("userId", "=", userId)
    .orderBy("lastSeenAt", "desc")
    .limit(100)
    .execute();
}

export function clearCookie(reply: FastifyReply, site: Site): void {
  setCookie(reply, site, "", 0);
}

/**
 * Refuses a request that another site made this browser send. Every browser since 2023 says where a request comes from
 * (Fetch Metadata); older ones send Origin with it.
 */
export function refuseForeign(request: FastifyRequest, { publicUrl }: Site): void {
  const fetchSite = request.headers["sec-fetch-site"];
  if (fetchSite === "same-origin") return;
  const { origin, host } = request.headers;
  const own = origin === new URL(publicUrl).origin || origin === `http://${host}` || origin === `https://${host}`;
  if (fetchSite === undefined && origin !== undefined && own) return;
  refuse("forbidden", "This request did not come from a page of Tidings.");
}

function tokenOf(request: FastifyRequest, site: Site): string | null {
  const name = `${cookieName(site)}=`;
  const parts = (request.headers.cookie ?? "").split(/; */);
  const token = parts.find((part) => part.startsWith(name))?.slice(name.length) ?? "";
  return TOKEN.test(token) ? token : null;
}

function setCookie(reply: FastifyReply, site: Site, value: string, maxAgeSeconds: number): void {
  void reply.header(
    "set-cookie",
    `${cookieName(site)}=${value}; Path=/; HttpOnly; SameSite=Lax; Max-Age=${maxAgeSeconds}${secure(site) ? "; Secure" : ""}`,
  );
}
