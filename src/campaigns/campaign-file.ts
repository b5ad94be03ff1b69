/** Reads a campaign from a YAML file into checked data, all problems at once. Writes nothing and sends nothing. */
import { readFile } from "node:fs/promises";
import { basename, dirname, extname, resolve } from "node:path";
import { type Document, LineCounter, parseDocument } from "yaml";
import { z } from "zod";
import { type Fault, refuse } from "../core/problem.ts";
import type { ContentFormat } from "../db/tables.ts";
import { dayInput, line, timeOfDay } from "../http/contract.ts";
import { campaignTiming, stepTiming, variantsWith } from "./api.ts";

/** As core/condition-text reads it; what it names is looked for once the Campaign is made. */
export const writtenCondition = z.string().trim().min(1).max(5000);

const contentInFile = {
  subject: line(998),
  preheader: z.string().optional(),
  format: z.enum(["markdown", "html", "mjml", "blocks"]).optional(),
  body: z.string().optional(),
  bodyFile: z.string().optional(),
  text: z.string().optional(),
  textFile: z.string().optional(),
};

const stepInFile = z.strictObject({
  sendAfterDays: z.int().min(0, "A step is sent 0 or more days after the start.").max(3650),
  ...contentInFile,
  timeOfDay: timeOfDay.optional(),
  expiresAfterDays: z.int().min(0).max(365).optional(),
  timing: stepTiming.strict().optional(),
  onlyIf: writtenCondition.optional(),
  stopIf: writtenCondition.optional(),
  variants: variantsWith(contentInFile).optional(),
});

const campaignInFile = z.strictObject({
  campaign: line(),
  description: z.string().optional(),
  sender: z.strictObject({ name: line(), email: z.string(), replyTo: z.string().optional() }),
  postalAddress: z.string().trim().min(1).optional(),
  for: z.enum(["lead", "contact"]).default("lead"),
  startDate: z.union([z.literal("today"), dayInput]).default("today"),
  timeOfDay: timeOfDay.optional(),
  timeZone: z.string().refine(isTimeZone, "Not a time zone we know; write it as Europe/Lisbon.").optional(),
  expiresAfterDays: z.int().min(0).max(365).optional(),
  timing: campaignTiming.strict().optional(),
  stopIf: writtenCondition.optional(),
  goal: writtenCondition.optional(),
  schedule: z.array(stepInFile).min(1, "A campaign needs at least one step to run."),
});

export type FileContent = {
  readonly subject: string;
  readonly preheader: string | null;
  readonly format: ContentFormat;
  readonly body: string;
  readonly text: string | null;
};

type VariantsInFile = NonNullable<z.output<typeof stepInFile>["variants"]>;

/** A step of a campaign file with its content read. */
export type FileStep = {
  sendAfterDays: number;
  timeOfDay: Temporal.PlainTime | null;
  expiresAfterDays: number | null;
  timing: z.output<typeof stepTiming> | null;
  onlyIf: string | null;
  stopIf: string | null;
  content: FileContent;
  variants:
    | (Omit<VariantsInFile, "others"> & {
        others: (Pick<VariantsInFile["others"][number], "letter" | "weight"> & { content: FileContent })[];
      })
    | null;
};

export type CampaignFile = Omit<z.output<typeof campaignInFile>, "schedule" | "timeOfDay"> & {
  timeOfDay: Temporal.PlainTime | null;
  steps: FileStep[];
};

const FORMATS: Record<string, ContentFormat> = {
  ".mjml": "mjml",
  ".html": "html",
  ".htm": "html",
  ".md": "markdown",
  ".json": "blocks",
};

/**
 * Reads and checks a campaign file; files it names are looked for beside it.
 * @throws Refusal `campaign-file-invalid` with every problem, its pointer and line.
 */
