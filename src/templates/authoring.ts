/** From what an author writes to what is sent: layout, inlined CSS, plain text, footer, once per version. Saves nothing. */
import type { Problem } from "../core/template.ts";

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

export type AuthoringProblem = Problem & { readonly field: "subject" | "preheader" | "body" | "text" };

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
] as const;

export async function author(
  _draft: Draft,
  _known: ReadonlySet<string>,
): Promise<{ readonly compiled: Compiled } | { readonly problems: readonly AuthoringProblem[] }> {
  throw new Error("not yet");
}
