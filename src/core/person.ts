/** The rules of a person's name, kind, status and addresses. Reads and writes nothing. */
import { refuse } from "./problem.ts";

export const LEAD_STATUSES = [
  "Lead",
  "Open",
  "Replied",
  "Opportunity",
  "Quotation",
  "Lost Quotation",
  "Interested",
  "Converted",
  "Do Not Contact",
] as const;
export const CONTACT_STATUSES = ["Passive", "Open", "Replied", "Do Not Contact"] as const;

export type PersonKind = "lead" | "contact";

/** Whether opens and clicks of a person are measured. There is no "always": a person's choice only takes away (L5). */
export const MEASURING = ["as-campaign", "never"] as const;
export type Measuring = (typeof MEASURING)[number];

export const STATUSES: Readonly<Record<PersonKind, readonly string[]>> = {
  lead: LEAD_STATUSES,
  contact: CONTACT_STATUSES,
};
export const FIRST_STATUS: Readonly<Record<PersonKind, string>> = { lead: "Lead", contact: "Passive" };

/** The parts a full name is made of; empty text counts as absent. */
export type NameParts = {
  readonly salutation?: string | null;
  readonly firstName?: string | null;
  readonly middleName?: string | null;
  readonly lastName?: string | null;
  readonly fullName?: string | null;
  readonly company?: string | null;
  readonly email?: string | null;
};

/**
 * The full name (E125): salutation, first, middle and last name joined by blanks; else the full name given; else the
 * company; else the local part of the address.
 * @returns null when nothing is known.
 */
export function fullNameOf(parts: NameParts): string | null {
  const filled = (text: string | null | undefined) => text?.trim().replaceAll(/\s+/g, " ") || null;
  if (filled(parts.firstName))
    return [parts.salutation, parts.firstName, parts.middleName, parts.lastName].map(filled).filter(Boolean).join(" ");
  const local = parts.email?.slice(0, Math.max(parts.email.lastIndexOf("@"), 0));
  return filled(parts.fullName) ?? filled(parts.lastName) ?? filled(parts.company) ?? filled(local);
}

/** As {@link fullNameOf}; refuses a person of whom nothing is known. */
export function requireFullName(parts: NameParts): string {
  return (
    fullNameOf(parts) ??
    refuse("person-has-no-name", "A person needs a name, an organisation or an email address.", "/firstName")
  );
}

/** Splits a full name given alone into its parts: first word, last word, and what stands between. */
export function splitName(fullName: string): { firstName: string; middleName: string | null; lastName: string | null } {
  const words = fullName.trim().split(/\s+/);
  return {
    firstName: words[0] ?? "",
    middleName: words.length > 2 ? words.slice(1, -1).join(" ") : null,
    lastName: words.length > 1 ? (words.at(-1) ?? null) : null,
  };
}

/**
 * Which of a person's addresses is the one mail goes to (E126): the one marked; a single one by itself; with several and
 * none marked the first (E127), and `assumed` says so. Two marked are refused.
 */
export function choosePrimary<Entry extends { readonly primary?: boolean }>(
  entries: readonly Entry[],
): { primary: Entry | null; assumed: boolean } {
  const marked = entries.filter((entry) => entry.primary);
  if (marked.length > 1)
    refuse("primary-address-twice", "Only one email address can be the primary one.", "/addresses");
  return { primary: marked[0] ?? entries[0] ?? null, assumed: marked.length === 0 && entries.length > 1 };
}
