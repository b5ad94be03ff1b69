/** Numbers of Email Campaigns as people type them: whole, or their end. Takes no new ones. */
import { type RawBuilder, sql } from "kysely";

const DIGITS = 5;

/**
 * SQL: the numbers a search text may mean, as an array. `42`, `00042`, `2026-00042` and `MAIL-CAMP-2026-00042` all mean
 * one; without a year it is looked for in every series there is.
 */
export function numbersMeant(text: string): RawBuilder<string[]> {
  const [, year, digits] = /^(?:(?:MAIL-CAMP-)?(\d{4})-)?0*(\d{1,15})$/i.exec(text.trim()) ?? [];
  if (digits === undefined) return sql`'{}'::text[]`;
  const ending = digits.padStart(DIGITS, "0");
  return year === undefined
    ? sql`array(select series || ${ending} from number_series where series like 'MAIL-CAMP-%')`
    : sql`${[`MAIL-CAMP-${year}-${ending}`]}::text[]`;
}
