/** From where a click led to the link as its author wrote it, without what is personal. Keeps what it has read. */
import { trackedHtml } from "../core/tracked-content.ts";
import type { Db } from "../db/database.ts";
import { version } from "../templates/templates.ts";

/** The links of content versions; those never change. */
const known = new Map<number, readonly string[]>();
const MOST_KNOWN = 1000;

/**
 * The link as its author wrote it. Where nothing in it is personal, that is where it led.
 * @param trackingUrl where links are led, so that they are numbered as when they were rewritten.
 */
export async function writtenLink(
  db: Db,
  click: {
    readonly destination: string;
    readonly written: { readonly versionId: number; readonly link: number } | null;
  },
  trackingUrl: string,
): Promise<string> {
  const { destination, written } = click;
  if (!written) return destination;
  const links = known.get(written.versionId) ?? (await linksOf(db, written.versionId, trackingUrl));
  if (known.size >= MOST_KNOWN) known.clear();
  known.set(written.versionId, links);
  return links[written.link] ?? destination.replace(/[?#].*$/s, "");
}

async function linksOf(db: Db, versionId: number, trackingUrl: string): Promise<readonly string[]> {
  const found = await version(db, versionId).catch((error: unknown) => {
    // The template is gone with its versions; whether the database is, must not be taken for that.
    if (error instanceof Error && "code" in error && error.code === "content-version-not-found") return null;
    throw error;
  });
  if (!found) return [];
  const how = { base: trackingUrl, opens: false, clicks: true };
  return trackedHtml(found.compiledHtml, how, "").links.map(({ written }) => written);
}