export async function readCampaignFile(path: string): Promise<CampaignFile> {
  const source = await readFile(path, "utf8").catch(() =>
    refuse("campaign-file-missing", `The campaign file ${path} cannot be read.`),
  );
  const counter = new LineCounter();
  const document = parseDocument(source, { lineCounter: counter, prettyErrors: false });
  const [broken] = document.errors;
  if (broken) {
    const { line: row, col } = counter.linePos(broken.pos[0]);
    refuse("campaign-file-invalid", `${basename(path)}, line ${row}, column ${col}: ${broken.message}`);
  }
  const parsed = campaignInFile.safeParse(valueOf(document, path));
  if (!parsed.success) {
    const faults = parsed.error.issues.map((issue) => {
      const node = document.getIn(issue.path, true) as { range?: [number, number, number] } | undefined;
      const row = node?.range ? counter.linePos(node.range[0]).line : null;
      return { pointer: pointerTo(issue.path), detail: row ? `line ${row}: ${issue.message}` : issue.message };
    });
    refuse("campaign-file-invalid", summary(path, faults), faults);
  }
  const { schedule, timeOfDay: campaignTime, ...file } = parsed.data;
  const steps = await Promise.all(schedule.map((step, index) => readStep(path, step, index)));
  return { ...file, timeOfDay: timeOrNull(campaignTime), steps };
}

/** Aliases that name nothing, or multiply without end, are known only now. */
function valueOf(document: Document.Parsed, path: string): unknown {
  try {
    return document.toJS({ maxAliasCount: 10 });
  } catch (error) {
    if (!(error instanceof ReferenceError)) throw error;
    return refuse("campaign-file-invalid", `${basename(path)}: ${error.message}`);
  }
}

async function readStep(file: string, step: z.output<typeof stepInFile>, index: number): Promise<FileStep> {
  const [of, at] = [`Step ${index + 1}`, `/schedule/${index}`];
  const others = (step.variants?.others ?? []).map(async ({ letter, weight, ...content }, other) => ({
    letter,
    weight,
    content: await readContent(file, content, `${of}, variant ${letter}`, `${at}/variants/others/${other}`),
  }));
  return {
    sendAfterDays: step.sendAfterDays,
    timeOfDay: timeOrNull(step.timeOfDay),
    expiresAfterDays: step.expiresAfterDays ?? null,
    timing: step.timing ?? null,
    onlyIf: step.onlyIf ?? null,
    stopIf: step.stopIf ?? null,
    content: await readContent(file, step, of, at),
    variants: step.variants ? { ...step.variants, others: await Promise.all(others) } : null,
  };
}

type ContentInFile = z.output<z.ZodObject<typeof contentInFile>>;

/** A text is in the campaign file or in one beside it. */
async function readContent(file: string, given: ContentInFile, of: string, at: string): Promise<FileContent> {
  const { subject, preheader, format, body, bodyFile, text, textFile } = given;
  if ((body === undefined) === (bodyFile === undefined))
    refuse("campaign-file-invalid", `${of} needs either body or bodyFile, and not both.`, at);
  const read = (name: string, pointer: string) =>
    readFile(resolve(dirname(file), name), "utf8").catch(() =>
      refuse("campaign-file-invalid", `${of}: the file ${name} cannot be read.`, `${at}/${pointer}`),
    );
  return {
    subject,
    preheader: preheader ?? null,
    format: format ?? FORMATS[extname(bodyFile ?? "").toLowerCase()] ?? "markdown",
    body: bodyFile === undefined ? body! : await read(bodyFile, "bodyFile"),
    text: (textFile === undefined ? text : await read(textFile, "textFile")) ?? null,
  };
}

const timeOrNull = (text: string | undefined) => (text === undefined ? null : Temporal.PlainTime.from(text));

const pointerTo = (path: readonly PropertyKey[]) =>
  path.map((key) => `/${String(key).replaceAll("~", "~0").replaceAll("/", "~1")}`).join("");

function summary(path: string, faults: readonly Fault[]): string {
  const first = faults[0]!;
  const more = faults.length > 1 ? ` (and ${faults.length - 1} more)` : "";
  return `${basename(path)}: ${first.pointer.slice(1).replaceAll("/", ".") || "file"}: ${first.detail}${more}`;
}

function isTimeZone(name: string): boolean {
  try {
    return Boolean(new Intl.DateTimeFormat("en", { timeZone: name }));
  } catch {
    return false;
  }
}
