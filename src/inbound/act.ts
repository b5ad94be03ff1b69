/** What follows from a received mail: all in the transaction in which it counts as handled. */
import type { Tx } from "../db/database.ts";
import type { Received } from "./received.ts";

/** Acts on one received mail, once. Throwing undoes it all; a second failure sets the mail aside. */
export async function act(_tx: Tx, _received: Received, _now: Temporal.Instant): Promise<void> {
  // Nothing follows yet: it is stored, recognised, and found again by what it is about.
}
