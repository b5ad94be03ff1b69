/** The SQL of imports: a batch is staged by COPY and merged set by set, in one transaction of its own. Parses nothing. */
import { CamelCasePlugin, Kysely, PostgresDialect, sql } from "kysely";
import type { PoolClient } from "pg";
import { from as copyFrom } from "pg-copy-streams";
import { Readable } from "node:stream";
import { pipeline } from "node:stream/promises";
import { recordChange } from "../accounts/audit.ts";
import { type DeclaredField, personColumns } from "../core/csv-mapping.ts";
import type { Draft } from "../core/csv-person.ts";
import { CONTACT_STATUSES, FIRST_STATUS } from "../core/person.ts";
import type { Database, Tx } from "../db/database.ts";
import type { PersonKind, Tables } from "../db/tables.ts";
import { suppressAll } from "../suppressions/suppressions.ts";
import { DO_NOT_CONTACT } from "./api.ts";
import { declareMissing } from "./fields.ts";
import type { Neighbours } from "./people.ts";

export type BatchOptions = {
  readonly kind: PersonKind;
  readonly mode: "create" | "update" | "skip";
  readonly dryRun?: boolean;
  readonly actor: { readonly name: string };
  readonly neighbours: Pick<Neighbours, "onDoNotContact" | "onConverted" | "onTimeZone" | "onTraits">;
  readonly newFields: readonly DeclaredField[];
  readonly now: Temporal.Instant;
};

type Counts = { created: number; updated: number; unchanged: number; skipped: number };

/** A row that found its address taken, in mode `create`. */
export type Refused = { readonly line: number; readonly cells: readonly string[]; readonly problem: string };

export type Batch = {
  rows: number;
  add(line: number, draft: Draft, erased: boolean, cells: readonly string[]): void;
  /** Rows in COPY's text format, not yet bytes, and those that are: off the heap, where a batch is no burden. */
  text: string;
  readonly bytes: Buffer[];
  readonly cells: Map<number, readonly string[]>;
  readonly unsubscribed: string[];
  readonly doNotContact: string[];
  readonly erased: string[];
};

export type Batches = {
  begin(): Batch;
  /** Writes a batch whole or not at all, and adds to the counts. */
  write(batch: Batch, counts: Counts): Promise<Refused[]>;
  finish(): Promise<void>;
  abandon(): Promise<void>;
};

