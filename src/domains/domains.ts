/** Front door: the domains mail is sent from, their DKIM keys, and whether DNS says what it must. Sends nothing. */
import type { z } from "zod";
import { recordChange } from "../accounts/audit.ts";
import { parseAddress } from "../core/address.ts";
import type { DkimAlgorithm } from "../core/dkim.ts";
import { refuse } from "../core/problem.ts";
import { brokenConstraint, type Db, inTransaction, type Tx } from "../db/database.ts";
import { refuseIfChanged } from "../http/etag.ts";
import type { Seal } from "../http/idempotency.ts";
import type { Actor } from "../http/serve.ts";
import type { sendingDomains as api } from "./api.ts";
import { checkDomain } from "./checks.ts";
import { makeKey, type NewKey } from "./keys.ts";
import { recordsOf } from "./records.ts";
import type { Resolver } from "./resolver.ts";
import * as store from "./store.ts";

export { type Resolver, systemResolver } from "./resolver.ts";
export { CannotSign, createSigner, type Signature, type Signer } from "./signing.ts";

type Who = Pick<Actor, "name">;

/** Adds a domain. Its keys are made here and sign at once: where their records are missing, the mail counts as unsigned. */
export async function create(
  db: Db,
  { domain: given, mode, algorithms, selector }: z.output<typeof api.create.body>,
  seal: Seal,
  actor: Who,
  now: Temporal.Instant,
) {
  const domain = domainOf(given);
  const keys = await Promise.all((algorithms ?? (mode === "sign" ? DEFAULT : [])).map(makeKey));
  if (mode === "sign" && keys.length === 0) withoutKey(domain);
  return inTransaction(db, async (tx) => {
    const id = await refusing(() => store.insert(tx, { domain, mode }, now));
    await insertKeys(tx, { id, taken: [], keys, state: "signing", selector, seal }, now);
    const made = await get(tx, id);
    await recordChange(tx, { ...ABOUT, actor, action: "create", subjectId: id, after: shown(made) }, now);
    return made;
  });
}

/** What a domain's keys are when nobody says: ed25519 beside RSA is read by few and confuses some checkers. */
const DEFAULT: readonly DkimAlgorithm[] = ["rsa-sha256"];

/** Changes who signs. */
export function update(
  db: Db,
  id: number,
  { mode }: z.output<typeof api.update.body>,
  actor: Who,
  unchangedSince: Temporal.Instant | null,
  now: Temporal.Instant,
) {
  return changing(db, id, { actor, action: "update" }, now, async (tx, found) => {
    refuseIfChanged(unchangedSince, found.changedAt);
    if (mode === "sign" && !found.keys.some(({ state }) => state === "signing")) withoutKey(found.domain);
    if (mode !== undefined) await store.touch(tx, id, { mode }, now);
  });
}

/** Deletes a domain with its keys: mail of it leaves unsigned from now on. */
export async function remove(db: Db, id: number, actor: Who, now: Temporal.Instant): Promise<void> {
  await inTransaction(db, async (tx) => {
    const found = await locked(tx, id);
    await store.remove(tx, id);
    await recordChange(tx, { ...ABOUT, actor, action: "delete", subjectId: id, before: shown(found) }, now);
  });
}

/** Makes keys under a new selector. They wait until their records are published and {@link signWith} takes them. */
export async function addKeys(
  db: Db,
  id: number,
  { algorithms, selector }: z.output<typeof api.addKeys.body>,
  seal: Seal,
  actor: Who,
  now: Temporal.Instant,
) {
  await get(db, id);
  const keys = await Promise.all(algorithms.map(makeKey));
  return changing(db, id, { actor, action: "add-keys" }, now, async (tx, found) => {
    const taken = found.keys.map((key) => key.selector);
    await insertKeys(tx, { id, taken, keys, state: "new", selector, seal }, now);
  });
}

/**
 * Signs with this key from now on; the one of its kind that did so far is retired, and its record should stay for as
 * long as mail may be on its way (a week).
 */
export function signWith(
  db: Db,
  { id, keyId, unpublished }: { id: number; keyId: number; unpublished: boolean },
  actor: Who,
  now: Temporal.Instant,
) {
  return changing(db, id, { actor, action: "sign-with" }, now, async (tx, found) => {
    const key = keyOf(found, keyId);
    if (!key.publishedAt && !unpublished)
      refuse(
        "sending-domain-key-unpublished",
        `The last check did not see the record of ${key.selector}. Publish it, check again, then repeat.`,
      );
    await store.signWith(tx, key, id, now);
  });
}

/** Deletes a key. The last one that signs stays as long as the domain says that we sign. */
export async function removeKey(
  db: Db,
  { id, keyId }: { id: number; keyId: number },
  actor: Who,
  now: Temporal.Instant,
): Promise<void> {
  await changing(db, id, { actor, action: "remove-key" }, now, async (tx, found) => {
    const key = keyOf(found, keyId);
    const others = found.keys.filter((one) => one.state === "signing" && one.id !== keyId);
    if (found.mode === "sign" && key.state === "signing" && others.length === 0)
      refuse("sending-domain-key-in-use", "This key signs the domain's mail. Sign with another one first.");
    await store.removeKey(tx, keyId);
  });
}

