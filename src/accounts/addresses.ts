/** Addresses of users, senders and accounts, checked by the rule for all addresses. Holds none. */
import { parseAddress } from "../core/address.ts";
import { refuse } from "../core/problem.ts";

/** The address and the key it is compared by; refuses what no mail can go to. */
export function addressOf(text: string, pointer: string): { email: string; emailKey: string } {
  const parsed = parseAddress(text);
  if ("problem" in parsed) return refuse("address-invalid", parsed.problem, pointer);
  return { email: parsed.address, emailKey: parsed.key };
}
