/** Counts what comes back: soft bounces of an address, which fade, and the shares at which sending is warned about or paused. Knows no database. */

/** After this long a soft bounce counts half: a mailbox that was full in spring says little in summer. */
export const SOFT_BOUNCE_HALF_LIFE_DAYS = 14;
/** At this many an address gets nothing more. Mails every four days to a full mailbox get there with the fourth. */
export const SOFT_BOUNCE_LIMIT = 3;
/** Bounces closer than this are one: three campaigns that meet one full mailbox on one day have learnt it once. */
export const SOFT_BOUNCE_APART_HOURS = 20;

/** What an address has gathered, as of the moment it last counted. */
export type SoftBounces = { readonly points: number; readonly countedAt: Temporal.Instant };

/**
 * The count after one more soft bounce.
 * @param before null: there was none, or a later mail arrived since.
 * @returns what to keep, and whether the address has reached the limit.
 */
export function afterSoftBounce(
  before: SoftBounces | null,
  now: Temporal.Instant,
): SoftBounces & { readonly limitReached: boolean } {
  if (!before) return { points: 1, countedAt: now, limitReached: SOFT_BOUNCE_LIMIT <= 1 };
  const hours = before.countedAt.until(now).total("hours");
  if (hours < SOFT_BOUNCE_APART_HOURS) return { ...before, limitReached: before.points >= SOFT_BOUNCE_LIMIT };
  const points = before.points * 0.5 ** (hours / 24 / SOFT_BOUNCE_HALF_LIFE_DAYS) + 1;
  return { points, countedAt: now, limitReached: points >= SOFT_BOUNCE_LIMIT };
}

/** How far back the guards look. */
export const GUARD_DAYS = 7;
/** With fewer mails a share says nothing. */
export const GUARD_LEAST_MAILS = 100;

/** What became of mails in the days the guards look at. */
export type Tally = {
  /** Taken by a server, or refused by one for good. */
  readonly mails: number;
  /** Refused for good, or taken and sent back. */
  readonly bounced: number;
  readonly complained: number;
};

export type Guarded = "bounced" | "complained";

/** Shares of all mails, and how many there must be at least: one angry person is no trend. */
const GUARDS: Readonly<
  Record<Guarded, { warnAt: number; pauseAt: number; leastToWarn: number; leastToPause: number }>
> = {
  // Providers act at 0.3 % complaints (Google and Yahoo say so to bulk senders) and ask to stay below 0.1 %.
  complained: { warnAt: 0.001, pauseAt: 0.003, leastToWarn: 1, leastToPause: 3 },
  // Amazon SES looks closer at 5 % bounces and asks to stay below 2 %.
  bounced: { warnAt: 0.02, pauseAt: 0.05, leastToWarn: 2, leastToPause: 5 },
};

export type Finding = { readonly level: "warn" | "pause"; readonly about: Guarded; readonly share: number };

/** The worst that these figures say; null: all is well, or there are too few mails to tell. */
export function guard(tally: Tally): Finding | null {
  if (tally.mails < GUARD_LEAST_MAILS) return null;
  const findings = (["complained", "bounced"] as const).flatMap((about): Finding[] => {
    const { warnAt, pauseAt, leastToWarn, leastToPause } = GUARDS[about];
    const [count, share] = [tally[about], tally[about] / tally.mails];
    if (share >= pauseAt && count >= leastToPause) return [{ level: "pause", about, share }];
    return share >= warnAt && count >= leastToWarn ? [{ level: "warn", about, share }] : [];
  });
  return findings.find(({ level }) => level === "pause") ?? findings[0] ?? null;
}

/** A finding as a sentence, such as “6.2 % of 480 mails came back within 7 days.” */
export function inWords({ about, share }: Finding, { mails }: Tally): string {
  const percent = (share * 100).toFixed(share < 0.01 ? 2 : 1);
  const what = about === "bounced" ? "came back" : "were reported as spam";
  return `${percent} % of ${mails} mails ${what} within ${GUARD_DAYS} days`;
}
