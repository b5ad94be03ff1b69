/** The model: what may have become of each step, by what the relay took, what the people did, and how each row moved. Changes nothing. */
import type { Db } from "../../src/db/database.ts";
import { bytesOf } from "../../src/delivery/delivery.ts";
import { sql } from "kysely";
import type { Taken } from "./relay.ts";

/** A message was let into DATA by a statement that began with that turn. */
export type Entered = { readonly messageId: number; readonly tick: number; readonly actor: string };
/** Nothing may enter DATA for that Email Campaign between these turns. */
export type Ended = { readonly emailCampaignId: number; readonly from: number; to: number };

type Seen = {
  readonly people: readonly { readonly personId: number; readonly id: number }[];
  readonly steps: number;
  readonly entered: readonly Entered[];
  readonly ended: readonly Ended[];
  readonly taken: readonly Taken[];
};

/** What a message's state may be followed by; the fence goes up by one where it is marked, and stays elsewhere. */
const MOVES: Readonly<Record<string, readonly string[]>> = {
  planned: ["planned", "claimed+", "skipped"],
  claimed: ["claimed", "in_data", "planned", "deferred", "refused", "skipped", "planned+", "deferred+"],
  in_data: ["in_data", "accepted", "deferred", "refused", "unknown", "skipped", "deferred+", "unknown+"],
  deferred: ["deferred", "claimed+", "skipped"],
  unknown: ["accepted", "deferred"],
  accepted: [],
  refused: [],
  skipped: [],
};

/** Keeps every move of every message, in the transaction that makes it. */
export const WATCH = `
create table moves (id bigserial, message_id bigint, former text, later text, fence integer, attempts integer);
create function watch_moves() returns trigger language plpgsql as $$
begin
  insert into moves (message_id, former, later, fence, attempts)
  values (new.id, old.state, new.state, new.fence - old.fence, new.attempts - old.attempts);
  return new;
end $$;
create trigger watch_moves after update on messages for each row execute function watch_moves();
`;

type Message = {
  readonly id: number;
  readonly emailCampaignId: number;
  readonly step: number;
  readonly state: string;
  readonly reason: string | null;
  readonly doubts: number;
  readonly attempts: number;
};

export async function judge(db: Db, { people, steps, entered, ended, taken }: Seen): Promise<string[]> {
  const broken: string[] = [];
  const ids = people.map(({ id }) => id);
  const { rows: messages } = await sql<Message>`
    select messages.id, messages.email_campaign_id, messages.state, messages.reason, messages.attempts,
      row_number() over (partition by messages.email_campaign_id order by steps.position)::int as step,
      (select count(*)::int from delivery_attempts
        where message_id = messages.id and delivery_attempts.outcome = 'unknown') as doubts
    from messages join steps on steps.id = messages.step_id
    where messages.email_campaign_id = any(${ids}::bigint[]) order by messages.id`.execute(db);
  const { rows: campaigns } = await sql<{ id: number; status: string }>`
    select id, status from email_campaigns where id = any(${ids}::bigint[])`.execute(db);
  const { rows: moves } = await sql<{
    messageId: number;
    former: string;
    later: string;
    fence: number;
    attempts: number;
  }>`
    select moves.message_id, former, later, moves.fence, moves.attempts from moves
    join messages on messages.id = moves.message_id
    where messages.email_campaign_id = any(${ids}::bigint[]) order by moves.id`.execute(db);
  const copies = Map.groupBy(taken, ({ messageId }) => messageId);

  for (const { messageId, former, later, fence, attempts } of moves) {
    const name = `${later}${fence === 1 ? "+" : ""}`;
    if (!MOVES[former]!.includes(name) || fence < 0 || fence > 1)
      broken.push(`message ${messageId} went from ${former} to ${name} (fence ${fence})`);
    const mayCount = former === "claimed" && later === "in_data" ? 1 : 0;
    if (attempts !== mayCount) broken.push(`message ${messageId}: ${attempts} attempts from ${former} to ${later}`);
  }

  for (const { id, status } of campaigns) {
    const own = messages.filter(({ emailCampaignId }) => emailCampaignId === id);
    const isOver = ended.some((one) => one.emailCampaignId === id && one.to === Infinity);
    if (status === "Completed" && own.length !== steps) broken.push(`${id} is Completed after ${own.length} steps`);
    if (!["Completed", "Unsubscribed", "Stopped"].includes(status)) broken.push(`${id} is still ${status}`);
    if (!isOver && status !== "Completed") broken.push(`${id} is ${status}, and nobody left`);
    let former = -1;
    for (const { id: messageId, step } of own.toSorted((one, other) => one.step - other.step)) {
      const ticks = (copies.get(messageId) ?? []).map(({ tick }) => tick);
      if (ticks.length === 0) continue;
      if (Math.min(...ticks) < former) broken.push(`step ${step} of ${id} came before the one before it was done`);
      former = Math.max(...ticks);
    }
  }

  for (const { id, emailCampaignId, state, reason, doubts } of messages) {
    const own = copies.get(id) ?? [];
    if (!["accepted", "refused", "skipped"].includes(state)) broken.push(`message ${id} is ${state} for ever`);
    // Held in doubt, and somebody said that it arrived: that is theirs to know.
    if (state === "accepted" && own.length === 0 && doubts === 0) broken.push(`message ${id} is lost`);
    if (state === "refused" && reason === null) broken.push(`message ${id} was refused for no reason`);
    if (state === "skipped" && !ended.some((one) => one.emailCampaignId === emailCampaignId))
      broken.push(`message ${id} was skipped (${reason}), and nobody asked for it`);
    const most = (state === "accepted" ? 1 : 0) + doubts;
    if (own.length > most) broken.push(`message ${id} came ${own.length} times with ${doubts} doubts, and is ${state}`);
    if (new Set(own.map(({ bytes }) => bytes)).size > 1) broken.push(`message ${id} came with other bytes`);
    if (own.length > 0 && (await bytesOf(db, id))?.toString("latin1") !== own[0]!.bytes)
      broken.push(`message ${id} cannot be shown as it was sent`);

    for (const { tick, actor } of own) {
      const entry = entered.findLast((one) => one.messageId === id && one.actor === actor && one.tick < tick);
      if (!entry) broken.push(`message ${id} came from ${actor} without being let into DATA`);
      const over = ended.find(
        (one) => one.emailCampaignId === emailCampaignId && entry && entry.tick > one.from && entry.tick < one.to,
      );
      if (over) broken.push(`message ${id} entered DATA at ${entry!.tick}, and it was over at ${over.from}`);
    }
  }
  for (const id of copies.keys())
    if (!messages.some((one) => one.id === id)) broken.push(`message ${id} came, and there is none`);
  return broken;
}
