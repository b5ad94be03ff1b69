/** Front door of the checks: everything that can be said of a mail while it is written. Saves, sends and fetches nothing. */
import type { z } from "zod";
import { sql } from "kysely";
import { workspace } from "../../accounts/accounts.ts";
import { allBlocks, readBlocks } from "../../core/blocks/document.ts";
import { composeRendered } from "../../core/message.ts";
import { parseTemplate, TemplateLimit } from "../../core/template.ts";
import type { Db } from "../../db/database.ts";
import * as people from "../../people/people.ts";
import type { checkInput } from "../api.ts";
import type { Compiled } from "../authoring.ts";
import { renderedContent, valuesFor } from "../preview.ts";
import { asWritten } from "../signature.ts";
import * as templates from "../templates.ts";
import { examplePerson } from "../variables.ts";
import { clientSupport } from "./clients.ts";
import type { Finding } from "./finding.ts";
import { looksOf, OWN_LINK } from "./looks.ts";
import { spamVerdict } from "./spam.ts";

type Asked = z.output<typeof checkInput>;

/** Checks what may not be saved yet. What a save would refuse comes alone: the rest could not be looked at. */
export async function checkMail(db: Db, asked: Asked, now: Temporal.Instant) {
  const { subject, preheader, format, body, text } = asked;
  const content = { subject, preheader, format, body, text };
  const nothing = { sizeBytes: 0, people: null, spam: null };
  const authored = await templates.check(db, content, { mark: true });
  if ("problems" in authored)
    return {
      ...nothing,
      findings: authored.problems.map(({ code, message, field, line, column, block = null }) => ({
        code,
        severity: "error" as const,
        text: message,
        field,
        line,
        column,
        block,
        clients: [],
      })),
    };
  const { compiled } = authored;
  const settings = await workspace(db);
  const example = asked.personId === null ? withLinks(await examplePerson(db)) : {};
  const own = { unsubscribe_url: OWN_LINK };
  const values = await valuesFor(db, { ...asked, campaignName: "Example", variables: { ...example, ...own } }, now);
  let mail: { subject: string; html: string; text: string };
  try {
    mail = await renderedContent(compiled, values);
  } catch (error) {
    if (!(error instanceof TemplateLimit)) throw error;
    const finding = { code: "limit", severity: "error" as const, text: error.message, field: "body" as const };
    return { ...nothing, findings: [placed(content, finding)] };
  }
  const addressless: Finding[] = settings.postalAddress
    ? []
    : [
        {
          code: "postal-address-missing",
          severity: "warning",
          text: "The workspace has no postal address. The law of many countries asks for one in such mail.",
          field: "body",
        },
      ];
  const warnings = compiled.warnings
    .filter(({ code }) => code !== "clipped")
    .map((one) => ({
      field: "body",
      block: null,
      ...one,
      severity: "warning" as const,
      text: one.message,
      clients: [],
    }));
  const looks = looksOf({ ...mail, preheader }, await weightsOf(db, mail.html));
  const found = [...blockFindings(content), ...looks, ...addressless, ...(await clientSupport(mail.html))];
  return {
    findings: [...warnings, ...found.toSorted(bySeverity).map((one) => placed(content, one))],
    sizeBytes: Buffer.byteLength(mail.html),
    people: await lackingOf(db, asked, compiled),
    spam: asked.spam ? await spamVerdict(asSent(mail, now)) : null,
  };
}

/** A made-up person's addresses are no placeholders of the author's. */
const withLinks = (example: Record<string, string>) =>
  Object.fromEntries(
    Object.entries(example).map(([name, value]) => [
      name,
      /^https?:/.test(value) ? "https://somebody.tidings.dev" : value,
    ]),
  );

const RANK = { error: 0, warning: 1, hint: 2 } as const;
const bySeverity = (one: Finding, other: Finding) => RANK[one.severity] - RANK[other.severity];

type Content = { readonly format: string; readonly body: string };

