/** What `tidings doctor` says of an installation at work: whether mail may leave, is late, comes back, and has room. Changes nothing. */
import { statfs } from "node:fs/promises";
import { sql } from "kysely";
import { lastAliveAt, sendingHold } from "../continuity/continuity.ts";
import { readings as ofDelivery } from "../delivery/measure.ts";
import { readings as ofReceived } from "../inbound/metrics.ts";
import { readings as ofJobs } from "../jobs/measure.ts";
import type { Reading } from "../http/measurements.ts";
import type { Check } from "./doctor.ts";

const LITTLE_ROOM = 0.1;
const NO_ROOM = 0.02;
/** Above this a process sends nothing (continuity). */
const MOST_SKEW_MS = 20_000;
/** A process says every ten seconds that it lives. */
const ALIVE_WITHIN_SECONDS = 60;
const LATE_SECONDS = 300;
const OVERDUE_SECONDS = 60;
const JOB_LATE_SECONDS = 900;

export const RUNNING: Readonly<Record<string, Check>> = {
  "room on disk": async ({ config: { dataDir } }) => {
    const { bavail, blocks } = await statfs(dataDir);
    const free = blocks > 0 ? bavail / blocks : 1;
    const detail = `${Math.round(free * 100)} % of the disk with ${dataDir} is free.`;
    if (free < NO_ROOM) return ["bad", `${detail} Make room at once: nothing can be written down, so nothing is sent.`];
    return free < LITTLE_ROOM ? ["look", `${detail} Make room soon.`] : ["good", detail];
  },
  clock: async ({ database: { db }, clock }) => {
    const before = clock().epochMilliseconds;
    const { rows } = await sql<{ at: Temporal.Instant }>`select clock_timestamp() as at`.execute(db);
    const [after, theirs] = [clock().epochMilliseconds, rows[0]!.at.epochMilliseconds];
    // What the question took says nothing about clocks.
    const skewMs = Math.max(before - theirs, theirs - after, 0);
    if (skewMs <= MOST_SKEW_MS)
      return ["good", `It agrees with the database's within ${skewMs + (after - before)} ms.`];
    return [
      "bad",
      `It is ${Math.round(skewMs / 1000)} seconds off the database's, so this machine sends nothing. Set it by NTP.`,
    ];
  },
  sending: async ({ database: { db }, clock }) => {
    const now = clock();
    const { held } = await sendingHold(db, now);
    if (held)
      return [
        "bad",
        `Nothing leaves since ${held.at.toString()}: this seems to be a restored copy, and ${held.due} mails that are due may have left before. Look with: tidings resume-sending`,
      ];
    const alive = await lastAliveAt(db);
    if (alive && now.since(alive).total("seconds") <= ALIVE_WITHIN_SECONDS)
      return ["good", `Mail may leave, and a process was at work at ${alive.toString({ smallestUnit: "second" })}.`];
    return ["look", "Mail may leave, but no process is at work. Start tidings serve."];
  },
  "mail that is due": async ({ database: { db }, clock }) => {
    const found = table(await ofDelivery(db, clock()));
    const late = found("tidings_oldest_due_seconds");
    const said: string[] = [];
    if (late > LATE_SECONDS)
      said.push(
        `The oldest mail has been due for ${Math.round(late / 60)} minutes; “what waits” says why, else more processes are needed.`,
      );
    if (found("tidings_oldest_overdue_claim_seconds") > OVERDUE_SECONDS)
      said.push("A worker died, and nobody has taken over its mail: start tidings serve or tidings work.");
    return said.length > 0 ? ["look", said.join(" ")] : ["good", "Nothing is late."];
  },
  "received mail": async ({ database: { db }, clock }) => {
    const now = clock();
    const found = table(await ofReceived(db, now));
    const [failed, aside] = [
      found("tidings_mailboxes", "state", "failed"),
      found("tidings_received_mails", "state", "set-aside"),
    ];
    const said: string[] = [];
    if (failed > 0)
      said.push(`${failed} mailboxes cannot be fetched, so bounces and answers are not seen: GET /inbound/mailboxes.`);
    if (aside > 0)
      said.push(`${aside} received mails could not be handled: GET /inbound/mails?state=set-aside shows the errors.`);
    if (found("tidings_received_lag_seconds") > LATE_SECONDS) said.push("Received mail waits to be handled.");
    return said.length > 0 ? ["look", said.join(" ")] : ["good", "All that came back is handled."];
  },
  jobs: async ({ database: { db }, clock }) => {
    const late = table(await ofJobs(db, clock()))("tidings_oldest_job_seconds");
    if (late <= JOB_LATE_SECONDS) return ["good", "No import or bulk start waits for long."];
    return ["look", `A job has waited for ${Math.round(late / 60)} minutes. Is a tidings serve or work running?`];
  },
};

/** One value of what was read; 0 where there is none. */
function table(found: readonly Reading[]) {
  return (name: string, label?: string, value?: string): number =>
    found.find((one) => one.name === name && (label === undefined || one.labels?.[label] === value))?.value ?? 0;
}
