/** Front door: email templates and their immutable versions. Every save that changes content is a version; none is edited. */
import type { Acting } from "../accounts/ownership.ts";
import { createHash } from "node:crypto";
import type { Selectable } from "kysely";
import { difference, recordChange } from "../accounts/audit.ts";
import { type Fault, refuse } from "../core/problem.ts";
import { type Db, type Tx, brokenConstraint, inTransaction } from "../db/database.ts";
import type { ContentFormat, Tables } from "../db/tables.ts";
import { refuseIfChanged } from "../http/etag.ts";
import { fieldsForTemplates } from "../people/people.ts";
import type { TemplateEdit, TemplateInput } from "./api.ts";
import { author, SYSTEM_VARIABLES } from "./authoring.ts";
import { asWritten } from "./signature.ts";
import * as store from "./store.ts";

export type ContentVersion = Selectable<Tables["contentVersions"]>;
type Actor = Acting;
type Content = Pick<TemplateInput, "subject" | "preheader" | "format" | "body" | "text">;

/** Creates a template with its first version; refuses mistakes with field, line and column (E75, E77). */
export function create(db: Db, { name, ...content }: TemplateInput, actor: Actor, now: Temporal.Instant) {
  return inTransaction(db, async (tx) => {
    const id = await refusing(() => store.insert(tx, name, actor.userId ?? null, now));
    await addVersion(tx, id, content, actor, now);
    await recordChange(
      tx,
      { actor, action: "create", subjectType: "email-template", subjectId: id, after: { name } },
      now,
    );
    return get(tx, id);
  });
}

/** Changes name or content; content that differs becomes a new version (E10), the same content does not. */
export function update(
  db: Db,
  id: number,
  { name, ...edit }: TemplateEdit,
  actor: Actor,
  unchangedSince: Temporal.Instant | null,
  now: Temporal.Instant,
) {
  return inTransaction(db, async (tx) => {
    const found = (await store.lock(tx, id)) ?? notFound(id);
    refuseIfChanged(unchangedSince, found.changedAt);
    if (name !== undefined && name !== found.name) await refusing(() => store.rename(tx, id, name, now));
    const content = { ...contentOf(found), ...edit };
    if (!hashOf(content).equals(found.contentHash)) await addVersion(tx, id, content, actor, now);
    const saved = await get(tx, id);
    const changes = difference(
      { name: found.name, version: found.versionNumber },
      { name: saved.name, version: saved.versionNumber },
    );
    if (changes)
      await recordChange(
        tx,
        { actor, action: "update", subjectType: "email-template", subjectId: id, ...changes },
        now,
      );
    return saved;
  });
}

/** Deletes a template no step uses or has used (E8). */
export function remove(db: Db, id: number, actor: Actor, now: Temporal.Instant): Promise<void> {
  return inTransaction(db, async (tx) => {
    const found = (await store.lock(tx, id)) ?? notFound(id);
    const [user] = await store.usedBy(tx, id);
    if (user)
      refuse(
        "email-template-in-use",
        `The Campaign “${user.name}” uses “${found.name}” or has used it. It cannot be deleted.`,
      );
    await store.remove(tx, id);
    await recordChange(
      tx,
      { actor, action: "delete", subjectType: "email-template", subjectId: id, before: { name: found.name } },
      now,
    );
  });
}

export async function get(db: Db, id: number) {
  return (await store.find(db, id)) ?? notFound(id);
}

export const find = store.find;
export const findByName = store.findByName;
export const list = store.list;
/** What holds an address in its source or in what is sent of it, by name; versions of long ago count too. */
export const usersOf = store.holding;

export async function versions(db: Db, id: number, asked: { limit: number; cursor?: string }) {
  await get(db, id);
  return store.versions(db, id, asked);
}

/** One version by its number within the template. */
export async function versionNumbered(db: Db, id: number, number: number) {
  const template = await get(db, id);
  const found = (await store.findNumbered(db, id, number)) ?? versionNotFound(id, number);
  return { ...found, plainText: asWritten(found.compiledText), current: found.id === template.versionId };
}

