/** From whom and by which accounts mail leaves, looked up once for a batch; and which of them a message goes by. Changes nothing. */
import {
  accountFor,
  accountsFor,
  type Account,
  findSender,
  identityOf,
  type Sender,
  type Vault,
} from "../accounts/accounts.ts";
import { type AccountChoice, inTurn } from "../core/account-choice.ts";
import type { Db } from "../db/database.ts";
import type { Composed } from "../db/tables.ts";

export type Origin = {
  readonly sender: Sender | null;
  readonly account: Account;
  /** Null: neither the sender nor the account has an address. */
  readonly identity: Pick<Composed, "from" | "replyTo"> | null;
};

/** A sender and the accounts its mail may leave by. */
export type Origins = {
  readonly ways: readonly (Origin & { readonly id: number | null; readonly weight: number })[];
  readonly choice: AccountChoice;
  /** By an account that is none of its own any more. */
  readonly former: (emailAccountId: number) => Promise<Origin>;
};

/** Nobody gets mail from the mailbox, so a name that cannot exist will do where there is no other (RFC 2606). */
const NOWHERE = { name: "Tidings", address: "mailbox@tidings.invalid" };

/** Answers for each sender once; null is an Email Campaign without one (E81). */
export function origins(db: Db, vault: Vault): (senderId: number | null) => Promise<Origins> {
  const known = new Map<number | null, Promise<Origins>>();
  return (senderId) => {
    const found = known.get(senderId) ?? look(db, vault, senderId);
    known.set(senderId, found);
    return found;
  };
}

/** The origin by the first account: for mail that waits for nobody. */
export async function originOf(db: Db, vault: Vault, senderId: number | null): Promise<Origin> {
  return (await look(db, vault, senderId)).ways[0]!;
}

/**
 * The account a message goes by: what may have arrived stays with the account it went by; anything else with the one it
 * was tried by before, then with the sender's accounts in the order its person has, as far as they work.
 * @returns null when what may have arrived has to wait for its account.
 */
export async function chosen(
  { ways, choice, former }: Origins,
  message: { readonly personId: number; readonly inDoubt: boolean; readonly emailAccountId: number | null },
  works: (account: Account) => boolean,
): Promise<Origin | null> {
  const before = ways.find(({ id }) => id === message.emailAccountId);
  if (message.inDoubt && message.emailAccountId !== null) {
    const origin = before ?? (await former(message.emailAccountId));
    // With one account there is nothing to choose: whoever claims knows that it works.
    return works(origin.account) || ways.length === 1 ? origin : null;
  }
  const order = [...(before ? [before] : []), ...inTurn(ways, choice, message.personId)];
  return order.find(({ account }) => works(account)) ?? order[0]!;
}

async function look(db: Db, vault: Vault, senderId: number | null): Promise<Origins> {
  const sender = senderId === null ? null : ((await findSender(db, senderId)) ?? null);
  const accounts = await accountsFor(db, sender, vault);
  return {
    ways: accounts.map(({ account, weight }) => ({ ...by(account, sender), id: account.id, weight })),
    choice: sender?.accountChoice ?? "in-order",
    former: async (emailAccountId) => by(await accountFor(db, { emailAccountId }, vault), sender),
  };
}

function by(account: Account, sender: Sender | null): Origin {
  const identity = identityOf(sender, account);
  return {
    sender,
    account,
    identity: identity ?? (account.kind === "mailbox" ? { from: NOWHERE, replyTo: null } : null),
  };
}
