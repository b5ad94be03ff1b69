/** From what an author writes to what is sent: layout, inlined CSS, plain text, footer, once per version. Saves nothing. */
import { inline } from "@css-inline/css-inline";
import { convert } from "html-to-text";
import MarkdownIt from "markdown-it";
import mjml2html from "mjml";
import { type Problem, parseTemplate, unknownVariables } from "../core/template.ts";
import { escapeText, protect } from "./jinja-tags.ts";
import { document, footer, textFooter } from "./layout.ts";
import { checkInSandbox } from "./sandbox.ts";

export type Draft = {
  readonly subject: string;
  readonly preheader: string | null;
  readonly format: "html" | "mjml" | "markdown";
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
export type AuthoringProblem = Problem & { readonly field: Field };

/** What every template may use besides the person. */
export const SYSTEM_VARIABLES = [
  "unsubscribe_url",
  "postal_address",
  "sender_name",
  "sender_email",
  "campaign_name",
  "today",
  "email",
  "workspace_name",
  "signature",
] as const;

/**
 * Checks a draft and makes of it what is sent. All problems are reported at once, with field, line and column; unknown
 * variables are problems too, because nobody notices them in a thousand mails (E75, E77).
 */
export async function author(
  draft: Draft,
  known: ReadonlySet<string>,
): Promise<{ readonly compiled: Compiled } | { readonly problems: readonly AuthoringProblem[] }> {
  const fields: [Field, string | null][] = [
    ["subject", draft.subject],
    ["preheader", draft.preheader],
    ["body", draft.body],
    ["text", draft.text],
  ];
  const checked = await Promise.all(fields.map(([field, source]) => check(field, source ?? "", known)));
  const problems = checked.flatMap((one) => one.problems);
  if (problems.length > 0) return { problems };
  const used = new Set(checked.flatMap((one) => one.variables));

  const built = await build(draft);
  if ("problems" in built) return built;
  const html = withFooter(withPreheader(built.html, draft.preheader), used);
  const text = withTextFooter(draft.text ?? textOf(built.html));
  const final = [parseTemplate(draft.subject), parseTemplate(html), parseTemplate(text)];
  const broken = final.find((part) => "problems" in part && !part.beyondSubset);
  if (broken && "problems" in broken) return { problems: broken.problems.map(afterLayout) };
  return {
    compiled: {
      subject: draft.subject,
      html,
      text,
      variables: [...new Set(final.flatMap((part) => namesOf("template" in part ? part.template : part)))].toSorted(),
      general: final.some((part) => "problems" in part),
      warnings: [...checked.flatMap((one) => one.hints), ...built.warnings],
    },
  };
}

/** The layout took a tag apart: the source alone was right, so its place cannot be named. */
const afterLayout = ({ message, code }: Problem): AuthoringProblem => ({
  field: "body",
  line: 1,
  column: 1,
  code,
  message: `Once laid out as a mail, a tag does not stand where it should: ${message}`,
});

/** The names at the top: `items` of `items.0.price`. */
const namesOf = ({ variables }: { readonly variables: readonly { readonly path: string }[] }) =>
  variables.map(({ path }) => path.split(".")[0] ?? path);

async function check(field: Field, source: string, known: ReadonlySet<string>) {
  const parsed = parseTemplate(source);
  const of = "template" in parsed ? parsed.template : parsed;
  const unknown = unknownVariables(of, known);
  let problems: readonly Problem[] = "problems" in parsed ? parsed.problems : [];
  const general = "problems" in parsed && parsed.beyondSubset;
  if (general) {
    const mistake = await checkInSandbox(source);
    problems = mistake ? [{ ...mistake, column: 1, code: "syntax" }] : [];
  }
  // With a default of its own the template says what happens without the value, so that is a hint and no more.
  const isHint = (problem: Problem) => problem.code === "unknown-variable-with-default";
  const all = [...problems, ...unknown.filter((problem) => !isHint(problem))].map((problem) => ({ ...problem, field }));
  return { problems: all, hints: unknown.filter(isHint), variables: namesOf(of) };
}

type Built = { html: string; warnings: Problem[] } | { problems: AuthoringProblem[] };

async function build(draft: Draft): Promise<Built> {
  switch (draft.format) {
    case "mjml":
      return fromMjml(draft.body);
    case "markdown":
      return { html: inlined(document(fromMarkdown(draft.body))), warnings: [] };
    default:
      return { html: inlined(/<html[\s>]/i.test(draft.body) ? draft.body : document(draft.body)), warnings: [] };
  }
}

/** MJML without the fonts it would load from elsewhere, and without files it could include. */
async function fromMjml(body: string): Promise<Built> {
  const bad = (line: number, message: string): Built => ({
    problems: [{ field: "body", line, column: 1, code: "mjml", message }],
  });
  if (!/<mjml[\s>]/i.test(body)) return bad(1, "MJML begins with <mjml>.");
  if (/<mj-include[\s>]/i.test(body))
    return bad(lineOf(body, /<mj-include/i), "mj-include is not allowed: a template stands by itself.");
  try {
    const { html, errors } = await mjml2html(body, { fonts: {}, validationLevel: "soft", ignoreIncludes: true });
    const warnings = errors.map((error) => ({ line: error.line, column: 1, code: "mjml", message: error.message }));
    const unknown = warnings.find((warning) => /doesn't exist|not registered|unknown element/i.test(warning.message));
    return unknown ? bad(unknown.line, unknown.message) : { html, warnings };
  } catch (error) {
    const message = error instanceof Error ? error.message : String(error);
    return bad(Number(/[Ll]ine:? (\d+)/.exec(message)?.[1] ?? 1), `This is not MJML: ${message}`);
  }
}

const lineOf = (text: string, what: RegExp) => text.slice(0, text.search(what)).split("\n").length;

const markdown = new MarkdownIt({ html: false, linkify: true, breaks: false });

/**
 * Markdown in which Jinja tags survive. A tag on a line of its own makes no paragraph and ends the one before, and a loop
 * around a list repeats its items, not the list.
 */
function fromMarkdown(body: string): string {
  const guarded = protect(body, "word");
  const spaced = guarded.text.replaceAll(/^[ \t]*((?:tdgb\d+x[ \t]*)+)$/gm, "\n$1\n");
  const html = markdown
    .render(spaced)
    .replaceAll(/<p>((?:\s*tdgb\d+x)+\s*)<\/p>/g, "$1")
    .replaceAll(/(tdgb\d+x)\s*<(ul|ol)>((?:(?!<[uo]l>)[^])*?)<\/\2>\s*(tdgb\d+x)/g, (whole, ...parts: string[]) => {
      const [open = "", list = "", items = "", close = ""] = parts;
      const isLoop = guarded.restore(open).includes("for ") && guarded.restore(close).includes("endfor");
      return isLoop ? `<${list}>${open}${items}${close}</${list}>` : whole;
    });
  return guarded.restore(html);
}

/** Style sheets become style attributes, and stay for what cannot be one (media queries). Nothing is loaded. */
function inlined(html: string): string {
  if (!/<style[\s>]/i.test(html)) return html;
  const guarded = protect(html, "markup");
  const options = { keepStyleTags: true, loadRemoteStylesheets: false, keepLinkTags: true };
  return guarded.restore(inline(guarded.text, options));
}

/** A line that mail programs show beside the subject, hidden in the mail itself. */
function withPreheader(html: string, preheader: string | null): string {
  if (!preheader) return html;
  const hidden = `<div style="display:none;max-height:0;overflow:hidden;mso-hide:all">${escapeText(preheader)}</div>`;
  return /<body[^>]*>/i.test(html) ? html.replace(/<body[^>]*>/i, (body) => body + hidden) : hidden + html;
}

function withFooter(html: string, used: ReadonlySet<string>): string {
  const added = footer({ unsubscribe: !used.has("unsubscribe_url"), address: !used.has("postal_address") });
  const end = html.toLowerCase().lastIndexOf("</body>");
  return end < 0 ? html + added : html.slice(0, end) + added + html.slice(end);
}

function withTextFooter(text: string): string {
  const asks = (name: string) => new RegExp(String.raw`\{\{[^}]*\b${name}\b`).test(text);
  return text.trimEnd() + textFooter({ unsubscribe: !asks("unsubscribe_url"), address: !asks("postal_address") });
}

/** Plain text with the links of the HTML (S6), derived once; Jinja tags survive. */
function textOf(html: string): string {
  const guarded = protect(html, "word");
  const text = convert(guarded.text, {
    wordwrap: false,
    selectors: [
      { selector: "img", format: "skip" },
      { selector: "head", format: "skip" },
      { selector: "a", options: { hideLinkHrefIfSameAsText: true, linkBrackets: ["(", ")"] } },
      ...["h1", "h2", "h3"].map((selector) => ({ selector, options: { uppercase: false } })),
    ],
  });
  return guarded
    .restore(text)
    .replaceAll(/^[ \t]+$/gm, "")
    .replaceAll(/\n{3,}/g, "\n\n")
    .trim();
}
