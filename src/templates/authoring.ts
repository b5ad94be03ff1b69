/** From what an author writes to what is sent: layout, inlined CSS, plain text, footer, once per version. Saves nothing. */
import { inline } from "@css-inline/css-inline";
import { convert } from "html-to-text";
import MarkdownIt from "markdown-it";
import { MAX_OUTPUT } from "../core/template-budget.ts";
import { problemAt } from "../core/template-lexer.ts";
import { escapeHtml } from "../core/template-values.ts";
import { type Problem, type Variable, parseTemplate, unknownVariables } from "../core/template.ts";
import {
  type Protected,
  blockLinesApart,
  blockLinesTrimmed,
  blocksAsRaw,
  blocksForParser,
  blocksInMarkdown,
  bracesAsText,
  protect,
} from "./jinja-tags.ts";
import type { ContentFormat } from "../db/tables.ts";
import { depthOf, pieces } from "./authoring-markup.ts";
import { type FromBlocks, placedIn, sourceOf } from "./from-blocks.ts";
import { document, footer, textFooter } from "./layout.ts";
import { groundOf, withGround } from "./ground.ts";
import { checkInSandbox } from "./sandbox.ts";
import { withSignature } from "./signature.ts";

export type Draft = {
  readonly subject: string;
  readonly preheader: string | null;
  readonly format: ContentFormat;
  readonly body: string;
  readonly text: string | null;
};

export type Compiled = {
  readonly subject: string;
  readonly html: string;
  readonly text: string;
  readonly variables: readonly string[];
  /** Needs the sandbox to render. */
  readonly general: boolean;
  readonly warnings: readonly Problem[];
};

type Field = "subject" | "preheader" | "body" | "text";
/** `block`: the id of the block it is in, where the body is made of blocks. */
export type AuthoringProblem = Problem & { readonly field: Field; readonly block?: string | null };

/** What every template may use besides the person. */
export const SYSTEM_VARIABLES = [
  "unsubscribe_url",
  "postal_address",
  "sender_name",
  "sender_email",
  "signature",
  "campaign_name",
  "today",
  "email",
  "workspace_name",
] as const;

/** The parsers behind this recurse, and one of them would end the whole program: deeper is no mail. */
const MAX_DEPTH = 100;
const MAX_PROBLEMS = 50;
/** Gmail shows the first 102 KB of a mail and hides the rest, the way out in the footer with it. */
const CLIPPED_BYTES = 102_000;

/**
 * Checks a draft and makes of it what is sent. All problems are reported at once, with field, line and column; unknown
 * variables are problems too, because nobody notices them in a thousand mails (E75, E77).
 */
export async function author(
  given: Draft,
  known: ReadonlySet<string>,
  how: { readonly mark?: boolean } = {},
): Promise<{ readonly compiled: Compiled } | { readonly problems: readonly AuthoringProblem[] }> {
  const written = withLineFeeds(given);
  const source = sourceOf(written, how);
  if ("problems" in source) return source;
  const made = await fromSource(source.draft, known);
  return source.blocks ? placed(made, written.body, source.blocks) : made;
}

type Authored = { readonly compiled: Compiled } | { readonly problems: readonly AuthoringProblem[] };

/** What was said of the MJML that blocks became is said of the blocks. */
function placed(made: Authored, body: string, blocks: FromBlocks): Authored {
  if ("problems" in made) return { problems: made.problems.map((one) => placedIn(body, blocks, one)) };
  const warnings = made.compiled.warnings.map((one) => placedIn(body, blocks, one));
  return { compiled: { ...made.compiled, warnings } };
}