const DETAILS = personColumns.filter((column) => column !== "status" && column !== "fullName");
const snake = (name: string) => name.replaceAll(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`);
const DETAIL_COLUMNS = DETAILS.map(snake);
/** A write a row would cost more than the row. */
const PIECE_CHARACTERS = 65_536;
/** Any number nobody else takes: "people" on a telephone. */
const IMPORT_LOCK = 736753;
const NAMES = ["salutation", "first_name", "middle_name", "last_name"];
const STAGED = [
  ...DETAIL_COLUMNS,
  "line",
  "status",
  "full_name",
  "named",
  "email",
  "email_key",
  "owner_id",
  "attributes",
  "further",
  "disabled",
  "never_measured",
];

/** Takes a connection for the length of an import: COPY needs one, and the statements around it the same one. */
export async function openBatches(database: Database, options: BatchOptions): Promise<Batches> {
  const client = await database.pool.connect();
  const db = pinned(client);
  const owners = await ownerIds(database);
  let fieldsDeclared = options.dryRun === true || options.newFields.length === 0;
  let total = 0;

  return {
    begin: () => newBatch(owners),
    async write(batch, counts) {
      if (batch.rows === 0) return [];
      const before = { ...counts };
      const transaction = await db.startTransaction().execute();
      try {
        // Two imports with the same addresses in another order would wait for each other for ever: they take turns.
        if (!options.dryRun) await sql`select pg_advisory_xact_lock(${IMPORT_LOCK})`.execute(transaction);
        if (!fieldsDeclared) await declareMissing(transaction, options.newFields, options.actor, options.now);
        await stage(transaction, client, batch);
        const refused = await merge(transaction, batch, options, counts);
        await (options.dryRun ? transaction.rollback() : transaction.commit()).execute();
        fieldsDeclared = true;
        total += batch.rows;
        return refused;
      } catch (error) {
        Object.assign(counts, before);
        // The first error says what happened; a lost connection cannot be rolled back and need not be.
        await transaction
          .rollback()
          .execute()
          .catch(() => undefined);
        throw error;
      }
    },
    async finish() {
      client.release();
      if (options.dryRun || total === 0) return;
      const { actor, kind, mode, now } = options;
      await database.db
        .transaction()
        .execute((tx) =>
          recordChange(
            tx,
            { actor, action: "import", subjectType: kind, subjectId: "many", after: { rows: total, mode } },
            now,
          ),
        );
    },
    async abandon() {
      // The connection may be inside a failed COPY: it is closed rather than given back.
      client.release(true);
    },
  };
}

/** The same connection as a query builder, so that front doors of other modules join the transaction. */
function pinned(client: PoolClient): Kysely<Tables> {
  const held = { query: client.query.bind(client), release: () => undefined } as unknown as PoolClient;
  return new Kysely<Tables>({
    dialect: new PostgresDialect({ pool: { connect: async () => held, end: async () => undefined, options: {} } }),
    plugins: [new CamelCasePlugin({ maintainNestedObjectKeys: true })],
  });
}

async function ownerIds(database: Database): Promise<ReadonlyMap<string, number>> {
  const users = await database.db
    .selectFrom("users")
    .select(["id", "name", "emailKey"])
    .orderBy("id", "desc")
    .execute();
  return new Map(
    users.flatMap(({ id, name, emailKey }) => [[name.toLowerCase(), id] as const, [emailKey, id] as const]),
  );
}

function newBatch(owners: ReadonlyMap<string, number>): Batch {
  return {
    rows: 0,
    text: "",
    bytes: [],
    cells: new Map(),
    unsubscribed: [],
    doNotContact: [],
    erased: [],
    add(line, draft, erased, cells) {
      this.rows += 1;
      const { columns, emailKey } = draft;
      const ownerId = columns.owner === null ? undefined : owners.get(columns.owner.toLowerCase());
      let text = "";
      for (const column of DETAILS) text += `${copied(columns[column])}\t`;
      text += `${line}\t${copied(columns.status)}\t${copied(draft.fullName)}\t${draft.named ? "t" : "f"}\t`;
      text += `${copied(draft.email)}\t${copied(emailKey)}\t${ownerId ?? NULL}\t`;
      text += `${copied(JSON.stringify(draft.attributes))}\t`;
      text += draft.further.length === 0 ? `${NULL}\t` : `${copied(JSON.stringify(draft.further))}\t`;
      text += draft.disabled === null ? `${NULL}\t` : draft.disabled ? "t\t" : "f\t";
      text += draft.neverMeasured ? "t\n" : "f\n";
      this.text += text;
      if (this.text.length > PIECE_CHARACTERS) {
        this.bytes.push(Buffer.from(this.text));
        this.text = "";
      }
      if (cells.length > 0) this.cells.set(line, cells);
      if (emailKey === null) return;
      if (draft.unsubscribed) this.unsubscribed.push(emailKey);
      if (columns.status === DO_NOT_CONTACT) this.doNotContact.push(emailKey);
      if (erased) this.erased.push(emailKey);
    },
  };
}

const NULL = String.raw`\N`;
const ESCAPED: Readonly<Record<string, string>> = { "\\": "\\\\", "\n": "\\n", "\r": "\\r", "\t": "\\t" };

/** A value in COPY's text format. */
function copied(value: string | null): string {
  if (value === null) return NULL;
  return /[\\\n\r\t]/.test(value) ? value.replaceAll(/[\\\n\r\t]/g, (found) => ESCAPED[found] ?? found) : value;
}

async function stage(tx: Tx, client: PoolClient, batch: Batch): Promise<void> {
  await sql`
    create temporary table staged_people (
      ${sql.raw(DETAIL_COLUMNS.map((column) => `${column} text`).join(", "))},
      line bigint, status text, full_name text, named boolean, email text, email_key text, owner_id bigint,
      attributes jsonb, further jsonb, disabled boolean, never_measured boolean
    ) on commit drop`.execute(tx);
  await pipeline(
    Readable.from([...batch.bytes, Buffer.from(batch.text)], { objectMode: false }),
    client.query(copyFrom(`copy staged_people (${STAGED.join(", ")}) from stdin`)),
  );
}

/**
 * Merges what is staged into people. `known` are the rows whose person is there already, found by the address, or
 * without one by name, company and phone; they are read before the insert, so that its rows do not count as known.
 */
async function merge(tx: Tx, batch: Batch, options: BatchOptions, counts: Counts): Promise<Refused[]> {
  const { kind, mode, now } = options;
  // A look into the index for each staged row: hashing would read everybody there is, once a batch.
  await sql`set local enable_hashjoin = off`.execute(tx);
  await sql`set local enable_mergejoin = off`.execute(tx);
  await sql`
    create temporary table known_people on commit drop as
    select staged.line, people.id, people.status as status_before, people.time_zone as time_zone_before
    from staged_people staged join people on people.email_key = staged.email_key
    union all
    select distinct on (staged.line) staged.line, people.id, people.status, people.time_zone
    from staged_people staged join people
      on people.email_key is null and people.erased_at is null and people.kind = ${kind}
      and people.full_name = staged.full_name
      and people.company is not distinct from staged.company and people.phone is not distinct from staged.phone
    where staged.email_key is null`.execute(tx);
  await sql`set local enable_hashjoin = on`.execute(tx);
  await sql`set local enable_mergejoin = on`.execute(tx);
  await sql`analyze known_people`.execute(tx);
  const known = await numberOf(sql`select count(*)::int as number from known_people`, tx);
  const created = options.dryRun ? batch.rows - known : await insertNew(tx, kind, now);
  counts.created += created;
  // Somebody else may have created a few of them in this moment: those count as they would in the next import.
  const met = batch.rows - created;
  const refused: Refused[] = [];
  if (mode === "update") {
    const updated = await updateKnown(tx, options);
    counts.updated += updated;
    counts.unchanged += met - updated;
  } else if (mode === "skip") counts.skipped += met;
  else if (met > 0) refused.push(...(await refusedRows(tx, batch)));
  if (options.dryRun) return refused;
  if (mode !== "update")
    await sql`delete from staged_people using known_people known where staged_people.line = known.line`.execute(tx);
  await sql`
    insert into person_addresses (person_id, email, email_key)
    select people.id, one.email, one.key
    from staged_people staged
      cross join lateral jsonb_to_recordset(staged.further) as one (email text, key text)
      join people on people.email_key = staged.email_key
    where staged.further is not null and one.key <> people.email_key
    on conflict do nothing`.execute(tx);
  await suppressAll(tx, batch.unsubscribed, { reason: "imported", origin: "unsubscribed in an imported file" }, now);
  await suppressAll(tx, batch.doNotContact, { reason: "do-not-contact", origin: "an imported file" }, now);
  await suppressAll(tx, batch.erased, { reason: "erased", origin: "the address was erased and came back" }, now);
  return refused;
}

async function insertNew(tx: Tx, kind: PersonKind, now: Temporal.Instant): Promise<number> {
  const details = sql.raw(DETAIL_COLUMNS.join(", "));
  return numberOf(
    sql`
    with made as (
      insert into people (${details}, kind, status, full_name, email, email_key, owner_id, attributes, measuring, disabled_at, came_by, created_at, changed_at)
      select ${details}, ${kind}, coalesce(status, ${FIRST_STATUS[kind]}), full_name, email, email_key, owner_id, attributes,
        case when never_measured then 'never' else 'as-campaign' end, case when disabled then ${now}::timestamptz end, 'import', ${now}::timestamptz, ${now}::timestamptz
      from staged_people staged
      where not exists (select from known_people known where known.line = staged.line)
      order by line
      on conflict (email_key) do nothing
      returning 1
    ) select count(*)::int as number from made`,
    tx,
  );
}

/**
 * Each column as it will be: what the file says, else what was there. An empty cell clears nothing; Do Not Contact stays,
 * whatever the file says; never measured stays so; a Contact takes no status only a Lead can have.
 */
function afterwards(now: Temporal.Instant) {
  const or = (column: string) => `coalesce(staged.${column}, people.${column})`;
  const columns = Object.fromEntries(DETAIL_COLUMNS.map((column) => [column, sql.raw(or(column))]));
  return {
    ...columns,
    status: sql`case
      when people.status = ${DO_NOT_CONTACT} or staged.status is null then people.status
      when people.kind = 'contact' and staged.status <> all(${[...CONTACT_STATUSES]}::text[]) then people.status
      else staged.status end`,
    full_name: sql`case
      when ${sql.raw(or("first_name"))} is null then case when staged.named then staged.full_name else people.full_name end
      when row(${sql.raw(NAMES.map(or).join(", "))}) is not distinct from row(${sql.raw(NAMES.map((name) => `people.${name}`).join(", "))})
        then people.full_name
      else concat_ws(' ', ${sql.raw(NAMES.map(or).join(", "))}) end`,
    owner_id: sql`case when staged.owner is null then people.owner_id else staged.owner_id end`,
    attributes: sql`people.attributes || staged.attributes`,
    measuring: sql`case when staged.never_measured then 'never' else people.measuring end`,
    disabled_at: sql`case
      when staged.disabled then coalesce(people.disabled_at, ${now}::timestamptz)
      when staged.disabled is null then people.disabled_at end`,
  };
}

/** Updates the people whose row would change and leaves the others untouched, `changed_at` included. */
async function updateKnown(tx: Tx, { dryRun, neighbours, now }: BatchOptions): Promise<number> {
  const after = Object.entries(afterwards(now));
  const names = after.map(([name]) => name);
  const matched = sql`known.line = staged.line and people.id = known.id and (
    row(${sql.join(names.map((name) => sql.raw(`people.${name}`)))}) is distinct from row(${sql.join(after.map(([, value]) => value))})
    or staged.further is not null and exists (
      select from jsonb_to_recordset(staged.further) as one (key text)
      where one.key <> people.email_key and not exists (
        select from person_addresses there where there.person_id = people.id and there.email_key = one.key)))`;
  if (dryRun)
    return numberOf(
      sql`select count(*)::int as number from people, staged_people staged, known_people known where ${matched}`,
      tx,
    );
  const updated = await sql<{ id: number; status: string; statusBefore: string; moved: boolean }>`
    update people set ${sql.join(after.map(([name, value]) => sql`${sql.raw(name)} = ${value}`))}, changed_at = ${now}::timestamptz
    from staged_people staged, known_people known
    where ${matched}
    returning people.id, people.status, known.status_before,
      people.time_zone is distinct from known.time_zone_before as moved`.execute(tx);
  const became = (status: string) =>
    updated.rows.flatMap((row) => (row.status === status && row.statusBefore !== status ? [row.id] : []));
  const [stopped, converted] = [became(DO_NOT_CONTACT), became("Converted")];
  const moved = updated.rows.flatMap((row) => (row.moved ? [row.id] : []));
  if (moved.length > 0) await neighbours.onTimeZone(tx, moved, now);
  if (updated.rows.length > 0)
    await neighbours.onTraits(
      tx,
      updated.rows.map(({ id }) => id),
      now,
    );
  if (stopped.length > 0) await neighbours.onDoNotContact(tx, stopped, now);
  if (converted.length > 0) await neighbours.onConverted(tx, converted, now);
  return updated.rows.length;
}

async function refusedRows(tx: Tx, batch: Batch): Promise<Refused[]> {
  const taken = await sql<{ line: number; id: number; kind: string }>`
    select distinct on (staged.line) staged.line, people.id, people.kind
    from staged_people staged
      left join known_people known on known.line = staged.line
      join people on people.id = known.id
    order by staged.line`.execute(tx);
  return taken.rows.map(({ line, id, kind }) => ({
    line,
    cells: batch.cells.get(line) ?? [],
    // Without the name: a job's result outlives an erasure.
    problem: `${kind === "lead" ? "Lead" : "Contact"} ${id} is there already.`,
  }));
}

async function numberOf(query: ReturnType<typeof sql>, tx: Tx): Promise<number> {
  const { rows } = await query.execute(tx);
  return (rows[0] as { number: number } | undefined)?.number ?? 0;
}
