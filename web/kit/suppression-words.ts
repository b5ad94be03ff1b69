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
  complaint: () => t("complained"),
  "do-not-contact": () => t("do not contact"),
  manual: () => t("by hand"),
  imported: () => t("from an import"),
  erased: () => t("erased"),
};

/** What somebody here may lift; what a person asked for themselves is theirs to take back. */
export const mayBeLifted = (reason: string) => ["manual", "imported", "hard-bounce"].includes(reason);

export const SUPPRESSION_SCOPES = ["campaign", "campaigns", "everything"] as const;
export const SUPPRESSION_REASONS = Object.keys(REASONS);
export const scopeWord = (scope: string) => SCOPES[scope]?.() ?? scope;
export const suppressionReason = (reason: string) => REASONS[reason]?.() ?? reason;
