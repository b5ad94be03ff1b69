/** Decides whether a database may have gone back in time since mail last left from it. Knows no database, file or clock. */

/** What the database says of itself: how often and when a process last said in it that it lives, and which database it is. */
export type Recorded = {
  readonly installation: string;
  /** Grows by one with each sign of life. 0: there was none yet. */
  readonly pulse: number;
  readonly aliveAt: Temporal.Instant | null;
  /** Names the very tables in which that was written: a dump read back is another place. Null: not told. */
  readonly place: string | null;
  /** PostgreSQL's timeline then; recovery to a point in time begins a new one, and so does a failover. */
  readonly timeline: number | null;
};

/** What the data folder remembers of the database it last saw. */
export type Witness = {
  readonly installation: string;
  readonly pulse: number;
  /** The file is younger than what it says: the folder was copied. */
  readonly copied: boolean;
};

export type Evidence = {
  readonly recorded: Recorded;
  readonly place: string | null;
  readonly timeline: number | null;
  readonly witness: Witness | null;
  /** Whether any mail is due. */
  readonly due: boolean;
};

/**
 * `went-back`: the data folder saw a later state. `copied`: this is a copy, and what was done since is unknown.
 * `silent`: nothing lived here for so long that somebody should look before mail of that time leaves.
 */
export type HoldReason = "went-back" | "copied" | "silent";

/** After this long without a sign of life mail that is due is asked about. A long weekend's outage catches up by itself. */
const SILENT_HOURS = 72;

/** A replica that takes over may lack the last moments; it is the same database, and nobody should have to be asked. */
const LOST_IN_A_FAILOVER = 5;

/**
 * Why nothing may leave until a person has answered, or null. An outage is no reason: the folder that saw the last sign
 * of life in the database is proof that nothing happened since.
 */
export function reasonToHold(evidence: Evidence, now: Temporal.Instant): HoldReason | null {
  const { recorded, due } = evidence;
  const witness = evidence.witness?.installation === recorded.installation ? evidence.witness : null;
  // Never alive: a new installation, or one from before signs of life were kept, in a folder that knew another one.
  if (recorded.aliveAt === null) return evidence.witness && !witness && due ? "copied" : null;
  const moved = differ(recorded.place, evidence.place);
  if (witness) {
    if (witness.pulse - recorded.pulse > (moved ? 0 : LOST_IN_A_FAILOVER)) return "went-back";
    if (witness.copied && due) return "copied";
  } else {
    if (moved) return "copied";
    if (differ(recorded.timeline, evidence.timeline) && due) return "copied";
  }
  const silentHours = now.since(recorded.aliveAt).total("hours");
  return silentHours > SILENT_HOURS && due ? "silent" : null;
}

/** Whether a database that is in use has lost what was seen in it: it was exchanged while we ran. */
export function wentBack(seen: Pick<Recorded, "pulse" | "place">, found: Pick<Recorded, "pulse" | "place">): boolean {
  return seen.pulse - found.pulse > (differ(seen.place, found.place) ? 0 : LOST_IN_A_FAILOVER);
}

function differ<Value>(one: Value | null, other: Value | null): boolean {
  return one !== null && other !== null && one !== other;
}
