/** What a column of an imported file can become, in words. */
import type { Target } from "../../src/core/csv-mapping.ts";
import { t } from "../i18n.ts";

export const PERSON_TARGETS: readonly { readonly value: Target; readonly label: () => string }[] = [
  { value: "email", label: () => t("Email address") },
  { value: "furtherEmail", label: () => t("Further address") },
  { value: "firstName", label: () => t("First name") },
  { value: "middleName", label: () => t("Middle name") },
  { value: "lastName", label: () => t("Last name") },
  { value: "fullName", label: () => t("Whole name") },
  { value: "salutation", label: () => t("Salutation") },
  { value: "company", label: () => t("Company") },
  { value: "jobTitle", label: () => t("Job title") },
  { value: "phone", label: () => t("Phone") },
  { value: "mobile", label: () => t("Mobile") },
  { value: "website", label: () => t("Website") },
  { value: "city", label: () => t("City") },
  { value: "state", label: () => t("State") },
  { value: "country", label: () => t("Country") },
  { value: "source", label: () => t("Source") },
  { value: "status", label: () => t("Status") },
  { value: "owner", label: () => t("Owner") },
  { value: "language", label: () => t("Language") },
  { value: "timeZone", label: () => t("Time zone") },
  { value: "notes", label: () => t("Notes") },
  { value: "unsubscribed", label: () => t("Unsubscribed") },
  { value: "doNotContact", label: () => t("Do Not Contact") },
  { value: "neverMeasured", label: () => t("Opens and clicks never measured") },
];
