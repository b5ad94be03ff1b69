/** Shows what a mail would look like, for a person or for given values. Saves nothing and sends nothing. */
import type { z } from "zod";
import { workspace } from "../accounts/accounts.ts";
import { parseTemplate, renderTemplate, TemplateLimit } from "../core/template.ts";
import { refuse } from "../core/problem.ts";
import type { Db } from "../db/database.ts";
import * as people from "../people/people.ts";
import type { emailTemplates } from "./api.ts";
import { renderInSandbox } from "./sandbox.ts";
import { compile } from "./templates.ts";

type Asked = z.output<typeof emailTemplates.preview.body>;

/** Renders content that may not be saved yet; what a save would refuse is refused here too (E79). */
export async function preview(db: Db, { personId, variables, ...content }: Asked, now: Temporal.Instant) {
  const compiled = await compile(db, content);
  const settings = await workspace(db);
  const person = personId === null ? {} : people.templateVariables(await people.get(db, personId));
  const values = {
    unsubscribe_url: "#",
    postal_address: settings.postalAddress,
    workspace_name: settings.name,
    today: now.toZonedDateTimeISO(settings.timeZone).toPlainDate().toString(),
    ...person,
    ...variables,
  };
  try {
    const shown = compiled.general
      ? await renderInSandbox(compiled, values)
      : {
          subject: rendered(compiled.subject, values, "none"),
          html: rendered(compiled.html, values, "html"),
          text: rendered(compiled.text, values, "none"),
        };
    const warnings = compiled.warnings.map((warning) => ({ ...warning, field: "body" }));
    return { ...shown, warnings };
  } catch (error) {
    if (error instanceof TemplateLimit) return refuse("email-template-invalid", error.message, "/body");
    throw error;
  }
}

function rendered(source: string, values: Record<string, unknown>, escape: "html" | "none"): string {
  const parsed = parseTemplate(source);
  if ("template" in parsed) return renderTemplate(parsed.template, values, escape);
  throw new Error(`A compiled template does not parse: ${parsed.problems[0]?.message}`);
}
