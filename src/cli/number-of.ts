/** The number by which a command is told what it is about. Looks nothing up. */
import { refuse } from "../core/problem.ts";

/** @throws Refusal `input-invalid` where it is none: `Name the Campaign by its number.` */
export const numberOf = (given: string | undefined, what: string): number =>
  /^\d{1,15}$/.test(given ?? "") ? Number(given) : refuse("input-invalid", `Name ${what} by its number.`, "/id");
