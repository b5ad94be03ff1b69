/** Writes Campaigns and their templates into a folder, as plan and apply read it. Gives keys to what has none. */
import { mkdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import * as campaigns from "../campaigns/campaigns.ts";
import { conditionWriter } from "../campaigns/written-conditions.ts";
import type { Condition } from "../core/conditions.ts";
import { type Variants, variantsOf } from "../core/variants.ts";
import { type Db, inTransaction } from "../db/database.ts";
import * as templates from "../templates/templates.ts";
import { writtenStart } from "./automatic-start.ts";
import { giveKeys, keyFrom, keysOf, type Kind } from "./keys.ts";
import { settingFields, stepFields, WRITTEN_IN_SETTINGS, WRITTEN_IN_STEP, yamlOf } from "./read.ts";

const MOST = 500;
const ENDINGS: Readonly<Record<string, string>> = { markdown: "md", mjml: "mjml", html: "html", blocks: "json" };

/** @returns the files written, relative to the folder. */
export async function exportFolder(db: Db, directory: string): Promise<string[]> {
  const { all, contents, keyOf, writer, starts } = await inTransaction(db, async (tx) => {
    const found = await campaigns.list(tx, { limit: MOST });
    const used = found.flatMap(({ steps }) => steps.flatMap(variantsOf));
    const ids = [...new Set(used.map(({ emailTemplateId }) => emailTemplateId))];
    const content = await Promise.all(ids.map((id) => templates.get(tx, id)));
    const known = await keysOf(tx);
    const given: { kind: Kind; key: string; id: number }[] = [];
    const keyed = (kind: Kind, id: number, name: string, within = ""): string => {
      const before = known.keyOf(kind, id) ?? given.find((one) => one.kind === kind && one.id === id)?.key;
      if (before) return before;
      const taken = (key: string) =>
        known.idOf(kind, within + key) !== undefined ||
        given.some((one) => one.kind === kind && one.key === within + key);
      const key = within + keyFrom(name, taken);
      given.push({ kind, key, id });
      return key;
    };
    for (const { id, name } of content) keyed("email-template", id, name);
    for (const { id, name, steps } of found) {
      const key = keyed("campaign", id, name);
      for (const step of steps) keyed("step", step.id, `day-${step.sendAfterDays}`, `${key}/`);
    }
    await giveKeys(tx, given);
    const writer = await conditionWriter(tx);
    const starts = new Map<number, Record<string, unknown>>();
    for (const { id } of found) starts.set(id, await writtenStart(tx, id, writer));
    return { all: found, contents: content, keyOf: (await keysOf(tx)).keyOf, writer, starts };
  });

  const files: string[] = [];
  const write = async (file: string, text: string) => {
    await writeFile(join(directory, file), text, { mode: 0o644 });
    files.push(file);
  };
  for (const folder of ["campaigns", "templates"]) await mkdir(join(directory, folder), { recursive: true });
  for (const { id, name, subject, preheader, format, body, text } of contents) {
    const key = keyOf("email-template", id)!;
    const bodyFile = `${key}.${ENDINGS[format] ?? "txt"}`;
    const textFile = text === null ? null : `${key}.text.txt`;
    await write(`templates/${key}.yaml`, yamlOf({ key, name, subject, preheader, format, bodyFile, textFile }));
    await write(`templates/${bodyFile}`, body);
    if (textFile) await write(`templates/${textFile}`, text!);
  }
  for (const campaign of all) {
    const key = keyOf("campaign", campaign.id)!;
    const plain = JSON.parse(JSON.stringify(campaign)) as Record<string, unknown> & {
      steps: Record<string, unknown>[];
    };
    const stepName = (step: number) => keyOf("step", step)?.slice(key.length + 1) ?? String(step);
    const inWords = (from: Record<string, unknown>, fields: readonly string[]) =>
      Object.fromEntries(
        fields.flatMap((field) => (from[field] ? [[field, writer.write(from[field] as Condition, stepName)]] : [])),
      );
    /** Variants name their templates as steps do. */
    const inKeys = (variants: Variants | null) =>
      variants
        ? {
            variants: {
              weight: variants.weight,
              others: variants.others.map(({ emailTemplateId, ...other }) => ({
                ...other,
                template: keyOf("email-template", emailTemplateId)!,
              })),
              ...(variants.winner && { winner: said({ ...variants.winner }, variants.winner) }),
            },
          }
        : {};
    const schedule = plain.steps.map((step) => ({
      key: keyOf("step", Number(step["id"]))!.slice(key.length + 1),
      ...said(step, stepFields.shape),
      ...inWords(step, WRITTEN_IN_STEP),
      ...inKeys(step["variants"] as Variants | null),
      template: keyOf("email-template", Number(step["emailTemplateId"]))!,
    }));
    const settings = { ...said(plain, settingFields.shape), ...inWords(plain, WRITTEN_IN_SETTINGS) };
    const { name, description } = campaign;
    const automaticStart = starts.get(campaign.id);
    const whole = { key, campaign: name, description, ...settings, automaticStart, schedule };
    await write(`campaigns/${key}.yaml`, yamlOf(whole));
  }
  return files;
}

function said(from: Record<string, unknown>, shape: object): Record<string, unknown> {
  return Object.fromEntries(
    Object.keys(shape).flatMap((key) => {
      const value = from[key];
      return value === undefined || value === null ? [] : [[key, value]];
    }),
  );
}
