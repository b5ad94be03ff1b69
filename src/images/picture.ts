/** Makes of an uploaded file what mails can show: sniffed, upright, small, and without what a camera wrote. Keeps nothing. */
import type { Sharp } from "sharp";
import { refuse } from "../core/problem.ts";

export const MAX_UPLOAD_BYTES = 10_000_000;
/** Of all frames together. More is a bomb: a few kilobytes that unfold to gigabytes. */
const MAX_PIXELS = 50_000_000;
const MAX_FRAMES = 100;
/** A mail is 600 pixels wide, and screens have two for one. */
const MAX_WIDTH = 1200;
const MAX_HEIGHT = 3000;
const JPEG_QUALITY = 82;

export type Picture = {
  readonly bytes: Buffer;
  readonly extension: "png" | "jpg" | "gif";
  readonly width: number;
  readonly height: number;
};

type Kind = "png" | "jpeg" | "gif" | "webp" | "avif";
const SIGNS: readonly (readonly [kind: Kind, at: number, sign: string])[] = [
  ["png", 0, "\u0089PNG\r\n\u001a\n"],
  ["jpeg", 0, "\u00ff\u00d8\u00ff"],
  ["gif", 0, "GIF87a"],
  ["gif", 0, "GIF89a"],
  ["webp", 8, "WEBP"],
  ["avif", 4, "ftypavif"],
];

/** What a file is, by its first bytes; a name or content type proves nothing. */
export function kindOf(bytes: Buffer): Kind | null {
  const head = bytes.subarray(0, 16).toString("latin1");
  return SIGNS.find(([, at, sign]) => head.startsWith(sign, at))?.[0] ?? null;
}

/**
 * Reads an uploaded picture.
 * @throws Refusal `image-invalid` or `image-too-large` with what to do.
 */
export async function pictureOf(bytes: Buffer): Promise<Picture> {
  const kind = kindOf(bytes);
  if (!kind) {
    const isSvg = /<svg[\s>]/i.test(bytes.subarray(0, 4096).toString("latin1"));
    return refuse(
      "image-invalid",
      isSvg
        ? "SVG can hold scripts, and most mail programs do not show it. Save it as PNG."
        : "This is no picture we know. Send PNG, JPEG, GIF, WebP or AVIF.",
    );
  }
  // Loaded when first needed: its native part is large.
  const { default: sharp } = await import("sharp");
  sharp.cache(false);
  sharp.concurrency(1);
  try {
    const opened = sharp(bytes, { limitInputPixels: MAX_PIXELS, failOn: "error", animated: kind === "gif" });
    const { pages = 1, hasAlpha } = await opened.metadata();
    if (pages > MAX_FRAMES) return refuse("image-too-large", `It has ${pages} frames; ${MAX_FRAMES} are the most.`);
    const sized = opened
      .autoOrient()
      .resize({ width: MAX_WIDTH, height: MAX_HEIGHT, fit: "inside", withoutEnlargement: true });
    const extension =
      kind === "gif" && pages > 1 ? "gif" : kind === "png" || kind === "gif" || hasAlpha ? "png" : "jpg";
    const { data, info } = await ENCODED[extension](sized).toBuffer({ resolveWithObject: true });
    return { bytes: data, extension, width: info.width, height: info.pageHeight ?? info.height };
  } catch (error) {
    if (!(error instanceof Error) || error.name === "Refusal" || "code" in error) throw error;
    if (/pixel limit/i.test(error.message))
      return refuse("image-too-large", "It has more than 50 million pixels. Make it smaller first.");
    return refuse("image-invalid", "The picture is damaged: it cannot be read to its end.");
  }
}

const ENCODED: { readonly [Extension in Picture["extension"]]: (sized: Sharp) => Sharp } = {
  // Metadata is left out by default: no place, no camera, no thumbnail of what was cut away.
  png: (sized) => sized.png({ compressionLevel: 9, effort: 7 }),
  jpg: (sized) => sized.jpeg({ quality: JPEG_QUALITY, mozjpeg: true }),
  gif: (sized) => sized.gif(),
};