/** Makes an earlier version the newest: its content becomes a new version, and those between stay. */
export function restore(db: Db, id: number, number: number, actor: Actor, now: Temporal.Instant) {
  return inTransaction(db, async (tx) => {
    const found = (await store.lock(tx, id)) ?? notFound(id);
    const wanted = (await store.findNumbered(tx, id, number)) ?? versionNotFound(id, number);
    if (wanted.contentHash.equals(found.contentHash)) return found;
    // Made anew, not copied: what was allowed then may name a field that is no more.
    await addVersion(tx, id, contentOf(wanted), actor, now);
    const saved = await get(tx, id);
    await recordChange(
      tx,
      {
        actor,
        action: "restore",
        subjectType: "email-template",
        subjectId: id,
        before: { version: found.versionNumber },
        after: { version: saved.versionNumber, from: number },
      },
      now,
    );
    return saved;
  });
}

/** Versions never change, so those in use are kept in memory. */
const CACHED_VERSIONS = 200;
const cache = new WeakMap<Db, Map<number, Promise<ContentVersion>>>();

/** A content version by its id; immutable, so it is read once. */
export async function version(db: Db, versionId: number): Promise<ContentVersion> {
  const known = cache.get(db) ?? new Map<number, Promise<ContentVersion>>();
  cache.set(db, known);
  // Hundreds of mails of a batch ask for the same one at once.
  const found = known.get(versionId) ?? readVersion(db, versionId);
  known.delete(versionId);
  known.set(versionId, found);
  if (known.size > CACHED_VERSIONS) known.delete(known.keys().next().value!);
  try {
    return await found;
  } catch (error) {
    if (known.get(versionId) === found) known.delete(versionId);
    throw error;
  }
}

async function readVersion(db: Db, versionId: number): Promise<ContentVersion> {
  const found = await store.findVersion(db, versionId);
  return found ?? refuse("content-version-not-found", `There is no content version ${versionId}.`);
}

/** The id of the version a template has now: what a mail that leaves now is made from. */
export async function currentVersionId(db: Db, templateId: number): Promise<number> {
  const row = await db
    .selectFrom("emailTemplates")
    .select("currentVersionId")
    .where("id", "=", templateId)
    .executeTakeFirst();
  return row?.currentVersionId ?? notFound(templateId);
}

/** Checks content as a save would; what a save would refuse is told. */
export async function check(db: Db, content: Content, how: { readonly mark?: boolean } = {}) {
  return author(content, new Set([...(await fieldsForTemplates(db)), ...SYSTEM_VARIABLES]), how);
}

/** Checks content as a save would, for a test mail or a file; refuses what a save would refuse. */
export async function compile(db: Db, content: Content) {
  const authored = await check(db, content);
  if ("compiled" in authored) return authored.compiled;
  const faults: Fault[] = authored.problems.map(({ field, line, column, code, message }) => ({
    pointer: `/${field}`,
    detail: `line ${line}, column ${column}: ${message}`,
    code,
  }));
  const [first] = authored.problems;
  const more = faults.length > 1 ? ` (and ${faults.length - 1} more)` : "";
  return refuse(
    "email-template-invalid",
    `The ${first?.field} has a mistake in line ${first?.line}, column ${first?.column}: ${first?.message}${more}`,
    faults,
  );
}

async function addVersion(tx: Tx, id: number, content: Content, actor: Actor, now: Temporal.Instant): Promise<void> {
  const compiled = await compile(tx, content);
  await store.addVersion(tx, {
    emailTemplateId: id,
    ...content,
    compiledSubject: compiled.subject,
    compiledHtml: compiled.html,
    compiledText: compiled.text,
    variables: JSON.stringify(compiled.variables),
    general: compiled.general,
    contentHash: hashOf(content),
    createdBy: actor.name,
    createdAt: now,
  });
}

const contentOf = ({ subject, preheader, format, body, text }: Content & { format: ContentFormat }): Content => ({
  subject,
  preheader,
  format,
  body,
  text,
});

function hashOf(content: Content): Buffer {
  const { subject, preheader, format, body, text } = content;
  return createHash("sha256")
    .update(JSON.stringify([subject, preheader, format, body, text]))
    .digest();
}

const versionNotFound = (id: number, number: number): never =>
  refuse("content-version-not-found", `The email template ${id} has no version ${number}.`);

const notFound = (id: number): never => refuse("email-template-not-found", `There is no email template ${id}.`);

async function refusing<Result>(write: () => Promise<Result>): Promise<Result> {
  try {
    return await write();
  } catch (error) {
    if (brokenConstraint(error) === "email_templates_name_unique")
      return refuse("email-template-exists", "There is an email template with this name already.", "/name");
    throw error;
  }
}