/** The finding at the line of the source that holds what it is about; at its block where there are blocks. */
function placed({ format, body }: Content, { quote, block = null, clients = [], ...finding }: Finding) {
  const wanted = format === "blocks" ? (block === null ? null : `"id": "${block}"`) : quote;
  // In quotes first: a bare “#” stands in every colour.
  const at =
    finding.field === "body" && wanted
      ? ([`"${wanted}"`, wanted].map((one) => body.indexOf(one)).find((one) => one >= 0) ?? -1)
      : -1;
  const before = at < 0 ? "" : body.slice(0, at);
  return {
    ...finding,
    block: format === "blocks" ? block : null,
    line: at < 0 ? null : before.split("\n").length,
    column: at < 0 ? null : at - before.lastIndexOf("\n"),
    clients: [...clients],
  };
}

/** What the blocks say of themselves: HTML cannot tell a picture that is decoration from one whose words were forgotten. */
function blockFindings({ format, body }: Content): Finding[] {
  if (format !== "blocks") return [];
  const read = readBlocks(body);
  if ("problems" in read) return [];
  return allBlocks(read.document.blocks).flatMap((one): Finding[] => {
    if (one.type !== "image" || one.decorative || one.alt.trim() !== "" || one.src === "") return [];
    const text = "The picture has no alternative text. Say what it shows, or that it is only decoration.";
    return [{ code: "image-alt", severity: "warning", text, field: "body", block: one.id }];
  });
}

/** The bytes of our own pictures, by their address. Others are not fetched. */
async function weightsOf(db: Db, html: string): Promise<ReadonlyMap<string, number>> {
  const ours = new Map(
    [...html.matchAll(/https?:\/\/[^\s"'<>]+\/i\/([0-9a-f]{32})\.\w+/g)].map(([url, hash = ""]) => [url, hash]),
  );
  if (ours.size === 0) return new Map();
  const rows = await db
    .selectFrom("images")
    .select(["hash", "sizeBytes"])
    .where(sql<string>`left(hash, 32)`, "in", [...new Set(ours.values())].slice(0, 200))
    .execute();
  const bytes = new Map(rows.map(({ hash, sizeBytes }) => [hash.slice(0, 32), sizeBytes]));
  return new Map([...ours].map(([url, hash]) => [url, bytes.get(hash) ?? 0]));
}

async function lackingOf(db: Db, { campaignId, emailGroupId, filter }: Asked, compiled: Compiled) {
  if (campaignId === null && emailGroupId === null && filter === null) return null;
  const { kind: _kind, ...rest } = filter ?? {};
  let among = await people.matching(db, {
    ...rest,
    ...(filter?.kind ? { kind: filter.kind } : {}),
    ...(emailGroupId === null ? {} : { emailGroupId }),
  });
  if (campaignId !== null)
    among = among.where(
      "people.id",
      "in",
      db
        .selectFrom("emailCampaigns")
        .select("emailCampaigns.personId")
        .where("emailCampaigns.campaignId", "=", campaignId)
        .where("emailCampaigns.status", "in", ["Scheduled", "In Progress", "Paused"]) as never,
    );
  const defaults = defaultsOf(compiled);
  const found = await people.lacking(db, among, [...defaults.keys()]);
  const lacking = found.lacking.map((one) => ({
    ...one,
    people: [...one.people],
    hasDefault: defaults.get(one.variable) ?? false,
  }));
  return { of: found.of, lacking };
}

/** The variables of a mail, and whether each of their places says what stands there instead. */
function defaultsOf({ subject, html, text }: Compiled): ReadonlyMap<string, boolean> {
  const found = new Map<string, boolean>();
  for (const source of [subject, html, text]) {
    const parsed = parseTemplate(source);
    for (const { path, hasDefault } of "template" in parsed ? parsed.template.variables : parsed.variables) {
      const name = asWritten(path.split(".")[0] ?? path);
      found.set(name, (found.get(name) ?? true) && hasDefault);
    }
  }
  return found;
}

/** The mail as it would leave, between made-up addresses. */
function asSent(mail: { subject: string; html: string; text: string }, now: Temporal.Instant): Buffer {
  return composeRendered(mail, {
    messageId: "<check.0123456789abcdef01234567@tidings.invalid>",
    date: now,
    from: { name: "Sender", address: "sender@tidings.invalid" },
    to: { name: null, address: "reader@tidings.invalid" },
    replyTo: null,
    unsubscribeUrl: OWN_LINK,
    unsubscribeMailto: null,
    listId: null,
    boundary: "tidings-check",
  });
}
