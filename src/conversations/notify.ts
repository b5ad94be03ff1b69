/** Tells users by mail that somebody answered. Only where a real email account can send it; the badge tells everybody else. */
import { accountFor, type Vault } from "../accounts/accounts.ts";
import type { Db } from "../db/database.ts";
import type { SystemMail } from "../sign-in/system-mail.ts";

export type Notifying = {
  readonly db: Db;
  readonly vault: Vault;
  readonly mail: SystemMail;
  /** Where people reach us; no slash at its end. */
  readonly publicUrl: string;
};

const MOST_A_TURN = 200;
const MOST_NAMED = 10;
const RETRY_MINUTES = 10;
/** By then whoever it is has seen it otherwise. */
const GIVE_UP_HOURS = 24;

/** @returns how many users were told. */
export async function notifyReplies({ db, vault, mail, publicUrl }: Notifying, now: Temporal.Instant): Promise<number> {
  const due = await take(db, now);
  const told = due.filter(
    ({ state, lastReceivedAt }) =>
      state === "open" && Temporal.Instant.compare(lastReceivedAt.add({ hours: GIVE_UP_HOURS }), now) > 0,
  );
  const canSend = told.length > 0 && (await accountFor(db, null, vault)).kind === "smtp";
  let count = 0;
  const done = new Set(due.map(({ id }) => id));
  if (canSend)
    for (const [userId, some] of Map.groupBy(told, ({ assignedTo }) => assignedTo)) {
      const user = userId === null ? undefined : await activeUser(db, userId);
      if (!user) continue;
      const names = some.map(({ person }) => person);
      const to = { name: user.name, address: user.email };
      const content = { ...wordsIn(user.language)(names), link: `${publicUrl}/replies?assigned=me` };
      if (await mail(to, content, now)) count += 1;
      else for (const { id } of some) done.delete(id);
    }
  if (done.size > 0)
    await db
      .updateTable("conversations")
      .set({ notifyAt: null })
      .where("id", "in", [...done])
      .where("notifyAt", ">", now)
      .where("lastReceivedAt", "<=", now)
      .execute();
  return count;
}

/** Those that are due, put off meanwhile so that no other process tells of them too. */
async function take(db: Db, now: Temporal.Instant) {
  return db
    .updateTable("conversations")
    .from("people")
    .whereRef("people.id", "=", "conversations.personId")
    .set({ notifyAt: now.add({ minutes: RETRY_MINUTES }) })
    .where("conversations.id", "in", (query) =>
      query
        .selectFrom("conversations")
        .select("id")
        .where("notifyAt", "<=", now)
        .orderBy("notifyAt")
        .limit(MOST_A_TURN)
        .forUpdate()
        .skipLocked(),
    )
    .returning([
      "conversations.id",
      "conversations.state",
      "conversations.assignedTo",
      "conversations.lastReceivedAt",
      "people.fullName as person",
    ])
    .execute();
}

function activeUser(db: Db, id: number) {
  return db
    .selectFrom("users")
    .select(["name", "email", "language"])
    .where("id", "=", id)
    .where("disabledAt", "is", null)
    .executeTakeFirst();
}

type Words = (names: readonly string[]) => { subject: string; lines: string[] };

const named = (names: readonly string[], others: (count: number) => string) =>
  [...names.slice(0, MOST_NAMED), ...(names.length > MOST_NAMED ? [others(names.length - MOST_NAMED)] : [])].join(", ");

const english: Words = (names) => ({
  subject: names.length === 1 ? `${names[0]} has answered` : `${names.length} people have answered`,
  lines: [
    `There are new replies for you from: ${named(names, (count) => `and ${count} more`)}.`,
    "Read and answer them here:",
  ],
});

const german: Words = (names) => ({
  subject: names.length === 1 ? `${names[0]} hat geantwortet` : `${names.length} Personen haben geantwortet`,
  lines: [
    `Es gibt neue Antworten für dich von: ${named(names, (count) => `und ${count} weiteren`)}.`,
    "Hier kannst du sie lesen und beantworten:",
  ],
});

const wordsIn = (language: string): Words => (language.startsWith("de") ? german : english);
