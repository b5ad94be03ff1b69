/** Notices which recipient domains ask us to slow down, and how long each then rests. Holds counts of this process only. */
import type { SmtpReply } from "../core/bounce.ts";

/** Asked so often in a row, without taking a mail in between, a domain rests; at 421, which closes the door, at once. */
const MOST_IN_A_ROW = 3;
const SHORTEST_REST_SECONDS = 30;
const LONGEST_REST_SECONDS = 30 * 60;
/** RFC 5321, 3.8: the server is closing the channel. */
const CLOSING = 421;
/** Greylisting wants each mail to come again later, not fewer of them. A full mailbox is one person's. */
const NOT_A_MATTER_OF_RATE = /gr[ae]y ?list|mailbox (?:is )?full|over ?quota/i;

export function createSlowDomains() {
  const inARow = new Map<string, number>();
  return {
    /** @returns for how many seconds the domain is to rest; 0: it goes on. */
    slowed(domain: string, reply: SmtpReply): number {
      if (reply.code >= 500 || NOT_A_MATTER_OF_RATE.test(reply.text) || reply.enhanced?.startsWith("4.2.")) return 0;
      const times = (inARow.get(domain) ?? 0) + 1;
      inARow.set(domain, times);
      const beyond = times - (reply.code === CLOSING ? 1 : MOST_IN_A_ROW);
      // What was under way already when the domain began to rest says the same again; it counts a little less each time.
      return beyond < 0 ? 0 : Math.min(LONGEST_REST_SECONDS, SHORTEST_REST_SECONDS * 2 ** Math.floor(beyond / 10));
    },
    accepted(domain: string): void {
      inARow.delete(domain);
    },
  };
}
