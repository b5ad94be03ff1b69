/** The strict Jinja subset that templates are made of: checked when saved, rendered per person. Never runs author's code. */
import { Budget } from "./template-budget.ts";
import { type Writer, executable } from "./template-evaluate.ts";
import { Mistake, problemAt } from "./template-lexer.ts";
import { nearest } from "./template-names.ts";
import { read } from "./template-parser.ts";
import type { Problem, Statement, Variable } from "./template-syntax.ts";
import { Markup, escapeHtml, printed } from "./template-values.ts";

export { TemplateLimit } from "./template-budget.ts";
export type { Writer } from "./template-evaluate.ts";
export type { Problem, Variable } from "./template-syntax.ts";

export type Template = {
  readonly source: string;
  readonly variables: readonly Variable[];
  readonly statements: readonly Statement[];
};

type Variables = Readonly<Record<string, unknown>>;

/**
 * Reads a template. `beyondSubset`: it may be good Jinja all the same, for the sandbox to render; then the problems say
 * what goes beyond, and the variables are known nevertheless. Otherwise the problem is for the author to mend (E77).
 */
export function parseTemplate(
  source: string,
):
  | { readonly template: Template }
  | { readonly problems: readonly Problem[]; readonly beyondSubset: boolean; readonly variables: readonly Variable[] } {
  const text = source.toWellFormed().replace(/\r\n?/g, "\n");
  try {
    const { statements, variables, beyond } = read(text);
    if (beyond.length > 0) return { problems: beyond, beyondSubset: true, variables };
    return { template: { source, variables, statements } };
  } catch (error) {
    if (!(error instanceof Mistake)) throw error;
    return { problems: [problemAt(text, error)], beyondSubset: false, variables: [] };
  }
}

/**
 * Renders for one person. Values are escaped in HTML and nowhere else (E74); what is missing prints as nothing; data is
 * never read as a template. Throws TemplateLimit at 1 MB of output or 10,000 iterations.
 */
export function renderTemplate(template: Template, variables: Variables, escape: "html" | "none"): string {
  return textRenderer(template, escape)(variables);
}

/** {@link renderTemplate} for many people: prepared once. */
export function textRenderer(template: Template, escape: "html" | "none"): (variables: Variables) => string {
  const render = renderer(template, (text) => text);
  return (variables) => {
    const writer = new TextWriter(escape === "html");
    render(variables, writer);
    return writer.out;
  };
}

/**
 * Prepares a template for many renderings into one kind of writer.
 * @param prepare makes of each text of the template, once, what the writer takes.
 */
export function renderer<Chunk>(
  { statements }: Template,
  prepare: (text: string) => Chunk,
): (variables: Variables, writer: Writer<Chunk>) => void {
  const run = executable(statements, prepare);
  return (variables, writer) =>
    run({ variables, writer, budget: new Budget(), names: { own: new Map(), outer: null } });
}

/** A value as it stands in the output: escaped for HTML unless it is HTML already. */
export const shownValue = (value: unknown, html: boolean): string =>
  html && !(value instanceof Markup) ? escapeHtml(printed(value)) : printed(value);

class TextWriter implements Writer<string> {
  out = "";
  readonly #html: boolean;

  constructor(html: boolean) {
    this.#html = html;
  }

  text(chunk: string): void {
    this.out += chunk;
  }

  value(value: unknown): number {
    const text = shownValue(value, this.#html);
    this.out += text;
    return text.length;
  }
}

/**
 * The variables nobody knows (E75), with their place and the name that was probably meant. The code is
 * `unknown-variable`, or `unknown-variable-with-default` where the template says what to do without it.
 */
export function unknownVariables(
  { variables }: { readonly variables: readonly Variable[] },
  known: ReadonlySet<string>,
): Problem[] {
  return variables
    .filter(({ path }) => path !== "doc" && !known.has(path) && !known.has(path.split(".")[0]!))
    .map(({ path, line, column, hasDefault }) => {
      const close = nearest(path, known);
      return {
        line,
        column,
        code: hasDefault ? "unknown-variable-with-default" : "unknown-variable",
        message: `There is no field “${path}”.${close ? ` Did you mean “${close}”?` : ""}`,
      };
    });
}
