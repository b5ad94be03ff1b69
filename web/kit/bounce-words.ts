/** Why mail came back, in plain words, and what follows from it. */
import { t } from "../i18n.ts";

const REASONS: Readonly<Record<string, () => string>> = {
  "user-unknown": () => t("there is no such mailbox"),
  "host-unknown": () => t("its domain takes no mail or does not exist"),
  "has-moved": () => t("the person has moved to another address"),
  "not-accepting": () => t("its server takes no mail at all"),
  suspended: () => t("the mailbox is suspended"),
  "mailbox-full": () => t("the mailbox is full"),
  "system-full": () => t("the server has no room left"),
  "too-big": () => t("the mail is too large for them"),
  "too-many": () => t("the server takes only so many at once"),
  spam: () => t("it was taken for spam"),
  virus: () => t("a virus scanner refused it"),
  blocked: () => t("our server is on a block list there"),
  policy: () => t("their rules refuse it"),
  authentication: () => t("SPF, DKIM or DMARC of our domain failed"),
  content: () => t("they refuse what it contains"),
  expired: () => t("it could not be delivered in time"),
  network: () => t("their server could not be reached"),
  system: () => t("their server has a fault"),
  rejected: () => t("it was refused"),
  undefined: () => t("no reason was given"),
};

export const bounceReason = (reason: string): string => REASONS[reason]?.() ?? reason;

const CONSEQUENCES: Readonly<Record<string, () => string>> = {
  suppressed: () => t("The address is dead: it gets nothing more, and what ran for it has ended."),
  stopped: () => t("It came back time after time: the address gets nothing more until somebody lifts that."),
  counted: () => t("It is remembered. If it goes on, the address gets nothing more; a mail that arrives clears it."),
  none: () => t("It says something about us or the mail, not about the address: the person stays as they are."),
};

export const bounceConsequence = (consequence: string): string => CONSEQUENCES[consequence]?.() ?? consequence;
