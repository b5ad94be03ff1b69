import { readFile } from "node:fs/promises";
import { existsSync } from "node:fs";
import { join } from "node:path";
import fc from "fast-check";
import { afterAll, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { type FreshDatabase, freshDatabase } from "../../test/database.ts";
import { covering, lift, suppress } from "../suppressions/suppressions.ts";
import { exported } from "./export.ts";
import { BATCH_ROWS, importPeople, type ImportOptions } from "./import.ts";
import * as people from "./people.ts";

const now = Temporal.Instant.from("2026-12-01T09:00:00Z");
const later = Temporal.Instant.from("2026-12-02T09:00:00Z");
const actor = { name: "test" };
const stopped: number[][] = [];
const neighbours: people.Neighbours = {
  erasureKeys: [Buffer.from("a key")],
  onDoNotContact: async (_tx, ids) => void stopped.push([...ids]),
  onConverted: async () => undefined,
  onConversion: async () => undefined,
  onMeasuring: async () => undefined,
  onTimeZone: async () => undefined,
  onTraits: async () => undefined,
  onImported: async () => 0,
  onMerge: async () => undefined,
  namedBy: async () => [],
  onErase: async () => undefined,
};

let fresh: FreshDatabase;
beforeAll(async () => {
  fresh = await freshDatabase();
});
afterAll(() => fresh?.close());
beforeEach(async () => {
  stopped.length = 0;
  await fresh.pool.query("truncate people, person_addresses, person_fields, suppressions, email_groups cascade");
});

async function* pieces(bytes: Uint8Array, length = 65_536) {
  for (let at = 0; at < bytes.length; at += length) yield bytes.subarray(at, at + length);
}

async function load(file: string | Uint8Array, options: Partial<ImportOptions> = {}, at = now) {
  let badRows = "";
  const result = await importPeople(
    fresh.database,
    pieces(typeof file === "string" ? Buffer.from(file) : file, 1000),
    { kind: "lead", actor, neighbours, badRows: (csv) => void (badRows += csv), ...options },
    at,
  );
  expect(result.created + result.updated + result.unchanged + result.skipped + result.bad).toBe(result.read);
  return { ...result, badRows };
}

const counted = ({ read, created, updated, unchanged, skipped, bad }: Awaited<ReturnType<typeof load>>) => ({
  read,
  created,
  updated,
  unchanged,
  skipped,
  bad,
});
const nothing = { read: 0, created: 0, updated: 0, unchanged: 0, skipped: 0, bad: 0 };
const everybody = () => fresh.db.selectFrom("people").selectAll().orderBy("id").execute();
const keyed = (key: string) => people.findByKey(fresh.db, key);

/** The files the product is measured on stand beside the checkout; without them these tests fail, which is right. */
function shared(name: string): Promise<Buffer> {
  const file = join(import.meta.dirname, "../../../shared/data/people", name);
  if (!existsSync(file)) throw new Error(`${file} is needed for this test: put the shared data beside the checkout.`);
  return readFile(file);
}

describe("the files people have", () => {
  it("10,000 leads go in with no hand-made mapping, and going in again changes nothing", async () => {
    const file = await shared("leads-10000.csv");
    const first = await load(file, { unknownColumns: "attributes" });
    expect(counted(first)).toEqual({ ...nothing, read: 10_000, created: first.created, skipped: first.skipped });
    expect(first.created).toBeGreaterThan(9_900);
    expect(first.columns.filter(({ target }) => target === null)).toEqual([]);
    expect(await keyed("fstephens@shepherd.info")).toMatchObject({
      kind: "lead",
      fullName: "Jaime Hayes",
      company: "Mays Inc",
      owner: "Selena Doyle",
      phone: "9802005297",
      mobile: "917-584-0243x4606",
      website: "https://black.com/",
      source: "LinkedIn Outreach",
      status: "Lead",
      notes: "Heart represent while into.",
      attributes: { account_id: "2FCBFE58CC70308", deal_stage: "On Hold" },
    });
    const { count } = await fresh.db
      .selectFrom("personAddresses")
      .select((select) => select.fn.countAll<number>().as("count"))
      .executeTakeFirstOrThrow();
    expect(count).toBeGreaterThan(9_900);
    const again = await load(file, { unknownColumns: "attributes" }, later);
    expect(counted(again)).toEqual({ ...nothing, read: 10_000, unchanged: first.created, skipped: first.skipped });
    expect((await everybody()).every(({ changedAt }) => changedAt.equals(now))).toBe(true);
  });

  it("10,000 customers go in as contacts with no hand-made mapping", async () => {
    const result = await load(await shared("customers-10000.csv"), { kind: "contact", unknownColumns: "attributes" });
    expect(result).toMatchObject({ read: 10_000, bad: 0 });
    expect(await keyed("urangel@espinoza-francis.net")).toMatchObject({
      kind: "contact",
      fullName: "Heather Callahan",
      city: "Lake Jeffborough",
      country: "Norway",
      status: "Passive",
      attributes: { customer_id: "EB54EF1154C3A78", subscription_date: "2020-08-26" },
    });
    const fields = await fresh.db.selectFrom("personFields").select(["key", "type"]).orderBy("key").execute();
    expect(fields).toEqual([
      { key: "customer_id", type: "text" },
      { key: "subscription_date", type: "date" },
    ]);
  });

  const text = 'Vorname;First Name;Email\r\nx;"José; Ñandú\r\nPeña";jose@example.test\r\n';
  const utf16be = Buffer.from(text, "utf16le").swap16();
  it.each([
    ["UTF-8", Buffer.from(text), "utf-8"],
    ["UTF-8 with a byte order mark", Buffer.from(`\u{feff}${text}`), "utf-8"],
    ["UTF-16 LE with a mark", Buffer.from(`\u{feff}${text}`, "utf16le"), "utf-16le"],
    ["UTF-16 BE with a mark", Buffer.concat([Buffer.from([0xfe, 0xff]), utf16be]), "utf-16be"],
    ["UTF-16 LE without a mark", Buffer.from(text, "utf16le"), "utf-16le"],
    ["UTF-16 BE without a mark", utf16be, "utf-16be"],
    ["Windows-1252", Buffer.from(text, "latin1"), "windows-1252"],
  ])("attack 21: %s is read, with semicolons and quoted line breaks", async (_name, bytes, encoding) => {
    const result = await load(bytes);
    expect(result).toMatchObject({ created: 1, encoding, delimiter: ";" });
    expect(await keyed("jose@example.test")).toMatchObject({ firstName: "José; Ñandú Peña" });
  });

  it("Windows-1252 keeps its own signs, also when they come late in the file", async () => {
    const rows = Array.from({ length: 3_000 }, (_one, index) => `Ann ${index},a${index}@example.test\n`).join("");
    const bytes = Buffer.concat([
      Buffer.from(`Name,Email\n${rows}`),
      Buffer.from([0x80]),
      Buffer.from(" Zo\xeb,z@example.test\n", "latin1"),
    ]);
    expect(await load(bytes)).toMatchObject({ created: 3_001, encoding: "windows-1252" });
    expect(await keyed("z@example.test")).toMatchObject({ fullName: "€ Zoë" });
  });

  it.each(["\t", "|"])("a file parted by %j is read", async (delimiter) => {
    const file = [
      ["Full Name", "Email Address"],
      ["Ada Beispiel", "ada@example.test"],
    ]
      .map((row) => row.join(delimiter))
      .join("\n");
    expect(await load(file)).toMatchObject({ created: 1, delimiter });
  });
});

describe("exports of the classic system", () => {
  it("E130 form 1 of Leads is read, and its flag suppresses", async () => {
    const file =
      '"ID","Email","Full Name","Annual Revenue","Unsubscribed"\r\n"CRM-LEAD-2026-00002","bo@example.test","Bo Muster",0.0,1\r\n"CRM-LEAD-2026-00001","","Ada Beispiel",0.0,0\r\n';
    expect(counted(await load(file))).toEqual({ ...nothing, read: 2, created: 2 });
    expect(await covering(fresh.db, "bo@example.test", null)).toMatchObject({
      reason: "imported",
      scope: "everything",
    });
    expect(counted(await load(file))).toEqual({ ...nothing, read: 2, unchanged: 2 });
  });

  it("E130 form 1 of Contacts is read with its further addresses on rows of their own", async () => {
    const file =
      '"ID","First Name","Email ID (Email IDs)","Is Primary (Email IDs)","Link Document Type (Links)","Link Name (Links)"\r\n"Bo Muster","Bo","bo.alt@example.test",0,"Lead","CRM-LEAD-2026-00002"\r\n"","","bo@example.test",1,"",""\r\n"Cy","Cy","cy@example.test",1,"",""\r\n';
    expect(counted(await load(file, { kind: "contact" }))).toEqual({ ...nothing, read: 2, created: 2 });
    const found = await keyed("bo@example.test");
    expect(found).toMatchObject({ firstName: "Bo" });
    const further = await fresh.db.selectFrom("personAddresses").select("email").execute();
    expect(further).toEqual([{ email: "bo.alt@example.test" }]);
  });

  it("E130 form 2 is read: row numbers are passed over and headings trimmed", async () => {
    const file =
      '"Sr","ID","Lead Name ","Email Address","Organization Name","Status"\r\n1,"CRM-LEAD-1","Ada Beispiel","Ada@Example.test","Beispiel GmbH","Replied"\r\n';
    await load(file);
    expect(await keyed("ada@example.test")).toMatchObject({
      fullName: "Ada Beispiel",
      company: "Beispiel GmbH",
      status: "Replied",
    });
  });

  it("E130 form 3 is read: the heading is the row of column names, the data begin below the line", async () => {
    const file = [
      '"Data Import Template"',
      '"DocType:","Lead","","~"',
      '"Column Labels:","ID","Person Name","~","Email Address"',
      '"Column Name:","name","lead_name","~","email_id"',
      '"Mandatory:","Yes","No","~","No"',
      '"Start entering data below this line"',
      '"","""CRM-LEAD-1""","Ada Beispiel","","ada@example.test"',
    ].join("\r\n");
    await load(`${file}\r\n`);
    expect(await keyed("ada@example.test")).toMatchObject({ fullName: "Ada Beispiel" });
  });

  it("E130 headings are known by label, by field name and by both, whatever the letter case", async () => {
    const file = "LEAD_NAME,Email (email_id),Mobile No (mobile_no)\nAda Beispiel,ada@example.test,+49 151\n";
    await load(file);
    expect(await keyed("ada@example.test")).toMatchObject({ fullName: "Ada Beispiel", mobile: "+49 151" });
  });

  it("E132 an empty cell stays empty: no first choice fills it", async () => {
    await load("Email,No of Employees,Status,Salutation\nada@example.test,,,\n", { unknownColumns: "attributes" });
    expect(await keyed("ada@example.test")).toMatchObject({ attributes: {}, salutation: null, status: "Lead" });
  });
});

describe("what an import does to people who are there", () => {
  const file = "First Name,Last Name,Email,City\nAda,Beispiel,ada@example.test,Kiel\n";

  it("update fills in what the file says and clears nothing", async () => {
    await load(file);
    const result = await load("Email,Company,City\nADA@example.test,Beispiel GmbH,\n", {}, later);
    expect(counted(result)).toEqual({ ...nothing, read: 1, updated: 1 });
    expect(await keyed("ada@example.test")).toMatchObject({
      fullName: "Ada Beispiel",
      company: "Beispiel GmbH",
      city: "Kiel",
      changedAt: later,
    });
  });

  it("skip leaves them alone", async () => {
    await load(file);
    expect(counted(await load(file.replace("Kiel", "Bonn"), { mode: "skip" }))).toEqual({
      ...nothing,
      read: 1,
      skipped: 1,
    });
    expect(await keyed("ada@example.test")).toMatchObject({ city: "Kiel" });
  });

  it("create hands the row back and names the holder", async () => {
    await load(file);
    const result = await load(`${file}Bo,,bo@example.test,\nBo,,BO@example.test,\n`, { mode: "create" });
    expect(counted(result)).toEqual({ ...nothing, read: 3, created: 1, bad: 2 });
    expect(result.badRows).toContain("Ada,Beispiel,ada@example.test,Kiel,2,Lead ");
    expect(result.badRows).toContain("same address");
  });

  it("E69 of rows with one address in any letter case the first counts", async () => {
    const result = await load("Name,Email\nAda,Ada@Example.test\nAda Two,ada@example.TEST\n");
    expect(counted(result)).toEqual({ ...nothing, read: 2, created: 1, skipped: 1 });
    expect(await everybody()).toMatchObject([{ fullName: "Ada", email: "Ada@example.test" }]);
  });

  it.each(["create", "update", "skip"] as const)(
    "a dry run in mode %s counts the same and writes nothing",
    async (mode) => {
      await load(file);
      const mixed = `${file}Ada,B.,ada@example.test,x\nBo,,bo@example.test,\nCy,,not-an-address,\n,,,Kiel\n`;
      const before = await everybody();
      const dry = await load(
        mixed.replace("Kiel", "Bonn"),
        { mode, dryRun: true, unknownColumns: "attributes" },
        later,
      );
      expect(await everybody()).toEqual(before);
      const real = await load(mixed.replace("Kiel", "Bonn"), { mode, unknownColumns: "attributes" }, later);
      expect(counted(real)).toEqual(counted(dry));
      expect(real.badRows).toBe(dry.badRows);
    },
  );

  it("people without an address are found again by name, company and phone", async () => {
    const rows = "Name,Company\nAda Beispiel,Beispiel GmbH\nAda Beispiel,Other Ltd\n";
    expect(counted(await load(rows))).toEqual({ ...nothing, read: 2, created: 2 });
    expect(counted(await load(rows))).toEqual({ ...nothing, read: 2, unchanged: 2 });
  });

  it("E97 E101 a re-import never re-subscribes: what was opted out stays so, and Do Not Contact stays", async () => {
    const flagged = "Name,Email,Unsubscribed,Status\nAda,ada@example.test,0,Open\nBo,bo@example.test,0,Open\n";
    await load(flagged);
    await fresh.db
      .transaction()
      .execute((tx) =>
        suppress(tx, { emailKey: "ada@example.test", scope: "everything", reason: "unsubscribed" }, now),
      );
    const bo = await keyed("bo@example.test");
    await people.update(fresh.db, bo?.id ?? 0, "lead", { status: "Do Not Contact" }, actor, neighbours, null, now);
    await load(flagged, {}, later);
    expect(await covering(fresh.db, "ada@example.test", null)).toMatchObject({ reason: "unsubscribed" });
    expect(await keyed("bo@example.test")).toMatchObject({ status: "Do Not Contact" });
    expect(await covering(fresh.db, "bo@example.test", null)).toMatchObject({ reason: "do-not-contact" });
  });

  it("L5 a flag in a file ends the measuring of a person, and no file begins it", async () => {
    await load("Name,Email,Never Measured\nAda,ada@example.test,yes\nBo,bo@example.test,no\nCy,cy@example.test,\n");
    const measured = async () => (await everybody()).map(({ measuring }) => measuring);
    expect(await measured()).toEqual(["never", "as-campaign", "as-campaign"]);
    const again = await load(
      "Name,Email,Do Not Track\nAda,ada@example.test,no\nBo,bo@example.test,1\nCy,cy@example.test,0\n",
    );
    expect(counted(again)).toEqual({ ...nothing, read: 3, updated: 1, unchanged: 2 });
    expect(await measured()).toEqual(["never", "never", "as-campaign"]);
    let file = "";
    for await (const piece of exported(fresh.db, { kind: "lead" })) file += piece;
    await fresh.pool.query("truncate people cascade");
    await load(file);
    expect(await measured()).toEqual(["never", "never", "as-campaign"]);
    const wrong = await load("Name,Email,Never Measured\nDi,di@example.test,perhaps\n", {
      mapping: { "Never Measured": "neverMeasured" },
    });
    expect(wrong.problems).toEqual([{ line: 2, problem: '"perhaps" is neither yes nor no.' }]);
  });

  it("E98 a flag in a file suppresses the address whatever its letter case, in every mode, and stops what runs", async () => {
    await load("Name,Email\nAda,ada@example.test\nBo,bo@example.test\n");
    await load("Name,Email,Unsubscribed\nAda,ADA@Example.TEST,yes\n", { mode: "skip" });
    expect(await covering(fresh.db, "ada@example.test", 7)).toMatchObject({ reason: "imported" });
    await load("Name,Email,Do Not Contact\nBo,bo@example.test,1\n");
    const bo = await keyed("bo@example.test");
    expect(bo).toMatchObject({ status: "Do Not Contact" });
    expect(stopped).toEqual([[bo?.id]]);
    await load("Name,Email,Do Not Contact\nBo,bo@example.test,1\n");
    expect(stopped).toHaveLength(1);
  });

  it("E38 an erased address that comes back in a file stays suppressed", async () => {
    await load("Name,Email\nAda,ada@example.test\n");
    const ada = await keyed("ada@example.test");
    await people.erase(fresh.db, ada?.id ?? 0, "lead", actor, neighbours, now);
    expect(await covering(fresh.db, "ada@example.test", null)).toBeNull();
    expect(counted(await load("Name,Email\nAda,Ada@example.test\nBo,bo@example.test\n"))).toMatchObject({ created: 2 });
    expect(await covering(fresh.db, "ada@example.test", null)).toMatchObject({ reason: "erased", scope: "everything" });
    expect(await covering(fresh.db, "bo@example.test", null)).toBeNull();
    await fresh.db
      .transaction()
      .execute((tx) => lift(tx, "ada@example.test", { reasons: ["unsubscribed"] }, "ada", now));
    expect(await covering(fresh.db, "ada@example.test", null)).not.toBeNull();
  });
});

describe("an import that is cut short", () => {
  it("leaves whole batches, and importing the file again does the rest and nothing twice", async () => {
    const rows = Array.from({ length: BATCH_ROWS + 5_000 }, (_one, index) => `P${index},p${index}@example.test\n`);
    async function* broken() {
      yield Buffer.from(`Name,Email\n${rows.slice(0, BATCH_ROWS + 1_000).join("")}`);
      throw new Error("the disk is gone");
    }
    const options = { kind: "lead", actor, neighbours } as const;
    await expect(importPeople(fresh.database, broken(), options, now)).rejects.toThrow("the disk is gone");
    expect(await everybody()).toHaveLength(BATCH_ROWS);
    const whole = Buffer.from(`Name,Email\n${rows.join("")}`);
    const again = await importPeople(fresh.database, pieces(whole), options, later);
    expect(again).toMatchObject({ created: 5_000, unchanged: BATCH_ROWS, bad: 0 });
    expect(fresh.pool.idleCount).toBe(fresh.pool.totalCount);
  });

  it("two imports of the same people in another order at the same time both end, and nobody is there twice", async () => {
    const rows = Array.from({ length: 3_000 }, (_one, index) => `P${index},p${index}@example.test\n`);
    const both = await Promise.all([
      load(`Name,Email\n${rows.join("")}`),
      load(`Name,Email\n${rows.toReversed().join("")}`),
    ]);
    expect(both.map(({ created }) => created).toSorted((a, b) => a - b)).toEqual([0, 3_000]);
    expect(await everybody()).toHaveLength(3_000);
  });
});

describe("bad input", () => {
  it("a CSV keeps its good rows and hands back the bad ones with line and reason", async () => {
    const file =
      'Name,Email,Language\nAda,ada@example.test,de\nBo,bo@,de\n"Cy\n2",cy@example.test,not a tag\n,,\nDi,di@example.test,pt_br\n';
    const result = await load(file, { mapping: { Language: "language" } });
    expect(counted(result)).toEqual({ ...nothing, read: 5, created: 2, bad: 3 });
    expect(result.problems.map(({ line }) => line)).toEqual([3, 4, 6]);
    const lines = result.badRows.split("\r\n");
    expect(lines[0]).toBe("Name,Email,Language,line,problem");
    expect(lines[1]).toMatch(/^Bo,bo@,de,3,.*not an email address/);
    expect(await keyed("di@example.test")).toMatchObject({ language: "pt-BR" });
  });

  it("attack 21: NUL, a row too wide, an open quote and unreadable bytes are bad rows, the rest goes in", async () => {
    const good = "Ada,ada@example.test\n";
    const bytes = Buffer.concat([
      Buffer.from(`Name,Email\nMüller,m@example.test\nN\0UL,n@example.test\nW${",".repeat(3_000)}\n`),
      Buffer.from([0x5a, 0xff, 0x2c, 0x7a, 0x40, 0x7a, 0x2e, 0x64, 0x65, 0x0a]),
      Buffer.from(`"open,o@example.test\n${good}`),
    ]);
    const result = await load(bytes);
    expect(counted(result)).toEqual({ ...nothing, read: 6, created: 2, bad: 4 });
    expect(result.problems.map(({ line }) => line)).toEqual([3, 4, 5, 6]);
    expect(await keyed("ada@example.test")).toBeDefined();
  });

  it("attack 21: a heading of a million columns is refused", async () => {
    await expect(load(`${"a,".repeat(1_000_000)}\n1\n`)).rejects.toThrow(/heading|cannot be read/);
    await expect(load("")).rejects.toThrow("empty");
    await expect(load("\n\n\n")).rejects.toThrow("empty");
    await expect(load("colour,size\nred,4\n")).rejects.toThrow("No column");
  });

  it("attack 18, 40: hostile headings and cells are data", async () => {
    const file =
      'Name,Email,__proto__,constructor,"x\'); drop table people; --"\n"Robert\'); drop table people; --",r@example.test,a,b,\\.\n\\N,n@example.test,\\n,\\t,c\n';
    const result = await load(file, { unknownColumns: "attributes" });
    expect(counted(result)).toEqual({ ...nothing, read: 2, created: 2 });
    expect(await keyed("r@example.test")).toMatchObject({
      fullName: "Robert'); drop table people; --",
      attributes: { field_constructor: "b", proto: "a", x_drop_table_people: "\\." },
    });
    expect(await keyed("n@example.test")).toMatchObject({
      fullName: "\\N",
      attributes: { proto: "\\n", field_constructor: "\\t" },
    });
    expect(({} as Record<string, unknown>).a).toBeUndefined();
  });
});

describe("exports", () => {
  it("E131 what is exported comes back the same, whatever the cells hold", async () => {
    const word = fc
      .oneof(
        fc.stringMatching(/^[=+@'"-]?[A-Za-zé,;"' ]{0,10}[a-z]$/),
        fc.constantFrom("=1+1", "+49 151", "'=x", "@SUM(A1)", "-5"),
      )
      .map((text) => text.trim());
    await fc.assert(
      fc.asyncProperty(
        fc.array(fc.record({ company: word, notes: word, city: word, firstName: word, stage: word }), {
          minLength: 1,
          maxLength: 5,
        }),
        async (given) => {
          await fresh.pool.query("truncate people, person_addresses, person_fields, suppressions cascade");
          await fresh.db
            .insertInto("personFields")
            .values({ key: "stage", label: "Stage", type: "text", choices: null, createdAt: now })
            .execute();
          for (const [index, { stage, ...one }] of given.entries())
            await people.create(
              fresh.db,
              "lead",
              { ...one, attributes: { stage }, email: `p${index}@example.test` },
              actor,
              neighbours,
              now,
            );
          const trimmed = await everybody();
          let file = "";
          for await (const piece of exported(fresh.db, { kind: "lead" })) file += piece;
          const again = await load(file, { unknownColumns: "attributes" }, later);
          expect(counted(again)).toEqual({ ...nothing, read: given.length, unchanged: given.length });
          expect(await everybody()).toEqual(trimmed);
          await fresh.pool.query("truncate people, person_addresses, suppressions cascade");
          expect(await load(file)).toMatchObject({ created: given.length });
          const essence = (rows: Awaited<ReturnType<typeof everybody>>) =>
            rows.map(({ id: _id, cameBy: _cameBy, ...row }) => row);
          expect(essence(await everybody())).toEqual(essence(trimmed));
        },
      ),
      { numRuns: 15 },
    );
  });
});
