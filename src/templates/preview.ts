/** Shows what a mail would look like, for a person or for given values. Saves nothing and sends nothing. */
import type { z } from "zod";
import { findSender, workspace } from "../accounts/accounts.ts";
import { refuse } from "../core/problem.ts";
import { isMissing } from "../core/template-values.ts";
import { parseTemplate, renderTemplate, TemplateLimit } from "../core/template.ts";
import type { Db } from "../db/database.ts";
import * as people from "../people/people.ts";
import type { previewInput } from "./api.ts";
import type { Compiled } from "./authoring.ts";
import { renderInSandbox } from "./sandbox.ts";
import { asWritten, signatureVariables } from "./signature.ts";
import { check } from "./templates.ts";

type Asked = z.output<typeof previewInput>;
type Told = {
  readonly code: string;
  readonly message: string;
  readonly field?: string;
  readonly block?: string | null;
  readonly line: number;
  readonly column: number;
};
type About = Pick<Asked, "personId" | "senderId" | "campaignName" | "variables">;

/** Renders content that may not be saved yet; what a save would refuse is told as an error, with its place (E79). */
export async function preview(
  db: Db,
  { personId, senderId, campaignName, on, variables, ...content }: Asked,
  now: Temporal.Instant,
) {
  const day: Record<string, string> = on === null ? {} : { today: on };
  const values = await valuesFor(db, { personId, senderId, campaignName, variables: { ...day, ...variables } }, now);
  const authored = await check(db, content);
  if ("problems" in authored)
    return { ...NOTHING, preheader: content.preheader, problems: authored.problems.map((one) => told("error", one)) };
  const { compiled } = authored;
  const warnings = compiled.warnings.map((warning) => ({ field: "body", ...warning }));
  const usedVariables = [...new Set(compiled.variables.map(asWritten))];
  try {
    const mail = await renderedContent(compiled, values);
    return {
      ...mail,
      preheader: content.preheader && (await preheaderOf(compiled, content.preheader, values)),
      warnings,
      problems: warnings.map((one) => told("warning", one)),
      usedVariables,
      missing: usedVariables.filter((name) => isMissing(values[name]) || values[name] === ""),
      sizeBytes: Buffer.byteLength(mail.html),
    };
  } catch (error) {
    if (!(error instanceof TemplateLimit)) throw error;
    const problem = { code: "limit", message: error.message, field: "body", line: 1, column: 1 };
    return { ...NOTHING, preheader: content.preheader, usedVariables, problems: [told("error", problem)] };
  }
}

const NOTHING = { subject: "", html: "", text: "", warnings: [], usedVariables: [], missing: [], sizeBytes: 0 };

/** What a template finds: as in a real mail, but for links that lead nowhere. */
export async function valuesFor(
  db: Db,
  { personId, senderId, campaignName, variables }: About,
  now: Temporal.Instant,
): Promise<Record<string, unknown>> {
  const settings = await workspace(db);
  const sender =
    senderId === null
      ? null
      : ((await findSender(db, senderId)) ??
        refuse("sender-not-found", `There is no sender ${senderId}.`, "/senderId"));
  const person = personId === null ? {} : people.templateVariables(await people.get(db, personId));
  const signature = signatureVariables(sender);
  return {
    unsubscribe_url: "#",
    postal_address: settings.postalAddress,
    workspace_name: settings.name,
    sender_name: sender?.name ?? null,
    sender_email: sender?.email ?? null,
    ...signature,
    signature: signature.signature_text,
    campaign_name: campaignName,
    today: now.toZonedDateTimeISO(settings.timeZone).toPlainDate().toString(),
    ...person,
    ...variables,
  };
}

/** Subject, HTML and text for these values. Throws TemplateLimit. */
export function renderedContent(
  compiled: Pick<Compiled, "subject" | "html" | "text" | "general">,
  values: Record<string, unknown>,
) {
  if (compiled.general) return renderInSandbox(compiled, values);
  return Promise.resolve({
    subject: rendered(compiled.subject, values, "none"),
    html: rendered(compiled.html, values, "html"),
    text: rendered(compiled.text, values, "none"),
  });
}

async function preheaderOf({ general }: Compiled, preheader: string, values: Record<string, unknown>): Promise<string> {
  if (!general) return rendered(preheader, values, "none");
  return (await renderInSandbox({ subject: preheader, html: "", text: "" }, values)).subject;
}

function told(severity: "error" | "warning", { code, message, field = "body", line, column, block = null }: Told) {
  return { severity, text: message, code, field, line, column, block };
}

function rendered(source: string, values: Record<string, unknown>, escape: "html" | "none"): string {
  const parsed = parseTemplate(source);
  if ("template" in parsed) return renderTemplate(parsed.template, values, escape);
  throw new Error(`A compiled template does not parse: ${parsed.problems[0]?.message}`);
}