async function fromSource(draft: Draft, known: ReadonlySet<string>): Promise<Authored> {
  const checked = await Promise.all(
    (["subject", "preheader", "body", "text"] as const).map((field) => check(field, draft[field] ?? "", known)),
  );
  const problems = checked.flatMap((one) => one.problems);
  if (problems.length > 0) return { problems: problems.slice(0, MAX_PROBLEMS) };
  if (draft.format !== "markdown" && depthOf(draft.body) > MAX_DEPTH)
    return {
      problems: [inBody("too-deep", `Elements stand more than ${MAX_DEPTH} deep in each other, or are never closed.`)],
    };

  const built = await build(draft);
  if ("problems" in built) return built;
  const html = withSignature(withPreheader(withFooter(built.html), draft.preheader), "html");
  const text = withSignature(withTextFooter(draft.text?.trim() ? draft.text : textOf(built.html)), "text");
  const subject = withSignature(draft.subject, "text");
  if (html.length > MAX_OUTPUT) return { problems: [inBody("too-large", "The mail has more than 1 MB.")] };
  const parts = [subject, html, text].map((source) => parseTemplate(source));
  const broken = parts.find((part) => "problems" in part && !part.beyondSubset);
  // The source was right, so the layout took tags apart; their place in it cannot be named.
  if (broken && "problems" in broken)
    return {
      problems: [
        inBody("misplaced-tag", `In the finished mail a tag is in the wrong place: ${broken.problems[0]?.message}`),
      ],
    };
  const clipped = Buffer.byteLength(html) > CLIPPED_BYTES;
  const hint = "The HTML has more than 102 KB: some mail programs cut it off, the unsubscribe link with it.";
  return {
    compiled: {
      subject,
      html,
      text,
      variables: [...new Set(parts.flatMap((part) => namesOf("template" in part ? part.template : part)))].sort(),
      general: parts.some((part) => "problems" in part),
      warnings: [
        ...checked.flatMap((one) => one.hints),
        ...built.warnings,
        ...(clipped ? [inBody("clipped", hint)] : []),
      ],
    },
  };
}

function withLineFeeds({ format, ...fields }: Draft): Draft {
  const lines = (text: string) => text.toWellFormed().replaceAll(/\r\n?/g, "\n");
  const { subject, preheader, body, text } = fields;
  return {
    format,
    subject: lines(subject),
    preheader: preheader && lines(preheader),
    body: lines(body),
    text: text && lines(text),
  };
}

const inBody = (code: string, message: string, line = 1, column = 1): AuthoringProblem => ({
  field: "body",
  line,
  column,
  code,
  message,
});

/** The names at the top: `items` of `items.0.price`. */
const namesOf = ({ variables }: { readonly variables: readonly Variable[] }) =>
  variables.map(({ path }) => path.split(".")[0] ?? path);

async function check(field: Field, source: string, known: ReadonlySet<string>) {
  const parsed = parseTemplate(source);
  const unknown = unknownVariables("template" in parsed ? parsed.template : parsed, known);
  let problems: readonly Problem[] = "problems" in parsed ? parsed.problems : [];
  if ("problems" in parsed && parsed.beyondSubset) {
    const mistake = await checkInSandbox(source);
    problems = mistake ? [{ ...mistake, column: 1, code: "syntax" }] : [];
  }
  // With a default of its own the template says what happens without the value, so that is a hint and no more.
  const isHint = (problem: Problem) => problem.code === "unknown-variable-with-default";
  const all = [...problems, ...unknown.filter((problem) => !isHint(problem))].map((problem) => ({ ...problem, field }));
  return { problems: all, hints: unknown.filter(isHint) };
}

type Built = { html: string; warnings: Problem[] } | { problems: AuthoringProblem[] };

async function build({ format, body }: Draft): Promise<Built> {
  if (format === "mjml") return fromMjml(body);
  const whole = /<(?:html|body|!doctype)[\s>]/i.test(body);
  const html = format === "markdown" ? document(fromMarkdown(body)) : whole ? body : document(body);
  return { html: inlined(html), warnings: [] };
}

