/** A condition said in words, by core's own function, with the names the API has for what it names. Changes nothing. */
import { useQueries } from "@tanstack/react-query";
import { conditionInWords } from "../../../../src/core/condition-words.ts";
import type { Condition, Leaf, OWN_FIELDS } from "../../../../src/core/conditions.ts";
import { language, t } from "../../../i18n.ts";
import { reading, useApi } from "../../../queries.ts";
import { isOpen } from "./rows.ts";

/** A mail of the Schedule that a condition can name: one that was published, for it has a number then. */
export type Mail = { readonly id: number; readonly name: string; readonly day: number };

/** A person's own fields by the labels they have elsewhere. */
export const OWN_LABELS: Readonly<Record<(typeof OWN_FIELDS)[number], () => string>> = {
  kind: () => t("Kind"),
  status: () => t("Status"),
  source: () => t("Source"),
  owner: () => t("Owner"),
  company: () => t("Company"),
  job_title: () => t("Job title"),
  city: () => t("City"),
  state: () => t("State"),
  country: () => t("Country"),
  language: () => t("Language"),
};

export const isOwn = (key: string): key is keyof typeof OWN_LABELS => Object.hasOwn(OWN_LABELS, key);

/** The names of groups and Campaigns that are named; one that is gone, or not read yet, is called by its number. */
function useNames(condition: Condition | null, mails: readonly Mail[]) {
  const leaves = condition ? leavesIn(condition) : [];
  const groups = chosen(leaves.map((leaf) => ("group" in leaf ? leaf.group : 0)));
  const campaigns = chosen(
    leaves.map((leaf) => ("campaign" in leaf ? leaf.campaign : "finished" in leaf ? leaf.finished : 0)),
  );
  const fields = useApi("GET /person-fields", { query: { limit: 200 } });
  const readGroups = useQueries({
    queries: groups.map((id) => ({ ...reading("GET /email-groups/:id", { params: { id } }), retry: false })),
  });
  const readCampaigns = useQueries({
    queries: campaigns.map((id) => ({ ...reading("GET /campaigns/:id", { params: { id } }), retry: false })),
  });
  return {
    group: (id: number) => readGroups[groups.indexOf(id)]?.data?.title ?? String(id),
    campaign: (id: number) => readCampaigns[campaigns.indexOf(id)]?.data?.name ?? String(id),
    step: (id: number) => mails.find((mail) => mail.id === id)?.name ?? String(id),
    field: (key: string) =>
      isOwn(key) ? OWN_LABELS[key]() : (fields.data?.data.find((field) => field.key === key)?.label ?? key),
  };
}

/** Core's own is not taken: with it all of its checks would come to the browser. */
function leavesIn(condition: Condition): Leaf[] {
  if ("all" in condition) return condition.all.flatMap(leavesIn);
  if ("any" in condition) return condition.any.flatMap(leavesIn);
  return "not" in condition ? leavesIn(condition.not) : [condition];
}

const chosen = (ids: readonly number[]) => [...new Set(ids)].filter((id) => id > 0);

/** The sentence by itself. */
export default function InWords({ condition, mails }: { condition: Condition; mails: readonly Mail[] }) {
  const names = useNames(condition, mails);
  if (isOpen(condition)) return <>{t("Something is not chosen yet.")}</>;
  return <>{conditionInWords(condition, names, { language: language() })}</>;
}
