/** Reads a folder of Campaigns into checked data, all problems at once, each with its file and line. Writes nothing. */
import { readdir, readFile } from "node:fs/promises";
import { join } from "node:path";
import { type Document, LineCounter, parseDocument, stringify } from "yaml";
import { z } from "zod";
import { writtenCondition } from "../campaigns/campaign-file.ts";
import { campaignEdit, MAX_STEPS, stepInput, variantsWith } from "../campaigns/api.ts";
import { type Fault, refuse } from "../core/problem.ts";
import { line } from "../http/contract.ts";
import { templateInput } from "../templates/api.ts";
import { automaticStartInFile } from "./automatic-start.ts";

const key = z.string().regex(/^[a-z0-9][a-z0-9-]{0,79}$/, "A key is made of small letters, digits and hyphens.");

/** Every field a step or a Campaign has in the API stands in a file by the same name. */
export const stepFields = stepInput.omit({ id: true, emailTemplateId: true });
export const settingFields = campaignEdit.omit({ name: true, description: true });

/** Conditions stand in a file in words. */
const written = writtenCondition.nullable().optional();
export const WRITTEN_IN_STEP = ["onlyIf", "stopIf"] as const;
export const WRITTEN_IN_SETTINGS = ["stopIf", "goal"] as const;

const campaignFile = settingFields.extend({
  stopIf: written,
  goal: written,
  automaticStart: automaticStartInFile.optional(),
  key,
  campaign: line(),
  description: z.string().max(5000).nullable().default(null),
  schedule: z
    .array(
      stepFields
        .extend({
          onlyIf: written,
          stopIf: written,
          key,
          template: key,
          variants: variantsWith({ template: key }).nullish(),
        })
        .strict(),
    )
    .max(MAX_STEPS),
});
const templateFile = templateInput
  .omit({ body: true, text: true })
  .extend({ key, bodyFile: line(), textFile: line().optional() });

export type CampaignOfFile = z.output<typeof campaignFile> & { readonly file: string; readonly lineOf: LineOf };
export type TemplateOfFile = Omit<z.output<typeof templateFile>, "bodyFile" | "textFile"> & {
  readonly file: string;
  readonly body: string;
  readonly text: string | null;
};
type LineOf = (path: readonly PropertyKey[]) => number | null;
export type Folder = { readonly campaigns: readonly CampaignOfFile[]; readonly templates: readonly TemplateOfFile[] };

/** Folders of this size are read; a larger one is no folder of Campaigns. */
const MOST_FILES = 2000;

/** @throws Refusal `campaign-files-invalid` with every problem: `campaigns/welcome.yaml, line 7: …`. */
export async function readFolder(directory: string): Promise<Folder> {
  const faults: Fault[] = [];
  const templates: TemplateOfFile[] = [];
  for (const { file, data } of await documents(directory, "templates", templateFile.strict(), faults)) {
    const { bodyFile, textFile, ...rest } = data;
    const body = await content(directory, file, bodyFile, faults);
    const text = textFile === undefined ? null : await content(directory, file, textFile, faults);
    templates.push({ ...rest, file, body: body ?? "", text });
  }
  const campaigns = (await documents(directory, "campaigns", campaignFile.strict(), faults)).map(
    ({ file, data, lineOf }): CampaignOfFile => ({ ...data, file, lineOf }),
  );
  const known = unique(templates, faults);
  unique(campaigns, faults);
  for (const { file, schedule, lineOf } of campaigns) {
    const steps = new Set<string>();
    for (const [index, step] of schedule.entries()) {
      const named = [
        { path: ["template"], template: step.template },
        ...(step.variants?.others ?? []).map(({ template }, at) => ({
          path: ["variants", "others", at, "template"],
          template,
        })),
      ];
      for (const { path, template } of named)
        if (!known.has(template))
          faults.push(
            fault(file, lineOf(["schedule", index, ...path]), `There is no template “${template}” in templates/.`),
          );
      if (steps.has(step.key))
        faults.push(fault(file, lineOf(["schedule", index, "key"]), `The key “${step.key}” stands for two steps.`));
      steps.add(step.key);
    }
  }
  if (faults.length > 0) refuse("campaign-files-invalid", faults.map(({ detail }) => detail).join("\n"), faults);
  if (campaigns.length + templates.length === 0)
    refuse("campaign-files-missing", `There are no campaigns/*.yaml or templates/*.yaml in ${directory}.`);
  return { campaigns, templates };
}

export function fault(file: string, row: number | null, detail: string): Fault {
  return { pointer: `/${file}`, detail: `${file}${row === null ? "" : `, line ${row}`}: ${detail}` };
}

function unique(items: readonly { readonly key: string; readonly file: string }[], faults: Fault[]): Set<string> {
  const files = new Map<string, string>();
  for (const { key: name, file } of items) {
    const other = files.get(name);
    if (other) faults.push(fault(file, null, `The key “${name}” is that of ${other} too.`));
    files.set(name, file);
  }
  return new Set(files.keys());
}

async function documents<Schema extends z.ZodType>(directory: string, folder: string, schema: Schema, faults: Fault[]) {
  const names = await readdir(join(directory, folder)).catch(() => []);
  const found: { file: string; data: z.output<Schema>; lineOf: LineOf }[] = [];
  for (const name of names
    .filter((one) => /\.ya?ml$/.test(one))
    .toSorted()
    .slice(0, MOST_FILES)) {
    const file = `${folder}/${name}`;
    const counter = new LineCounter();
    const document = parseDocument(await readFile(join(directory, file), "utf8"), {
      lineCounter: counter,
      prettyErrors: false,
    });
    for (const error of document.errors) faults.push(fault(file, counter.linePos(error.pos[0]).line, error.message));
    if (document.errors.length > 0) continue;
    const lineOf: LineOf = (path) => lineIn(document, counter, path);
    const parsed = schema.safeParse(document.toJS({ maxAliasCount: 10 }));
    if (parsed.success) found.push({ file, data: parsed.data, lineOf });
    else
      for (const issue of parsed.error.issues)
        faults.push(fault(file, lineOf(issue.path), `${issue.path.join(".") || "file"}: ${issue.message}`));
  }
  return found;
}

/** Where a value stands, or where what should hold it begins. */
function lineIn(document: Document.Parsed, counter: LineCounter, path: readonly PropertyKey[]): number | null {
  for (let length = path.length; length >= 0; length -= 1) {
    const node = document.getIn(path.slice(0, length), true) as { range?: [number, number, number] } | undefined;
    if (node?.range) return counter.linePos(node.range[0]).line;
  }
  return null;
}

async function content(directory: string, file: string, name: string, faults: Fault[]): Promise<string | null> {
  if (/(^|\/)\.\.(\/|$)|^\//.test(name)) {
    faults.push(fault(file, null, `${name} lies outside the folder.`));
    return null;
  }
  return readFile(join(directory, "templates", name), "utf8").catch(() => {
    faults.push(fault(file, null, `The file templates/${name} cannot be read.`));
    return null;
  });
}

/** What nobody decided is left out. */
export function yamlOf(data: Record<string, unknown>): string {
  const said = Object.fromEntries(Object.entries(data).filter(([, value]) => value !== null));
  return stringify(said, { lineWidth: 0 });
}
