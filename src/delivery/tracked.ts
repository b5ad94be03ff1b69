/** The bytes of a mail in which opening or clicking is measured: both ways of rendering give the same. Sends nothing. */
import { randomBytes } from "node:crypto";
import {
  type CompiledMessage,
  compileMessage,
  compose,
  composeRendered,
  type Content,
  type Envelope,
} from "../core/message.ts";
import { parseTemplate, type Template, textRenderer } from "../core/template.ts";
import { signPersonal, slotsOf, trackedHtml, type TrackedHtml, type Tracking } from "../core/tracked-content.ts";
import { renderInSandbox } from "../templates/sandbox.ts";
import type { ContentVersion } from "../templates/templates.ts";

type Variables = Readonly<Record<string, unknown>>;
type Message = { readonly messageId: number; readonly tracking: Tracking };

/** Stands in no mail; another one in each process. */
const SECRET = randomBytes(12).toString("hex");

/** Composes a mail with its links led through us and its picture: what is measured, `tracking` says. */
export async function trackedBytes(
  version: ContentVersion,
  { messageId, tracking }: Message,
  own: Variables,
  envelope: Envelope,
): Promise<Buffer> {
  const made = prepared(version, tracking);
  const variables = { ...own, ...slotsOf(made.tracked, tracking, messageId) };
  if (made.compiled) return compose(made.compiled, variables, envelope);
  const { subject, html, text } = made.plain
    ? { subject: made.plain.subject(variables), html: made.plain.html(variables), text: made.plain.text(variables) }
    : await renderInSandbox(made.content, variables);
  const about = { messageId, versionId: version.id };
  return composeRendered({ subject, html: signPersonal(html, made.tracked, tracking, about, SECRET), text }, envelope);
}

type Prepared = {
  readonly tracked: TrackedHtml;
  readonly content: Content;
  /** Of the subset, and without personal addresses, which can be signed only once they are rendered. */
  readonly compiled: CompiledMessage | null;
  /** Of the subset. */
  readonly plain: Readonly<Record<keyof Content, (variables: Variables) => string>> | null;
};

/** By version, for each way of measuring: there are few. */
const preparedVersions = new WeakMap<ContentVersion, Map<string, Prepared>>();
const MOST_WAYS = 8;

function prepared(version: ContentVersion, tracking: Tracking): Prepared {
  const { base, opens, clicks } = tracking;
  const key = `${opens} ${clicks} ${base}`;
  const ways = preparedVersions.get(version) ?? new Map<string, Prepared>();
  preparedVersions.set(version, ways);
  const known = ways.get(key);
  if (known) return known;
  const tracked = trackedHtml(version.compiledHtml, tracking, SECRET);
  const content = { subject: version.compiledSubject, html: tracked.html, text: version.compiledText };
  const personal = tracked.links.some((link) => link.personal);
  const made = {
    tracked,
    content,
    compiled: version.general || personal ? null : compileMessage(content),
    plain: version.general ? null : rendererOf(content),
  };
  if (ways.size >= MOST_WAYS) ways.clear();
  ways.set(key, made);
  return made;
}

function rendererOf({ subject, html, text }: Content): NonNullable<Prepared["plain"]> {
  return {
    subject: textRenderer(parsed(subject), "none"),
    html: textRenderer(parsed(html), "html"),
    text: textRenderer(parsed(text), "none"),
  };
}

function parsed(source: string): Template {
  const read = parseTemplate(source);
  if ("template" in read) return read.template;
  throw new Error(`Not a template of the subset: ${read.problems[0]?.message}`);
}
