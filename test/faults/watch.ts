/**
 * Loaded before the program (`node --import`): tells the suite which worker this is, and kills the process at a named
 * statement. Changes nothing that the program sends or is answered.
 */
import pg from "pg";

/**
 * `FAULT_AT=in-data:committed:7`: die at the seventh statement of that kind, when it is `unsent`; when it was `sent` and
 * nobody waits for the answer; when it was `answered`; or when it is `committed`, by itself or with its transaction.
 */
const [point, when, nth] = (process.env["FAULT_AT"] ?? "").split(":");

/** Statements by what they do. */
const POINTS: Readonly<Record<string, RegExp>> = {
  plan: /insert into messages \(email_campaign_id/,
  claim: /set state = 'claimed'/,
  load: /as in_doubt/,
  "in-data": /set state = 'in_data'/,
  record: /insert into delivery_attempts[\s\S]*select id, email_campaign_id, person_id from written/,
  advance: /update email_campaigns\s+set status = next\.status/,
};
/** Mailboxes are claimed, too, under another name. */
const CLAIMS = /(?:update|insert into) messages\b[\s\S]*claimed_by/;
const UUID = /^[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[0-9a-f]{4}-[0-9a-f]{12}$/;

let seen = 0;
let told = false;
/** Connections with a transaction under way, and those whose commit is fatal. */
const inTransaction = new WeakSet<object>();
const fatalCommits = new WeakSet<object>();

type Query = (this: object, ...given: unknown[]) => unknown;
const prototype = pg.Client.prototype as unknown as { query: Query };
const original = prototype.query;

function die(): void {
  process.send?.({ reached: `${point} ${when}` });
  process.kill(process.pid, "SIGKILL");
}

prototype.query = function (...given) {
  const [first, second] = given;
  const text = typeof first === "string" ? first : ((first as { text?: string } | undefined)?.text ?? "");
  const values = (Array.isArray(second) ? second : (first as { values?: unknown[] } | undefined)?.values) ?? [];
  if (!told && CLAIMS.test(text)) {
    const worker = values.find((value) => typeof value === "string" && UUID.test(value));
    if (worker !== undefined) told = Boolean(process.send?.({ worker }));
  }
  const ask = () => original.apply(this, given);
  const thenDie = () => {
    const asked = ask() as Promise<unknown>;
    void asked.then(die, () => undefined);
    return asked;
  };
  if (/^(?:begin|start transaction)/i.test(text)) inTransaction.add(this);
  if (/^(?:commit|rollback)$/i.test(text)) inTransaction.delete(this);
  if (fatalCommits.has(this) && /^commit/i.test(text)) return thenDie();
  if (!point || !POINTS[point]!.test(text)) return ask();
  seen += 1;
  if (seen !== Number(nth)) return ask();
  if (when === "unsent") die();
  if (when === "sent") {
    const asked = ask();
    setImmediate(die);
    return asked;
  }
  if (when === "committed" && inTransaction.has(this)) {
    fatalCommits.add(this);
    return ask();
  }
  return thenDie();
};
