/** What an edit of a Schedule does to one person's mails: the way before and the way after, step by step. Reads nothing. */
import type { Prospect } from "./project.ts";

export const CHOICES = ["everyone", "new-only", "stop"] as const;
/** What those on their way get: the new Schedule for what lies ahead, the one they began with, or nothing more. */
export type Choice = (typeof CHOICES)[number];

export const EFFECTS = [
  "due-now",
  "added",
  "moved",
  "other-template",
  "removed",
  "too-late",
  "unmet",
  "stopped",
  "unchanged",
] as const;
/**
 * `due-now`: leaves at once, and would not have. `too-late`: was added or moved behind their day and is not sent.
 * `unmet`: as things stand its condition is not met, so it is skipped. `stopped`: would have been sent, and their Email Campaign ends.
 */
export type Effect = (typeof EFFECTS)[number];

/** A step as it stands on one side of the edit. */
export type Side = { readonly prospect: Prospect; readonly emailTemplateId: number };

/** The effect on one mail; null where it is behind them on both sides, or on neither. */
export function effectOf(before: Side | undefined, after: Side | undefined, stops: boolean): Effect | null {
  const [was, is] = [before?.prospect, after?.prospect];
  if (isBehind(was) || isBehind(is)) return null;
  if (stops) return was?.at ? "stopped" : null;
  if (!is) return was?.at ? "removed" : null;
  if (is.outcome === "too-late") return was?.outcome === "too-late" ? null : "too-late";
  if (is.outcome === "unmet") return was?.at ? "unmet" : null;
  if (is.outcome === "stopped") return was?.at ? "stopped" : null;
  if (!is.at) return null;
  if (is.outcome === "due-now" && was?.outcome !== "due-now") return "due-now";
  if (!was) return "added";
  if (!was.at || !was.at.equals(is.at)) return "moved";
  return before?.emailTemplateId === after?.emailTemplateId ? "unchanged" : "other-template";
}

const isBehind = (prospect: Prospect | undefined) =>
  prospect?.outcome === "behind" || prospect?.outcome === "under-way";
