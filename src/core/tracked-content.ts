/**
 * The HTML of a mail with its links led through us and a picture at its end: rewritten once for a content version, before
 * anything is rendered. Leaves alone what is no web address of the author's own.
 */
import { tagsIn } from "./template-lexer.ts";
import { clickToken, isSafe, openToken } from "./tracking-links.ts";

/** A link that is led through us. */
export type TrackedLink = {
  /** As the author wrote it, with the variables in it and no value of them. */
  readonly written: string;
  /** Parts of it are filled in for each person. */
  readonly personal: boolean;
};

/** What is measured in a mail; kept with what its bytes are made of. */
export type Tracking = {
  /** Where pictures and links lead; no slash at its end. */
  readonly base: string;
  readonly opens: boolean;
  readonly clicks: boolean;
  /** The message's own key: `messageKey` of tracking-links.ts. */
  readonly key: string;
};

/** What was measured in a mail, in a word. */
export type Measured = "opens" | "clicks" | "both";

/** The word for it; null: nothing is measured. */
export function measuredIn(tracking: Pick<Tracking, "opens" | "clicks"> | undefined): Measured | null {
  if (!tracking) return null;
  if (tracking.opens && tracking.clicks) return "both";
  return tracking.opens ? "opens" : tracking.clicks ? "clicks" : null;
}

export type TrackedHtml = {
  /** A template of {@link slotsOf} besides the author's variables. */
  readonly html: string;
  readonly links: readonly TrackedLink[];
};

/** The variable that holds what is filled in here. No author's: it is no field, and not offered. */
const SLOTS = "tidings_tracking";
/** Around a personal address, until it is rendered and can be signed. It says so itself, in a word no value can guess. */
const mark = (secret: string) => `tdgk${secret}`;
const MOST_LINKS = 1000;

/**
 * Rewrites the links and adds the picture.
 * @param secret a word that nobody who fills in a field can know; it is never sent.
 */
export function trackedHtml(
  html: string,
  { base, opens, clicks }: Pick<Tracking, "base" | "opens" | "clicks">,
  secret: string,
): TrackedHtml {
  const links: TrackedLink[] = [];
  let made = "";
  let from = 0;
  for (const { start, end, quote } of clicks ? addressesIn(html) : []) {
    const link = trackable(html.slice(start, end), base);
    if (!link || links.length >= MOST_LINKS) continue;
    const at = links.push(link) - 1;
    const led = link.personal
      ? `${mark(secret)}${at}:${html.slice(start, end)}${mark(secret)};`
      : `${base}/c/{{ ${SLOTS}.l${at} }}`;
    made += html.slice(from, start) + (quote ? led : `"${led}"`);
    from = end;
  }
  made += html.slice(from);
  return { html: opens ? withPicture(made, base) : made, links };
}

/** The links of a mail that would be led through us, each once, as its author wrote them. */
export function linksIn(html: string): string[] {
  const found = addressesIn(html).flatMap(({ start, end }) => trackable(html.slice(start, end), "") ?? []);
  return [...new Set(found.map(({ written }) => written))];
}

/** What the rewritten template needs besides the author's variables. */
export function slotsOf({ links }: TrackedHtml, tracking: Tracking, messageId: number): Record<string, unknown> {
  const slots: Record<string, string> = tracking.opens ? { open: openToken(tracking.key, messageId) } : {};
  for (const [at, { written, personal }] of links.entries())
    if (!personal) slots[`l${at}`] = clickToken(tracking.key, { messageId, destination: written, written: null }) ?? "";
  return { [SLOTS]: slots };
}

/**
 * Signs the personal addresses of a rendered mail. One that leads elsewhere than its author wrote, since a value was
 * more than a value, stays as it is and is not led through us.
 */
export function signPersonal(
  rendered: string,
  { links }: TrackedHtml,
  tracking: Tracking,
  about: { readonly messageId: number; readonly versionId: number },
  secret: string,
): string {
  const [open, ...rest] = rendered.split(mark(secret));
  let made = open ?? "";
  // Pieces come in pairs: what stands between two marks, and what follows the second.
  for (let at = 0; at + 1 < rest.length; at += 2) {
    const [, number, text] = /^(\d+):([^]*)$/.exec(rest[at]!) ?? [];
    const link = links[Number(number)];
    // What every browser does with a blank in an address.
    const destination = decoded(text ?? "")
      .trim()
      .replaceAll(" ", "%20");
    const safe = link && isSafe(destination) && originOf(destination) === originOf(link.written);
    const token = safe
      ? clickToken(tracking.key, {
          messageId: about.messageId,
          destination,
          written: { versionId: about.versionId, link: Number(number) },
        })
      : null;
    made += (token === null ? (text ?? "") : `${tracking.base}/c/${token}`) + rest[at + 1]!.slice(1);
  }
  return made;
}

