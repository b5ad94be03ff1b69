/** Front door: pictures for mails. What was sent shows them for ever, so nothing that was ever used can be deleted. */
import { createHash } from "node:crypto";
import { difference, recordChange } from "../accounts/audit.ts";
import { refuse } from "../core/problem.ts";
import { type Db, inTransaction } from "../db/database.ts";
import * as templates from "../templates/templates.ts";
import * as workspace from "../workspace/workspace.ts";
import { MAX_UPLOAD_BYTES, type Picture, pictureOf } from "./picture.ts";
import type { Storage } from "./storage.ts";
import * as store from "./store.ts";

export type Images = { readonly db: Db; readonly storage: Storage; readonly publicUrl: string };
type Actor = { readonly name: string };
type Row = NonNullable<Awaited<ReturnType<typeof store.find>>>;

/** How much of the hash stands in an address: 128 bits, so that nobody finds another picture for it. */
const ADDRESS_DIGITS = 32;

const nameOf = ({ hash, extension }: Pick<Row, "hash" | "extension">) =>
  `${hash.slice(0, ADDRESS_DIGITS)}.${extension}`;

const shown = (publicUrl: string, { hash, extension, ...row }: Row) => ({
  ...row,
  url: `${publicUrl}/i/${nameOf({ hash, extension })}`,
});

export async function list({ db, publicUrl }: Images, asked: Parameters<typeof store.list>[1]) {
  return (await store.list(db, asked)).map((row) => shown(publicUrl, row));
}

/** Takes a file in. `isNew` is false where the same picture is there already. */
export async function add(
  { db, storage, publicUrl }: Images,
  file: AsyncIterable<Uint8Array>,
  { name, alt }: { readonly name: string; readonly alt: string },
  actor: Actor,
  now: Temporal.Instant,
) {
  const picture = await pictureOf(await whole(file));
  const hash = createHash("sha256").update(picture.bytes).digest("hex");
  const found = await store.findByHash(db, hash);
  if (found) return { image: shown(publicUrl, found), isNew: false };
  // The bytes first: an address that is known must have something behind it.
  await storage.put(nameOf({ hash, extension: picture.extension }), picture.bytes, now);
  const made = await inTransaction(db, async (tx) => {
    const row = await store.insert(tx, {
      ...rowOf(picture),
      name,
      alt,
      hash,
      createdBy: actor.name,
      createdAt: now,
      changedAt: now,
    });
    if (row)
      await recordChange(
        tx,
        { actor, action: "create", subjectType: "image", subjectId: row.id, after: { name, alt } },
        now,
      );
    return row;
  });
  const row =
    made ??
    (await store.findByHash(db, hash)) ??
    refuse("image-conflict", "The picture was deleted just now. Try again.");
  return { image: shown(publicUrl, row), isNew: made !== undefined };
}

const rowOf = ({ extension, width, height, bytes }: Picture) => ({ extension, width, height, sizeBytes: bytes.length });

async function whole(file: AsyncIterable<Uint8Array>): Promise<Buffer> {
  const parts: Uint8Array[] = [];
  let size = 0;
  for await (const part of file) {
    size += part.length;
    if (size > MAX_UPLOAD_BYTES) refuse("image-too-large", "The file has more than 10 MB.");
    parts.push(part);
  }
  return Buffer.concat(parts);
}

export function update(
  { db, publicUrl }: Images,
  id: number,
  edit: { name?: string; alt?: string },
  actor: Actor,
  now: Temporal.Instant,
) {
  return inTransaction(db, async (tx) => {
    const found = (await store.lock(tx, id)) ?? notFound(id);
    const changes = difference<{ name: string; alt: string }>(found, edit);
    if (!changes) return shown(publicUrl, found);
    const saved = await store.update(tx, id, edit, now);
    await recordChange(tx, { actor, action: "update", subjectType: "image", subjectId: id, ...changes }, now);
    return shown(publicUrl, saved);
  });
}

/** Deletes a picture that nothing uses; what uses it is named. */
export async function remove({ db, storage }: Images, id: number, actor: Actor, now: Temporal.Instant): Promise<void> {
  const name = await inTransaction(db, async (tx) => {
    const found = (await store.lock(tx, id)) ?? notFound(id);
    const address = `/i/${nameOf(found)}`;
    const users = await templates.usersOf(tx, address);
    const { brand } = await workspace.get(tx);
    if (brand?.logo?.src.includes(address)) users.unshift("the brand kit");
    if (users.length > 0)
      refuse(
        "image-in-use",
        `“${found.name}” is shown by ${users.slice(0, 3).join(", ")}${users.length > 3 ? ` and ${users.length - 3} more` : ""}. ` +
          "Mails that were sent show it for ever, so it stays.",
      );
    await store.remove(tx, id);
    await recordChange(
      tx,
      { actor, action: "delete", subjectType: "image", subjectId: id, before: { name: found.name } },
      now,
    );
    return nameOf(found);
  });
  await storage.remove(name, now);
}

/** The bytes behind a public address; null where there is no such picture. */
export async function read({ db, storage }: Images, name: string, now: Temporal.Instant): Promise<Buffer | null> {
  const [, hash, extension] = /^([0-9a-f]{32})\.(png|jpg|gif)$/.exec(name) ?? [];
  if (!hash || !extension || !(await store.isKnown(db, hash, extension))) return null;
  return storage.get(name, now);
}

const notFound = (id: number): never => refuse("image-not-found", `There is no image ${id}.`);