/**
 * Asks the name servers what receivers will ask, and keeps what they said.
 * @param smtpUrl the server mail leaves by where no account is the default (TIDINGS_SMTP_URL).
 */
export async function check(
  db: Db,
  id: number,
  { resolver, smtpUrl }: { resolver: Resolver; smtpUrl?: string | null | undefined },
  now: Temporal.Instant,
) {
  const found = await get(db, id);
  const uses = await store.uses(db, found.domain);
  const relay = smtpUrl ? new URL(smtpUrl).hostname.replace(/^\[(.*)\]$/, "$1") : null;
  const looked = await checkDomain(
    resolver,
    found,
    uses.map((use) => ({ ...use, host: use.host ?? (use.accountId === null ? relay : null) })),
  );
  await inTransaction(db, async (tx) => {
    await locked(tx, id);
    await store.keepChecks(tx, id, looked, now);
  });
  return get(db, id);
}

/** A domain with its keys and the records to publish; never a private key. */
export async function get(db: Db, id: number) {
  return withRecords((await store.find(db, id)) ?? unknown(id));
}

export async function list(db: Db, page: { limit: number; cursor?: string }) {
  return (await store.list(db, page)).map(withRecords);
}

const ABOUT = { subjectType: "sending-domain" } as const;

async function changing(
  db: Db,
  id: number,
  change: { actor: Who; action: string },
  now: Temporal.Instant,
  work: (tx: Tx, found: store.Domain) => Promise<void>,
) {
  return inTransaction(db, async (tx) => {
    const found = await locked(tx, id);
    await work(tx, found);
    await store.touch(tx, id, {}, now);
    const saved = await get(tx, id);
    await recordChange(tx, { ...ABOUT, ...change, subjectId: id, before: shown(found), after: shown(saved) }, now);
    return saved;
  });
}

async function locked(tx: Tx, id: number): Promise<store.Domain> {
  return (await store.lock(tx, id)) ?? unknown(id);
}

async function insertKeys(
  tx: Tx,
  {
    id,
    taken,
    keys,
    state,
    selector,
    seal,
  }: {
    id: number;
    taken: readonly string[];
    keys: readonly NewKey[];
    state: store.Key["state"];
    selector?: string | undefined;
    seal: Seal;
  },
  now: Temporal.Instant,
): Promise<void> {
  const used = new Set(taken);
  for (const { algorithm, publicKey, privateKey } of keys) {
    const name = freeSelector(used, algorithm, keys.length, selector, now);
    used.add(name);
    const privateKeyEncrypted = seal.encrypt(privateKey);
    await store.insertKey(
      tx,
      { sendingDomainId: id, selector: name, state, algorithm, publicKey, privateKeyEncrypted },
      now,
    );
  }
}

/** A selector is never used twice, because receivers keep what they read under it: by default it says the day. */
function freeSelector(
  used: ReadonlySet<string>,
  algorithm: DkimAlgorithm,
  many: number,
  wanted: string | undefined,
  now: Temporal.Instant,
): string {
  const letter = algorithm === "rsa-sha256" ? "r" : "e";
  if (wanted !== undefined) {
    const name = (many > 1 ? `${wanted}${letter}` : wanted).toLowerCase();
    if (used.has(name)) refuse("selector-taken", `The selector ${name} is in use. Choose another one.`, "/selector");
    return name;
  }
  const base = `t${now.toString().slice(0, 10).replaceAll("-", "")}${letter}`;
  for (let count = 1; ; count += 1) {
    const name = count === 1 ? base : `${base}${count}`;
    if (!used.has(name)) return name;
  }
}

function withRecords(domain: store.Domain) {
  return { ...domain, records: recordsOf(domain) };
}

/** What the audit log keeps. */
function shown({ domain, mode, keys }: store.Domain) {
  return { domain, mode, keys: keys.map(({ selector, algorithm, state }) => ({ selector, algorithm, state })) };
}

function domainOf(given: string): string {
  const parsed = parseAddress(`postmaster@${given}`);
  if ("problem" in parsed) return refuse("domain-invalid", "This is no domain mail can be sent from.", "/domain");
  return parsed.key.slice("postmaster@".length);
}

function keyOf(domain: store.Domain, keyId: number): store.Key {
  const key = domain.keys.find(({ id }) => id === keyId);
  return key ?? refuse("sending-domain-key-not-found", `${domain.domain} has no key ${keyId}.`);
}

function unknown(id: number): never {
  return refuse("sending-domain-not-found", `There is no sending domain ${id}.`);
}

function withoutKey(domain: string): never {
  return refuse("sending-domain-without-key", `${domain} has no key that signs. Make one first.`, "/mode");
}

async function refusing<Result>(write: () => Promise<Result>): Promise<Result> {
  try {
    return await write();
  } catch (error) {
    if (brokenConstraint(error) === "sending_domains_domain_unique")
      return refuse("sending-domain-exists", "This domain is there already.", "/domain");
    throw error;
  }
}
