/** A sender's signature in a mail: `{{ signature }}` means HTML in the one part and plain text in the other. Sends nothing. */
import { convert } from "html-to-text";
import { tagsIn } from "../core/template-lexer.ts";
import { escapeHtml } from "../core/template-values.ts";

type Signed = { readonly signatureHtml: string | null; readonly signatureText: string | null };

const NAME = /(?<![\w.'"])(?:doc\.)?signature(?![\w'"])/g;
const PARTS = { html: "signature_html", text: "signature_text" } as const;

/** Names the part's own signature in every tag. Done once a version, so that sending knows nothing of it. */
export function withSignature(source: string, part: keyof typeof PARTS): string {
  let made = "";
  let from = 0;
  for (const { start, end, kind } of tagsIn(source)) {
    if (kind === "comment") continue;
    const tag = source.slice(start, end);
    const printed = tag.startsWith("{{") && part === "html";
    made += source.slice(from, start) + tag.replaceAll(NAME, printed ? `${PARTS.html} | safe` : PARTS[part]);
    from = end;
  }
  return made + source.slice(from);
}

/** The names as an author knows them. */
export function asWritten(source: string): string {
  return source.replaceAll(/signature_html \| safe|signature_(?:html|text)/g, "signature");
}

/** What a template finds under the two names: one form is made of the other where only one is there. */
export function signatureVariables(sender: Signed | null): { signature_html: string; signature_text: string } {
  const html = sender?.signatureHtml?.trim() ?? "";
  const text = sender?.signatureText?.trim() ?? "";
  return {
    signature_html: html || escapeHtml(text).replaceAll(/\r\n?|\n/g, "<br>"),
    signature_text: text || (html && convert(html, { wordwrap: false })),
  };
}
