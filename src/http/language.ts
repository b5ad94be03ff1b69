/** The language of a caller: English or German, by Accept-Language. */
import type { Language } from "../core/timing-words.ts";

/** The first of the languages a caller names that there are words in; English where there is none. */
export function languageOf({
  headers,
}: {
  readonly headers: { readonly "accept-language"?: string | undefined };
}): Language {
  const tags = (headers["accept-language"] ?? "").split(",").map((tag) => tag.trim().slice(0, 2).toLowerCase());
  return tags.find((tag): tag is Language => tag === "de" || tag === "en") ?? "en";
}
