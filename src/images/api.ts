/** The contract of pictures for mails: what is uploaded, what is kept, and its public address. Data only. */
import { z } from "zod";
import { contract, id, idParams, instant, line, listOf, page } from "../http/contract.ts";

const alt = line(500).describe("What a reader without pictures reads.");

const image = z.object({
  id,
  name: z.string(),
  alt: z.string(),
  url: z.string().describe("Public, and the same for ever: it holds the hash of what it serves."),
  width: z.int(),
  height: z.int(),
  sizeBytes: z.int(),
  createdBy: z.string().nullable(),
  createdAt: instant,
  changedAt: instant,
});

const tag = "Images";

export const images = contract({
  list: {
    method: "GET",
    path: "/images",
    summary: "List images, newest first",
    tag,
    access: "viewer",
    query: z.object({ ...page, q: z.string().max(200).optional() }),
    success: { status: 200, body: listOf(image) },
  },
  create: {
    method: "POST",
    path: "/images",
    summary: "Upload an image",
    description:
      "The body is the file: PNG, JPEG, GIF, WebP or AVIF, told by its content, up to 10 MB and 50 million pixels; no SVG. It is " +
      "turned upright, made at most 1,200 pixels wide and freed of everything a camera wrote into it. The same picture again " +
      "answers 200 with the one that is there.",
    tag,
    access: "user",
    query: z.object({ name: line(), alt }),
    upload: ["image/png", "image/jpeg", "image/gif", "image/webp", "image/avif", "application/octet-stream"],
    success: { status: 201, body: image },
  },
  update: {
    method: "PATCH",
    path: "/images/:id",
    summary: "Change an image's name or alternative text",
    description: "Mails that show it keep the text they were written with.",
    tag,
    access: "user",
    params: idParams,
    body: z.object({ name: line(), alt }).partial(),
    success: { status: 200, body: image },
  },
  remove: {
    method: "DELETE",
    path: "/images/:id",
    summary: "Delete an image that no template, saved block or brand uses or has used",
    tag,
    access: "manager",
    params: idParams,
    success: { status: 204 },
  },
});
