/** The strict Jinja subset that templates are made of: checked when saved, rendered per person. Never runs author's code. */

/** Where a template is wrong; line and column count from 1. */
export type Problem = {
  readonly line: number;
  readonly column: number;
  readonly code: string;
  readonly message: string;
};

/** A name a template asks for, as a dotted path without a leading `doc.`. */
export type Variable = {
  readonly path: string;
  readonly line: number;
  readonly column: number;
  /** The template says itself what to do without it: `default(…)`, `is defined`. */
  readonly hasDefault: boolean;
};

export type Template = { readonly source: string; readonly variables: readonly Variable[] };

/** Thrown when a template asks for more than it may have; the message is a sentence for its author. */
export class TemplateLimit extends Error {
  override name = "TemplateLimit";
}

/** `beyondSubset`: it may still be good Jinja, for the sandbox to render (its variables are known nevertheless). */
export function parseTemplate(
  _source: string,
):
  | { readonly template: Template }
  | { readonly problems: readonly Problem[]; readonly beyondSubset: boolean; readonly variables: readonly Variable[] } {
  throw new Error("not yet");
}

export function renderTemplate(
  _template: Template,
  _variables: Readonly<Record<string, unknown>>,
  _escape: "html" | "none",
): string {
  throw new Error("not yet");
}

export function unknownVariables(
  _template: { readonly variables: readonly Variable[] },
  _known: ReadonlySet<string>,
): Problem[] {
  throw new Error("not yet");
}
