/** From whom and by which account mail leaves, looked up once for a batch. Changes nothing. */
import { accountFor, type Account, findSender, identityOf, type Sender, type Vault } from "../accounts/accounts.ts";
import type { Db } from "../db/database.ts";
import type { Composed } from "../db/tables.ts";

export type Origin = {
  readonly sender: Sender | null;
  readonly account: Account;
  /** Null: neither the sender nor the account has an address. */
  readonly identity: Pick<Composed, "from" | "replyTo"> | null;
};

/** Nobody gets mail from the mailbox, so a name that cannot exist will do where there is no other (RFC 2606). */
const NOWHERE = { name: "Tidings", address: "mailbox@tidings.invalid" };

/** Answers for each sender once; null is an Email Campaign without one (E81). */
export function origins(db: Db, vault: Vault): (senderId: number | null) => Promise<Origin> {
  const known = new Map<number | null, Promise<Origin>>();
  return (senderId) => {
    const found = known.get(senderId) ?? look(db, vault, senderId);
    known.set(senderId, found);
    return found;
  };
}

async function look(db: Db, vault: Vault, senderId: number | null): Promise<Origin> {
  const sender = senderId === null ? null : ((await findSender(db, senderId)) ?? null);
  const account = await accountFor(db, sender, vault);
  const identity = identityOf(sender, account);
  return {
    sender,
    account,
    identity: identity ?? (account.kind === "mailbox" ? { from: NOWHERE, replyTo: null } : null),
  };
}
