/** What scopes and reasons of suppressions are called. */
import { t } from "../i18n.ts";

const SCOPES: Readonly<Record<string, () => string>> = {
  campaign: () => t("One Campaign"),
  campaigns: () => t("All Campaigns"),
  everything: () => t("Everything"),
};
const REASONS: Readonly<Record<string, () => string>> = {
  unsubscribed: () => t("unsubscribed"),
  "hard-bounce": () => t("address is dead"),
  "soft-bounces": () => t("came back time after time"),
  complaint: () => t("complained"),
  "do-not-contact": () => t("do not contact"),
  manual: () => t("by hand"),
  imported: () => t("from an import"),
  erased: () => t("erased"),
};

/** What somebody here may lift; what a person asked for themselves is theirs to take back. */
export const mayBeLifted = (reason: string) => ["manual", "imported", "hard-bounce", "soft-bounces"].includes(reason);

export const SUPPRESSION_SCOPES = ["campaign", "campaigns", "everything"] as const;
export const SUPPRESSION_REASONS = Object.keys(REASONS);
export const scopeWord = (scope: string) => SCOPES[scope]?.() ?? scope;
export const suppressionReason = (reason: string) => REASONS[reason]?.() ?? reason;

const HOW_LIFTED: Readonly<Record<string, () => string>> = {
  unsubscribed: () => t("by the person, with the link in a mail"),
  complaint: () => t("by nobody here: the person complained"),
  "do-not-contact": () => t("by changing the person’s status"),
  erased: () => t("by nobody: an erasure is for good"),
  "hard-bounce": () => t("by hand, once the address exists again"),
  "soft-bounces": () => t("by hand, once the mailbox takes mail again"),
  manual: () => t("by hand"),
  imported: () => t("by hand"),
};

/** Which act lets mail go to the address again. */
export const howLifted = (reason: string) => HOW_LIFTED[reason]?.() ?? "";
const ORIGINS: readonly (readonly [RegExp, (number: string) => string])[] = [
  [/^a notice about message (\d+)$/, (number) => t("a notice that mail {number} came back", { number })],
  [/^a complaint about message (\d+)$/, (number) => t("a complaint about mail {number}", { number })],
  [/^an email about message (\d+)$/, (number) => t("an email that asked for it, about mail {number}", { number })],
  [/^the link in message (\d+)$/, (number) => t("the link in mail {number}", { number })],
  [/^the server's answer to message (\d+)$/, (number) => t("the server’s answer to mail {number}", { number })],
];

/** Where a suppression comes from; the mail it is about as `message-7`, where there is one. */
export function originOf(origin: string | null): { text: string; communication: string | null } {
  for (const [form, word] of ORIGINS) {
    const number = form.exec(origin ?? "")?.[1];
    if (number) return { text: word(number), communication: `message-${number}` };
  }
  return { text: origin ?? "", communication: null };
}
