/** A Schedule as a draft holds it: the rows and settings the contract of Campaigns knows, and nothing else. */
import type { z } from "zod";
import { campaignEdit, stepInput } from "../campaigns/api.ts";
import type { get } from "../campaigns/campaigns.ts";

type Campaign = Awaited<ReturnType<typeof get>>;

/** What is scheduled by; a name or a description is changed at once. */
const settings = campaignEdit.omit({ name: true, description: true });
type Settings = z.output<typeof settings>;
export type Content = { readonly steps: z.output<typeof stepInput>[]; readonly settings: Settings };

/** What is published, in the shape of a draft, so that the two can be compared and one put in the other's place. */
export function contentOf(campaign: Campaign): Content {
  const plain = JSON.parse(JSON.stringify(campaign)) as Record<string, unknown> & { steps: Record<string, unknown>[] };
  return {
    steps: plain.steps.map((step) => stepInput.parse(picked(step, stepInput.shape))),
    settings: settings.parse(picked(plain, settings.shape)),
  };
}

/**
 * What a version said, from the rows it was kept as, so that it can be drafted again. A step that was removed since cannot
 * come back: it stands there without its id, as a new one.
 */
export function contentOfRows(campaign: string, steps: string, there: ReadonlySet<number>): Content {
  const rows = (JSON.parse(steps) as Row[]).map((row) => picked(byField(row), stepInput.shape));
  return {
    steps: rows.map(({ id, ...row }) => stepInput.parse(there.has(id as number) ? { id, ...row } : row)),
    settings: settings.parse(picked(byField(JSON.parse(campaign) as Row), settings.shape)),
  };
}

type Row = Record<string, unknown>;

/** Columns by the names of fields: `send_after_days` is `sendAfterDays`. */
const byField = (row: Row): Row =>
  Object.fromEntries(
    Object.entries(row).map(([column, value]) => [
      column.replaceAll(/_([a-z])/g, (_, letter: string) => letter.toUpperCase()),
      value,
    ]),
  );

function picked(from: Record<string, unknown>, shape: object): Record<string, unknown> {
  return Object.fromEntries(Object.keys(shape).flatMap((key) => (key in from ? [[key, from[key]]] : [])));
}
