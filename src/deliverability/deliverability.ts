/** Front door: what became of mails, counted, and the guards that look at it. */
export { guards } from "./guards.ts";
export { tally } from "./tally.ts";
