/** The keys by which a folder knows things. A key is given once and stays, whatever the thing is called. */
import { sql } from "kysely";
import type { Db, Tx } from "../db/database.ts";

export type Kind = "campaign" | "step" | "email-template";

/** Which keys there are, both ways. */
export type Keys = {
  readonly idOf: (kind: Kind, key: string) => number | undefined;
  readonly keyOf: (kind: Kind, id: number) => string | undefined;
};

export async function keysOf(db: Db): Promise<Keys> {
  const rows = await db.selectFrom("fileKeys").select(["kind", "key", "itemId"]).execute();
  const ids = new Map(rows.map(({ kind, key, itemId }) => [`${kind} ${key}`, itemId]));
  const keys = new Map(rows.map(({ kind, key, itemId }) => [`${kind} ${itemId}`, key]));
  return { idOf: (kind, key) => ids.get(`${kind} ${key}`), keyOf: (kind, id) => keys.get(`${kind} ${id}`) };
}

/** Gives keys; one that was given stays with what has it, and a thing has one key. */
export async function giveKeys(
  tx: Tx,
  given: readonly { readonly kind: Kind; readonly key: string; readonly id: number }[],
): Promise<void> {
  if (given.length === 0) return;
  await sql`
    insert into file_keys (kind, key, item_id)
    select kind, key, id from jsonb_to_recordset(${JSON.stringify(given)}::jsonb) as given (kind text, key text, id bigint)
    on conflict do nothing`.execute(tx);
}

/** What is gone frees its key: a Campaign, a step or a template that was deleted or removed. */
export async function forgetGone(tx: Tx): Promise<void> {
  await sql`
    delete from file_keys where case kind
      when 'campaign' then not exists (select from campaigns where campaigns.id = item_id)
      when 'step' then not exists (select from steps where steps.id = item_id and steps.removed_at is null)
      else not exists (select from email_templates where email_templates.id = item_id) end`.execute(tx);
}

/** A key made of a name: `Product introduction` is `product-introduction`; a number tells it from others. */
export function keyFrom(name: string, taken: (key: string) => boolean): string {
  const plain =
    name
      .normalize("NFKD")
      .toLowerCase()
      .replaceAll(/\p{M}/gu, "")
      .replaceAll(/[^a-z0-9]+/g, "-")
      .replaceAll(/^-+|-+$/g, "")
      .slice(0, 60) || "unnamed";
  for (let again = 1; ; again += 1) {
    const key = again === 1 ? plain : `${plain}-${again}`;
    if (!taken(key)) return key;
  }
}
