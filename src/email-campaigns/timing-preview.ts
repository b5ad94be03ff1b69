/** Says when each step would leave for somebody who starts on a day, by the code that sends. Starts nobody, writes nothing. */
import { workspace } from "../accounts/accounts.ts";
import * as campaigns from "../campaigns/campaigns.ts";
import { SKIPPED } from "../core/explain-words.ts";
import { project } from "../core/project.ts";
import { plannedDay } from "../core/planned-day.ts";
import { type Facts, localDay, startsAt, type Step } from "../core/schedule.ts";
import { type CampaignTiming, stepTimingOf } from "../core/timing.ts";
import { type Language, momentInWords, movedInWords } from "../core/timing-words.ts";
import type { Db } from "../db/database.ts";
import * as people from "../people/people.ts";
import type { TimingPreviewInput } from "./api.ts";
import { calendarsOf } from "./calendar.ts";
import { zoneOr } from "./facts.ts";
import { ledgerOf } from "./frequency.ts";

const SOMEBODY = { en: "the person", de: "der Person" } as const;
const NEVER = { en: "Never: the sending window never opens.", de: "Nie: Das Sendefenster öffnet nie." } as const;

/** The steps as they are, or as `steps` and `timing` would have them, each with its moment and what moved it there. */
export async function timingPreview(
  db: Db,
  campaignId: number,
  input: TimingPreviewInput,
  language: Language,
  now: Temporal.Instant,
) {
  const campaign = await campaigns.get(db, campaignId);
  const person = input.personId === null ? null : await people.get(db, input.personId);
  const home = await workspace(db);
  const timing: CampaignTiming | null = input.timing === undefined ? campaign.timing : input.timing;
  const rows = input.steps ?? campaign.steps;
  const steps = rows.map((row, index): Step => ({
    // A step that is not there yet gets an id that none can have.
    id: row.id ?? -1 - index,
    position: index + 1,
    sendAfterDays: row.sendAfterDays,
    timeOfDay: row.timeOfDay === null ? null : Temporal.PlainTime.from(row.timeOfDay),
    expiresAfterDays: row.expiresAfterDays,
    addedAt: null,
    timing: row.timing ? stepTimingOf(row.timing) : null,
  }));
  const startOn = Temporal.PlainDate.from(input.startOn);
  const ownZone = person?.timeZone ?? null;
  const row = {
    personId: person?.id ?? 0,
    startOn,
    nextDueAt: now,
    timeZone: zoneOr(ownZone ?? home.timeZone),
    workspaceZone: zoneOr(home.timeZone),
    campaignTiming: timing && JSON.stringify(timing),
    quietHours: home.quietHours && JSON.stringify(home.quietHours),
    frequencyCap: home.frequencyCap && JSON.stringify(home.frequencyCap),
  };
  const calendars = await calendarsOf(db, [row], steps);
  const calendar = calendars.of(row);
  const begins = startsAt(startOn, calendar);
  // Whoever starts on a day that has passed is taken as started that morning.
  const createdAt = isSameDay(now, startOn, calendar.timeZone) || isBefore(now, begins) ? now : begins;
  const capped = { personId: row.personId, cap: calendars.cap(row) };
  const given = input.timeOfDay && Temporal.PlainTime.from(input.timeOfDay);
  const ownTime = given === undefined ? campaign.timeOfDay : given || null;
  const facts: Facts = {
    startOn,
    createdAt,
    steps,
    resolutions: [],
    rules: {
      ...calendar,
      timeOfDay: ownTime ?? home.timeOfDay,
      expiresAfterDays:
        (input.expiresAfterDays === undefined ? campaign.expiresAfterDays : input.expiresAfterDays) ??
        home.expiresAfterDays,
    },
    capFreeAt: person && (await ledgerOf(db, [capped], now)).freeAt(capped),
  };
  const voice = {
    language,
    person: person?.firstName ?? person?.fullName ?? SOMEBODY[language],
    ownClock: ownZone !== null && timing?.clock !== "workspace",
  };
  const found = new Map(
    project(facts, isBefore(createdAt, begins) ? begins : createdAt).map((one) => [one.stepId, one]),
  );
  return {
    timeZone: calendar.timeZone,
    steps: steps.map((step, index) => {
      const { at = null, reason = null } = found.get(step.id) ?? {};
      const moved = at && movedInWords(facts, step, at, language);
      return {
        stepId: rows[index]!.id ?? null,
        at,
        on: (at ? localDay(at, calendar.timeZone) : plannedDay(startOn, step, facts.rules).on).toString(),
        code: reason ?? (at ? "leaves" : "never"),
        text: at
          ? momentInWords(at, calendar.timeZone, voice, now)
          : reason
            ? SKIPPED[reason]![language]
            : NEVER[language],
        moved,
      };
    }),
  };
}

const isBefore = (one: Temporal.Instant, other: Temporal.Instant) => Temporal.Instant.compare(one, other) < 0;

const isSameDay = (at: Temporal.Instant, on: Temporal.PlainDate, timeZone: string) =>
  at.toZonedDateTimeISO(timeZone).toPlainDate().equals(on);
