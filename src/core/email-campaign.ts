/** The statuses of an Email Campaign and the one table of what may follow what; the browser's buttons and the docs read it too. */

export const STATUSES = ["Scheduled", "In Progress", "Paused", "Completed", "Unsubscribed", "Stopped"] as const;
export type Status = (typeof STATUSES)[number];

export const STOP_REASONS = [
  "replied",
  "bounced",
  "complained",
  "converted",
  "cancelled",
  "erased",
  "do-not-contact",
  "condition",
] as const;
export type StopReason = (typeof STOP_REASONS)[number];

export const EVENTS = [
  "begin",
  "complete",
  "reopen",
  "pause",
  "resume",
  "resume-ahead",
  "move",
  "unsubscribe",
  "stop",
  "cancel",
] as const;
/**
 * What happens to an Email Campaign. `begin`: its start day has come. `complete`: every step is resolved. `reopen`: a step
 * that lies ahead was added (E45). `resume-ahead`: resumed before the start day. `move`: the start was moved ahead.
 */
export type Event = (typeof EVENTS)[number];

/** Event by status: the status that follows. What is not in the table cannot happen. */
const TRANSITIONS: { readonly [From in Status]: { readonly [When in Event]?: Status } } = {
  Scheduled: {
    begin: "In Progress",
    pause: "Paused",
    move: "Scheduled",
    unsubscribe: "Unsubscribed",
    stop: "Stopped",
    cancel: "Stopped",
  },
  "In Progress": {
    complete: "Completed",
    pause: "Paused",
    move: "Scheduled",
    unsubscribe: "Unsubscribed",
    stop: "Stopped",
    cancel: "Stopped",
  },
  Paused: {
    resume: "In Progress",
    "resume-ahead": "Scheduled",
    unsubscribe: "Unsubscribed",
    stop: "Stopped",
    cancel: "Stopped",
  },
  // Who opts out after the last mail has opted out all the same.
  Completed: { reopen: "In Progress", unsubscribe: "Unsubscribed" },
  Stopped: { unsubscribe: "Unsubscribed" },
  Unsubscribed: {},
};

/** The status after an event, or null when the event cannot happen in that status. */
export function after(status: Status, event: Event): Status | null {
  return TRANSITIONS[status][event] ?? null;
}

/** The statuses an event can happen in, for set-based updates. */
export function statusesFor(event: Event): Status[] {
  return STATUSES.filter((status) => after(status, event) !== null);
}

/** What a person may ask for; `restart` makes a new Email Campaign and leaves this one as it is. */
export type Action = "pause" | "resume" | "cancel" | "restart" | "move";

/** What may be asked for in a status (E48). A restart after Unsubscribed is the person's own to ask for (E27). */
export function actionsFor(status: Status): Action[] {
  const actions: Action[] = [];
  if (after(status, "pause")) actions.push("pause");
  if (after(status, "resume")) actions.push("resume");
  if (after(status, "cancel")) actions.push("cancel");
  if (after(status, "move")) actions.push("move");
  if (status === "Completed" || status === "Stopped") actions.push("restart");
  return actions;
}

/** The table as a Mermaid state diagram. */
export function diagram(): string {
  const arrows = STATUSES.flatMap((from) =>
    EVENTS.flatMap((event) => {
      const to = after(from, event);
      return to ? [`  ${nodeOf(from)} --> ${nodeOf(to)}: ${event}`] : [];
    }),
  );
  return ["stateDiagram-v2", "  [*] --> Scheduled", "  [*] --> InProgress", ...arrows, ""].join("\n");
}

const nodeOf = (status: Status) => status.replaceAll(" ", "");
