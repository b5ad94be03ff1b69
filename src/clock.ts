/** The one place that reads the time; everything else is told it. */

/** Answers the present moment; a test or `--now` answers another. */
export type Clock = () => Temporal.Instant;

/** The machine's own clock. */
export const systemClock: Clock = () => Temporal.Now.instant();

/** A clock that stands at one moment. */
export const stoppedAt =
  (moment: Temporal.Instant): Clock =>
  () =>
    moment;
