/** What must hold whatever happens, judged by what the relay received and what the database says. Changes nothing. */
import { createHash } from "node:crypto";
import { bytesOf } from "../../src/delivery/delivery.ts";
import type { Database } from "../../src/db/database.ts";
import type { Sink } from "../smtp-sink.ts";

/** One mail as the relay has it. */
export type Arrived = {
  readonly to: string;
  readonly step: number;
  readonly messageId: string;
  readonly hash: string;
};

/** Keeps of each mail what is judged by, so that a hundred thousand fit. */
export function arrivals(): { readonly mails: Arrived[]; listen(sink: Sink): void } {
  const mails: Arrived[] = [];
  return {
    mails,
    listen(sink) {
      sink.onMessage(({ to, data }) => {
        const text = data.toString("latin1");
        mails.push({
          to,
          step: Number(/^Subject: Step (\d+)/m.exec(text)?.[1] ?? Number.NaN),
          messageId: /^Message-ID:\s*(<[^>]+>)/im.exec(text)?.[1] ?? "none",
          hash: hashOf(data),
        });
        sink.messages.length = 0;
        sink.commands.length = 0;
      });
    },
  };
}

const hashOf = (data: Buffer) => createHash("sha1").update(data).digest("base64");

/** How often each message of somebody had entered DATA when they left; nothing may come beyond that. */
export type Left = ReadonlyMap<string, number>;

export type Expected = {
  /** SIGKILLs of whatever could leave a mail in doubt, times connections each may have had. */
  readonly mostTwice: number;
  readonly left: ReadonlyMap<string, Left>;
  /** Everybody who did not leave has so many steps; those refused by the relay, if any may be, count as done. */
  readonly people: number;
  readonly steps: number;
  readonly mayRefuse?: boolean;
};

export type Verdict = {
  readonly mails: number;
  readonly twice: number;
  /** Empty: all holds. */
  readonly broken: readonly string[];
};

type Row = {
  readonly id: number;
  readonly email: string;
  readonly messageId: string | null;
  readonly state: string;
  readonly reason: string | null;
  readonly doubts: number;
};

/** So many of those that came twice are composed again from what is kept. */
const SHOWN_AGAIN = 20;

export async function judge(
  { db, pool }: Database,
  mails: readonly Arrived[],
  { mostTwice, left, people, steps, mayRefuse = false }: Expected,
): Promise<Verdict> {
  const { rows } = await pool.query<Row>(`
    select messages.id, people.email, messages.message_id as "messageId", messages.state, messages.reason,
      (select count(*)::int from delivery_attempts
        where message_id = messages.id and delivery_attempts.outcome = 'unknown') as doubts
    from messages join people on people.id = messages.person_id`);
  const broken: string[] = [];
  const say = (what: string, which: readonly unknown[]) => {
    if (which.length > 0) broken.push(`${which.length} ${what}, such as ${JSON.stringify(which.slice(0, 3))}`);
  };
  const byId = new Map(rows.map((row) => [row.messageId, row]));
  const arrived = Map.groupBy(mails, (mail) => mail.messageId);
  const copiesOf = (messageId: string | null) => arrived.get(messageId ?? "")?.length ?? 0;

  const fine = mayRefuse ? ["accepted", "refused"] : ["accepted"];
  const staying = rows.filter(({ email }) => !left.has(email));
  say(
    "of people who stay are not done",
    staying.filter(({ state }) => !fine.includes(state)),
  );
  say(
    "of people who left are not resolved",
    rows.filter(({ email, state }) => left.has(email) && !["accepted", "refused", "skipped"].includes(state)),
  );
  const expected = (people - left.size) * steps;
  if (staying.length !== expected) broken.push(`${staying.length} steps of people who stay, and not ${expected}`);
  say(
    "are lost: accepted, and the relay has none",
    rows.filter((row) => row.state === "accepted" && copiesOf(row.messageId) === 0),
  );
  say(
    "came that nobody recorded",
    [...arrived.keys()].filter((id) => !byId.has(id)),
  );

  const twice = [...arrived].filter(([, copies]) => copies.length > 1);
  say(
    "came twice and nobody knew of a doubt",
    twice.filter(([id, copies]) => copies.length - 1 > (byId.get(id)?.doubts ?? 0)),
  );
  say(
    "came twice with other bytes",
    twice.filter(([, copies]) => copies.some(({ hash }) => hash !== copies[0]!.hash)),
  );
  for (const [id, copies] of twice.slice(0, SHOWN_AGAIN)) {
    const bytes = await bytesOf(db, byId.get(id)?.id ?? 0);
    if (bytes && hashOf(bytes) !== copies[0]!.hash) broken.push(`${id} cannot be shown as it was sent`);
  }
  const doubled = mails.length - arrived.size;
  if (doubled > mostTwice) broken.push(`${doubled} came once more, and no more than ${mostTwice} may`);
  const perStep = Map.groupBy(mails, ({ to, step }) => `${to} ${step}`);
  say(
    "steps came under two Message-IDs",
    [...perStep].filter(([, all]) => new Set(all.map((one) => one.messageId)).size > 1),
  );

  for (const [to, all] of Map.groupBy(mails, (mail) => mail.to)) {
    const first = new Map<number, number>();
    const last = new Map<number, number>();
    for (const [at, { step }] of all.entries()) {
      if (!first.has(step)) first.set(step, at);
      last.set(step, at);
    }
    const order = [...first.keys()].sort((a, b) => a - b);
    const disordered = order.find((step, at) => at > 0 && first.get(step)! < last.get(order[at - 1]!)!);
    if (disordered !== undefined) broken.push(`step ${disordered} of ${to} came before the one before it was done`);
    const entered = left.get(to);
    const late = entered && all.filter(({ messageId }) => copiesOf(messageId) > (entered.get(messageId) ?? 0));
    if (late && late.length > 0) broken.push(`${to} got ${late.length} after unsubscribing`);
  }
  return { mails: mails.length, twice: doubled, broken };
}