const PICTURE = /<img src="[^"<>]{1,300}\/o\/[0-9a-z]{1,11}\.[\w-]{22}\.gif"[^<>]{0,200}>/g;
const LED =
  /https?:\/\/[^"'<>\s]{1,300}\/c\/([0-9a-z]{1,11}(?:\.[0-9a-z]{1,11}-[0-9a-z]{1,4})?\.[\w-]{22}\.[\w-]{1,4000})/g;

/** A sent mail as it is shown to whoever sent it: their looking at it must not count as the person's. */
export function withoutTracking(sent: string): string {
  return sent.replaceAll(PICTURE, "").replaceAll(LED, (whole, token: string) => {
    const destination = Buffer.from(token.slice(token.lastIndexOf(".") + 1), "base64url").toString("utf8");
    return isSafe(destination)
      ? destination.replaceAll("&", "&amp;").replaceAll('"', "&quot;").replaceAll("<", "&lt;")
      : whole;
  });
}

/** Where the author alone says which server it is: up to the first slash, question mark or number sign. */
const AUTHORITY = /^https?:\/\/[^/?#{\s]+(?=[/?#]|$)/i;

function trackable(attribute: string, base: string): TrackedLink | null {
  const written = decoded(attribute).trim();
  const personal = /\{[{%#]/.test(written);
  // In a variable nobody knows who wrote the address: led through us, it would vouch for whatever stands in a field.
  if (!AUTHORITY.test(written) || (base !== "" && written.startsWith(`${base}/u/`))) return null;
  if (personal ? !isSafe(AUTHORITY.exec(written)![0]) || written.length > 2048 : !isSafe(written)) return null;
  return { written, personal };
}

const originOf = (address: string) => new URL(AUTHORITY.exec(address)?.[0] ?? "about:blank").origin;

type Place = { readonly start: number; readonly end: number; readonly quote: boolean };

/** The values of `href` in `<a>` and `<area>` that do not say `data-no-track`, in their order. */
function addressesIn(html: string): Place[] {
  const masked = withoutTags(html);
  const places: Place[] = [];
  const elements = /<(?:a|area)(?=[\s/])/gi;
  for (let found = elements.exec(masked); found; found = elements.exec(masked)) {
    const read = attributesFrom(masked, elements.lastIndex);
    // An element without an end: nothing behind it can be told apart.
    if (!read) break;
    elements.lastIndex = read.end;
    if (read.href && !read.untouched) places.push(read.href);
  }
  return places;
}

const ATTRIBUTE = /\s*\/?([^\s"'<>/=]+)(?:\s*=\s*(?:"([^"]*)"|'([^']*)'|([^\s"'<>=`]+)))?/y;

function attributesFrom(masked: string, from: number): { end: number; href: Place | null; untouched: boolean } | null {
  let href: Place | null = null;
  let untouched = false;
  let at = from;
  for (;;) {
    ATTRIBUTE.lastIndex = at;
    const found = ATTRIBUTE.exec(masked);
    if (!found) break;
    const [whole, name = "", double, single, bare] = found;
    const end = at + whole.length;
    const value = double ?? single ?? bare;
    const quoted = bare === undefined ? 1 : 0;
    if (name.toLowerCase() === "href" && value !== undefined)
      href ??= { start: end - quoted - value.length, end: end - quoted, quote: quoted === 1 };
    if (name.toLowerCase() === "data-no-track") untouched = true;
    at = end;
  }
  const close = /\s*\/?>/y;
  close.lastIndex = at;
  const closed = close.exec(masked);
  return closed ? { end: at + closed[0].length, href, untouched } : null;
}

/** The same text with tags of the template blanked out to the same length, and raw parts left aside altogether. */
function withoutTags(html: string): string {
  let masked = "";
  let from = 0;
  for (const { start, end } of tagsIn(html)) {
    masked += html.slice(from, start) + "_".repeat(end - start);
    from = end;
  }
  return masked + html.slice(from);
}

function withPicture(html: string, base: string): string {
  const picture = `<img src="${base}/o/{{ ${SLOTS}.open }}.gif" width="1" height="1" alt="" style="display:block;width:1px;height:1px;border:0">`;
  const end = withoutTags(html).toLowerCase().lastIndexOf("</body");
  return end === -1 ? html + picture : html.slice(0, end) + picture + html.slice(end);
}

const NAMED: Readonly<Record<string, string>> = { amp: "&", lt: "<", gt: ">", quot: '"', apos: "'" };

/** An attribute's value as a browser reads it. */
function decoded(attribute: string): string {
  return attribute.replaceAll(/&(?:#(\d{1,7})|#x([\da-f]{1,6})|(\w{2,4}));/gi, (whole, decimal, hex, name) => {
    if (name !== undefined) return NAMED[String(name).toLowerCase()] ?? whole;
    const point = decimal === undefined ? Number.parseInt(hex, 16) : Number(decimal);
    return point <= 0x10_ff_ff && point > 0 ? String.fromCodePoint(point) : whole;
  });
}
