/** Passkeys (WebAuthn): the key never leaves its device, so there is nothing here to steal. Each challenge is answered once. */
import { createHash } from "node:crypto";
import {
  generateAuthenticationOptions,
  generateRegistrationOptions,
  verifyAuthenticationResponse,
  verifyRegistrationResponse,
} from "@simplewebauthn/server";
import { refuse } from "../core/problem.ts";
import type { Db } from "../db/database.ts";

const CHALLENGE_MINUTES = 5;
const MOST_PASSKEYS = 20;
const COLUMNS = ["id", "name", "createdAt", "lastUsedAt"] as const;

/** The site a passkey belongs to: its name, and the address browsers give as their own. */
export type Party = { readonly id: string; readonly origin: string };

type Given = Record<string, unknown>;
const hashOf = (challenge: string) => createHash("sha256").update(challenge).digest();

/** What a browser is to be asked for a new passkey of this user. */
export async function offer(
  db: Db,
  user: { id: number; name: string; email: string },
  party: Party,
  now: Temporal.Instant,
): Promise<Given> {
  const known = await db.selectFrom("passkeys").select("credentialId").where("userId", "=", user.id).execute();
  if (known.length >= MOST_PASSKEYS) refuse("passkeys-full", `A user has at most ${MOST_PASSKEYS} passkeys.`);
  const options = await generateRegistrationOptions({
    rpName: "Tidings",
    rpID: party.id,
    userName: user.email,
    userDisplayName: user.name,
    userID: Buffer.from(`user-${user.id}`),
    attestationType: "none",
    excludeCredentials: known.map(({ credentialId }) => ({ id: credentialId })),
    authenticatorSelection: { residentKey: "required", userVerification: "required" },
  });
  await keepChallenge(db, options.challenge, user.id, now);
  return options as unknown as Given;
}

export async function add(
  db: Db,
  userId: number,
  { name, response }: { name: string; response: Given },
  party: Party,
  now: Temporal.Instant,
) {
  const verified = await verifyRegistrationResponse({
    response: response as never,
    expectedChallenge: (challenge) => useChallenge(db, challenge, userId, now),
    expectedOrigin: party.origin,
    expectedRPID: party.id,
    requireUserVerification: true,
  }).catch(() => null);
  if (!verified?.verified) return refuse("passkey-invalid", "This passkey could not be checked. Try again.");
  const { credential } = verified.registrationInfo;
  const made = await db
    .insertInto("passkeys")
    .values({
      userId,
      credentialId: credential.id,
      publicKey: Buffer.from(credential.publicKey),
      counter: credential.counter,
      transports: credential.transports ?? [],
      name,
      createdAt: now,
    })
    .onConflict((conflict) => conflict.column("credentialId").doNothing())
    .returning(COLUMNS)
    .executeTakeFirst();
  return made ?? refuse("passkey-exists", "This passkey is kept already.");
}

/** What a browser is to be asked to sign in: any passkey of this site. */
export async function challenge(db: Db, party: Party, now: Temporal.Instant): Promise<Given> {
  const options = await generateAuthenticationOptions({ rpID: party.id, userVerification: "required" });
  await keepChallenge(db, options.challenge, null, now);
  return options as unknown as Given;
}

/** Whose passkey answered; refuses with the same words whatever was wrong. */
export async function prove(db: Db, response: Given, party: Party, now: Temporal.Instant): Promise<number> {
  const failed = (): never => refuse("sign-in-failed", "This passkey is not known here.");
  const found = await db
    .selectFrom("passkeys")
    .selectAll()
    .where("credentialId", "=", typeof response["id"] === "string" ? response["id"] : "")
    .executeTakeFirst();
  if (!found) return failed();
  const verified = await verifyAuthenticationResponse({
    response: response as never,
    expectedChallenge: (given) => useChallenge(db, given, null, now),
    expectedOrigin: party.origin,
    expectedRPID: party.id,
    requireUserVerification: true,
    credential: {
      id: found.credentialId,
      publicKey: new Uint8Array(found.publicKey),
      counter: found.counter,
      transports: found.transports,
    },
  }).catch(() => null);
  if (!verified?.verified) return failed();
  await db
    .updateTable("passkeys")
    .set({ counter: verified.authenticationInfo.newCounter, lastUsedAt: now })
    .where("id", "=", found.id)
    .execute();
  return found.userId;
}

export function list(db: Db, userId: number) {
  return db.selectFrom("passkeys").select(COLUMNS).where("userId", "=", userId).orderBy("id").execute();
}

export async function remove(db: Db, userId: number, id: number): Promise<void> {
  const { numDeletedRows } = await db
    .deleteFrom("passkeys")
    .where("userId", "=", userId)
    .where("id", "=", id)
    .executeTakeFirst();
  if (Number(numDeletedRows) === 0) refuse("passkey-not-found", `You have no passkey ${id}.`);
}

async function keepChallenge(db: Db, given: string, userId: number | null, now: Temporal.Instant): Promise<void> {
  await db
    .insertInto("passkeyChallenges")
    .values({ challengeHash: hashOf(given), userId, expiresAt: now.add({ minutes: CHALLENGE_MINUTES }) })
    .execute();
}

/** Whether we asked this, of this user, a moment ago; it is gone afterwards. */
async function useChallenge(db: Db, given: string, userId: number | null, now: Temporal.Instant): Promise<boolean> {
  const used = await db
    .deleteFrom("passkeyChallenges")
    .where("challengeHash", "=", hashOf(given))
    .where("userId", "is not distinct from", userId)
    .where("expiresAt", ">", now)
    .executeTakeFirst();
  return Number(used.numDeletedRows) === 1;
}