/** MJML without the fonts it would load from elsewhere, and without files it could include. */
async function fromMjml(body: string): Promise<Built> {
  const guarded = protect(body);
  const include = body.search(/<mj-include[\s>]/i);
  if (include >= 0) return misplaced(body, include, "A template has no other files: mj-include is not allowed.");
  try {
    const options = { fonts: {}, validationLevel: "soft", ignoreIncludes: true } as const;
    // It takes 80 MB, which a process that only sends never needs.
    const { default: mjml2html } = await import("mjml");
    const { html, errors } = await mjml2html(blocksAsRaw(guarded.text), options);
    const said = errors
      // A value that a tag will give cannot be judged yet.
      .filter(({ message }) => !/invalid value: [^]*tdg[bv]\d+x/.test(message))
      .map(({ line, message }) => inBody("mjml", `MJML: ${guarded.restore(message.trim())}.`, line));
    const wrong = said.filter(({ message }) => /doesn't exist|cannot be used inside/.test(message));
    if (wrong.length > 0) return { problems: wrong };
    return dropped(body, guarded, html) ?? { html: withGround(guarded.restore(bracesAsText(html))), warnings: said };
  } catch (error) {
    const message = guarded.restore(error instanceof Error ? error.message : String(error));
    return {
      problems: [inBody("mjml", `This is not MJML: ${message}`, Number(/line:? (\d+)/i.exec(message)?.[1] ?? 1))],
    };
  }
}

/** Tags that MJML has no place for would be missing in every mail: they are found now. */
function dropped(body: string, guarded: Protected, html: string): Built | null {
  const [first] = guarded.lost(html);
  if (first === undefined) return null;
  return misplaced(body, first, "MJML drops what stands here. Put it inside mj-text, mj-raw or another component.");
}

function misplaced(body: string, at: number, message: string): Built {
  return { problems: [{ ...problemAt(body, { code: "mjml", at, message }), field: "body" }] };
}

const markdown = new MarkdownIt({ html: false, linkify: true, breaks: false });

/** Markdown in which Jinja tags survive. */
function fromMarkdown(body: string): string {
  const guarded = protect(body);
  const html = markdown.render(blockLinesApart(guarded.text));
  return guarded.restore(bracesAsText(blocksInMarkdown(html, guarded.restore)));
}

/** Style sheets become style attributes, and stay for what cannot be one (media queries). Nothing is loaded. */
function inlined(html: string): string {
  if (!/<style[\s>]/i.test(html)) return html;
  const guarded = protect(html);
  const options = { keepStyleTags: true, loadRemoteStylesheets: false, keepLinkTags: true };
  return guarded.restore(bracesAsText(inline(blocksForParser(guarded), options)));
}

/** A line that mail programs show beside the subject, hidden in the mail itself. */
function withPreheader(html: string, preheader: string | null): string {
  if (!preheader) return html;
  const guarded = protect(preheader);
  const words = guarded.restore(escapeHtml(guarded.text));
  const hidden = `<div style="display:none;max-height:0;overflow:hidden;mso-hide:all">${words}</div>`;
  const all = pieces(html).map(({ text }) => text);
  const body = pieces(html).findIndex(({ kind, name }) => kind === "open" && name === "body");
  return all.toSpliced(body + 1, 0, hidden).join("");
}

/** The address and the way out, each part of the mail for itself: whoever reads one part does not see the other (E88). */
function withFooter(html: string): string {
  // What stands in a comment or a title is seen by nobody.
  const seen = pieces(html).filter(({ kind }) => kind !== "other" && kind !== "raw");
  const added = footer(lacking(seen.map(({ text }) => text).join("")), groundOf(html));
  const end = html.toLowerCase().lastIndexOf("</body>");
  return end < 0 ? html + added : html.slice(0, end) + added + html.slice(end);
}

const withTextFooter = (text: string) => text.trimEnd() + textFooter(lacking(text));

const NOT_PRINTED = /\{#[^]*?#\}|\{%[-+]?\s*raw\b[^]*?endraw\s*[-+]?%\}/g;

/** What a part does not print by itself; a condition that names it shows it to nobody. */
function lacking(part: string): { unsubscribe: boolean; address: boolean } {
  const printed = part.replaceAll(NOT_PRINTED, "").match(/\{\{[^]*?\}\}/g) ?? [];
  const parsed = parseTemplate(printed.join(""));
  const names = new Set(namesOf("template" in parsed ? parsed.template : parsed));
  return { unsubscribe: !names.has("unsubscribe_url"), address: !names.has("postal_address") };
}

/** Plain text with the links of the HTML and without what it hides (S6), derived once; Jinja tags survive. */
function textOf(html: string): string {
  const guarded = protect(html);
  const text = convert(guarded.text, {
    wordwrap: false,
    formatters: {
      alternative: (element, _walk, builder) => builder.addInline(String(element.attribs["alt"] ?? "")),
      cell: (element, walk, builder) => {
        walk(element.children, builder);
        builder.addInline(" ");
      },
    },
    selectors: [
      { selector: "img", format: "alternative" },
      ...["head", "[style*='display:none']", "[style*='display: none']"].map((selector) => ({
        selector,
        format: "skip",
      })),
      { selector: "tr", format: "block", options: { leadingLineBreaks: 1, trailingLineBreaks: 1 } },
      ...["td", "th"].map((selector) => ({ selector, format: "cell" })),
      { selector: "a", options: { hideLinkHrefIfSameAsText: true, linkBrackets: ["(", ")"] } },
      ...["h1", "h2", "h3", "h4", "h5", "h6"].map((selector) => ({ selector, options: { uppercase: false } })),
    ],
  });
  return guarded
    .restore(bracesAsText(blockLinesTrimmed(text)))
    .split("\n")
    .map((line) => line.trimEnd())
    .join("\n")
    .replaceAll(/\n{3,}/g, "\n\n")
    .trim();
}
