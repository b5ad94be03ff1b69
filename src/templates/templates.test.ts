/** Email templates and their versions as an author meets them, on a real database. */
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { type FreshDatabase, freshDatabase } from "../../test/database.ts";
import { examplePerson } from "../../test/examples.ts";
import * as senders from "../accounts/senders.ts";
import type { Refusal } from "../core/problem.ts";
import { declare } from "../people/fields.ts";
import { emailTemplates as api, templateInput } from "./api.ts";
import { preview } from "./preview.ts";
import * as templates from "./templates.ts";
import { templateVariables } from "./variables.ts";

const now = Temporal.Instant.from("2026-12-01T12:00:00Z");
const later = Temporal.Instant.from("2026-12-02T12:00:00Z");
const actor = { name: "ana@example.com" };

let fresh: FreshDatabase;
beforeAll(async () => {
  fresh = await freshDatabase();
  await fresh.pool.query(
    "insert into person_fields (key, label, type, created_at) values ('favourite_colour', 'Favourite colour', 'text', now())",
  );
});
afterAll(() => fresh?.close());

let serial = 0;
const create = (more: object = {}) =>
  templates.create(
    fresh.db,
    templateInput.parse({ name: `Template ${++serial}`, subject: "Welcome", body: "Hello {{ first_name }}.", ...more }),
    actor,
    now,
  );
const update = (id: number, edit: object, unchangedSince: Temporal.Instant | null = null) =>
  templates.update(fresh.db, id, edit, actor, unchangedSince, later);
const refusalOf = (work: Promise<unknown>) =>
  work.then(
    () => expect.fail("it was not refused"),
    (error: Refusal) => ({ code: error.code, detail: error.message, faults: error.faults }),
  );
const shown = (input: object) => preview(fresh.db, api.preview.body.parse({ subject: "Hi", ...input }), now);
async function useInStep(emailTemplateId: number, removed = false): Promise<void> {
  const { rows } = await fresh.pool.query<{ id: number }>(
    "insert into campaigns (name, created_at, changed_at) values (gen_random_uuid()::text, now(), now()) returning id",
  );
  await fresh.pool.query(
    "insert into steps (campaign_id, position, email_template_id, send_after_days, added_at, removed_at) values ($1, 1, $2, 0, now(), case when $3 then now() end)",
    [rows[0]?.id, emailTemplateId, removed],
  );
}

describe("versions", () => {
  it("E10 every change of content is a version; the same content again, and a new name, are none", async () => {
    const made = await create();
    expect(made.versionNumber).toBe(1);
    expect((await update(made.id, { body: "Dear {{ first_name }}." })).versionNumber).toBe(2);
    const same = await update(made.id, { body: "Dear {{ first_name }}." });
    const renamed = await update(made.id, { name: `Renamed ${made.id}` });
    expect([same.versionNumber, renamed.versionNumber, renamed.id]).toEqual([2, 2, made.id]);
    expect((await update(made.id, { body: "Hello {{ first_name }}." })).versionNumber).toBe(3);
    const trail = await templates.versions(fresh.db, made.id, { limit: 10 });
    expect(trail.map(({ number, body, createdBy }) => [number, body, createdBy])).toEqual([
      [3, "Hello {{ first_name }}.", actor.name],
      [2, "Dear {{ first_name }}.", actor.name],
      [1, "Hello {{ first_name }}.", actor.name],
    ]);
  });

  it("E10 what was sent keeps its version: it can be read for ever and changed by nobody", async () => {
    const made = await create();
    const before = await templates.version(fresh.db, made.versionId);
    await update(made.id, { subject: "Changed" });
    expect(await templates.version(fresh.db, made.versionId)).toEqual(before);
    expect(await templates.currentVersionId(fresh.db, made.id)).not.toBe(made.versionId);
    await expect(
      fresh.pool.query("update content_versions set subject = 'forged' where id = $1", [made.versionId]),
    ).rejects.toThrow("immutable");
  });

  it("two changes at once are two versions, each with a number of its own", async () => {
    const made = await create();
    await Promise.all(["One.", "Two.", "Three."].map((body) => update(made.id, { body })));
    const trail = await templates.versions(fresh.db, made.id, { limit: 10 });
    expect(trail.map(({ number }) => number)).toEqual([4, 3, 2, 1]);
  });

  it("many versions are looked at without keeping them all in memory, and each is the right one", async () => {
    const made = await create();
    await fresh.pool.query(
      `insert into content_versions (email_template_id, number, format, subject, body, compiled_subject, compiled_html,
         compiled_text, variables, general, content_hash, created_at)
       select $1, n, 'html', 'Subject ' || n, '', '', '', '', '[]', false, '', now() from generate_series(2, 450) as n`,
      [made.id],
    );
    const ids = (await templates.versions(fresh.db, made.id, { limit: 450 })).map(({ id }) => id);
    for (const id of ids) await templates.version(fresh.db, id);
    for (const id of ids.slice(0, 20)) expect((await templates.version(fresh.db, id)).id).toBe(id);
    expect((await refusalOf(templates.version(fresh.db, 999_999))).code).toBe("content-version-not-found");
  });

  it("an edit of what somebody else changed meanwhile is refused", async () => {
    const made = await create();
    await update(made.id, { subject: "Theirs" }, made.changedAt);
    expect((await refusalOf(update(made.id, { subject: "Mine" }, made.changedAt))).code).toBe("changed-meanwhile");
  });
});

describe("names and deletion", () => {
  it("a name is taken whatever its letter case", async () => {
    const made = await create();
    const again = await refusalOf(create({ name: made.name.toUpperCase() }));
    expect([again.code, again.faults[0]?.pointer]).toEqual(["email-template-exists", "/name"]);
    const other = await create();
    expect((await refusalOf(update(other.id, { name: made.name }))).code).toBe("email-template-exists");
  });

  it("E8 one that a step uses, or used before it was removed, cannot be deleted", async () => {
    for (const removed of [false, true]) {
      const made = await create();
      await useInStep(made.id, removed);
      expect((await refusalOf(templates.remove(fresh.db, made.id, actor, later))).code).toBe("email-template-in-use");
      expect(await templates.find(fresh.db, made.id)).toBeDefined();
    }
  });

  it("E8 one that nothing uses is deleted with its versions", async () => {
    const made = await create();
    await update(made.id, { subject: "Again" });
    await templates.remove(fresh.db, made.id, actor, later);
    expect(await templates.find(fresh.db, made.id)).toBeUndefined();
    expect((await refusalOf(templates.get(fresh.db, made.id))).code).toBe("email-template-not-found");
  });

  it("E35 every change is kept: who, what, before, after", async () => {
    const made = await create();
    await update(made.id, { name: `After ${made.id}`, body: "Other words." });
    await update(made.id, { body: "Other words." });
    await templates.remove(fresh.db, made.id, actor, later);
    const { rows } = await fresh.pool.query(
      "select actor, action, before, after from audit_entries where subject_type = 'email-template' and subject_id = $1 order by id",
      [String(made.id)],
    );
    expect(rows).toMatchObject([
      { actor: actor.name, action: "create" },
      { action: "update", before: { name: made.name, version: 1 }, after: { name: `After ${made.id}`, version: 2 } },
      { action: "delete", before: { name: `After ${made.id}` } },
    ]);
  });
});

describe("mistakes", () => {
  it("E77 a syntax error is refused with field, line and column, and nothing is saved", async () => {
    const name = `Broken ${++serial}`;
    const refused = await refusalOf(create({ name, body: "Hello\n  {{ first_name }\nworld" }));
    expect(refused.code).toBe("email-template-invalid");
    expect(refused.faults[0]).toMatchObject({ pointer: "/body", detail: expect.stringMatching(/^line 2, column \d+/) });
    expect(await templates.findByName(fresh.db, name)).toBeUndefined();
    const subject = await refusalOf(create({ subject: "{% if first_name %}Hello" }));
    expect(subject.faults[0]?.pointer).toBe("/subject");
  });

  it("E75 an unknown variable is refused with its place; a person's fields, declared ones and the system's are known", async () => {
    const refused = await refusalOf(create({ body: "Hello\n{{ frist_name }}" }));
    expect(refused.faults[0]).toMatchObject({ pointer: "/body", detail: expect.stringContaining("line 2") });
    expect(refused.detail).toContain("frist_name");
    const made = await create({
      body: "{{ first_name }} {{ doc.company }} {{ favourite_colour }} {{ unsubscribe_url }} {{ sender_name }}",
    });
    expect(made.variables).toEqual(expect.arrayContaining(["favourite_colour", "first_name"]));
  });

  it.each(["{{ doc.__class__ }}", "{{ doc['__proto__'] }}", "{{ first_name.constructor }}"])(
    "E78 what reaches for the program is refused in subject, body and text: %s",
    async (source) => {
      for (const field of ["subject", "body", "text"]) {
        const refused = await refusalOf(create({ [field]: source }));
        expect([refused.code, refused.faults[0]?.pointer]).toEqual(["email-template-invalid", `/${field}`]);
      }
    },
  );

  it("E77 all mistakes are named at once, each in its field", async () => {
    const { faults } = await refusalOf(
      create({ subject: "{{ wrong_one }}", body: "{{ wrong_two }} {{ wrong_three }}" }),
    );
    expect(faults.map(({ pointer }) => pointer)).toEqual(["/subject", "/body", "/body"]);
  });

  it("E77 a mistake in an edit leaves the version there was", async () => {
    const made = await create();
    expect((await refusalOf(update(made.id, { body: "{{ nonsense" }))).code).toBe("email-template-invalid");
    expect((await templates.get(fresh.db, made.id)).versionNumber).toBe(1);
  });
});

describe("versions", () => {
  it("one is shown with the plain text that is sent, and may become the newest again as a new version", async () => {
    const made = await create({ subject: "One", body: "First {{ first_name }}" });
    await templates.update(fresh.db, made.id, { body: "Second" }, actor, null, now);
    const first = await templates.versionNumbered(fresh.db, made.id, 1);
    expect(first).toMatchObject({ number: 1, body: "First {{ first_name }}", current: false });
    expect(first.plainText).toContain("First {{ first_name }}");
    const restored = await templates.restore(fresh.db, made.id, 1, actor, now);
    expect(restored).toMatchObject({ versionNumber: 3, body: "First {{ first_name }}" });
    expect((await templates.restore(fresh.db, made.id, 3, actor, now)).versionNumber).toBe(3);
    expect((await refusalOf(templates.versionNumbered(fresh.db, made.id, 9))).code).toBe("content-version-not-found");
  });

  it("an author is offered every field a template may name, declared ones included", async () => {
    await declare(fresh.db, { key: "plan_name", label: "Plan", type: "choice", choices: ["Gold"] }, actor, now);
    const offered = await templateVariables(fresh.db);
    expect(offered).toContainEqual(expect.objectContaining({ name: "plan_name", example: "Gold", group: "field" }));
    for (const { insert } of offered)
      expect((await shown({ body: insert })).problems.filter(({ severity }) => severity === "error")).toEqual([]);
  });
});

describe("a preview", () => {
  it("E79 shows the mail for a person, and saves nothing", async () => {
    const personId = await examplePerson(fresh.db, {
      firstName: "Zoë & Co",
      attributes: JSON.stringify({ favourite_colour: "green" }),
    });
    const count = () =>
      fresh.pool
        .query("select count(*)::int as count from content_versions")
        .then(({ rows }) => rows[0].count as number);
    const before = await count();
    const mail = await shown({
      subject: "For {{ first_name }}",
      format: "html",
      body: "<p>{{ doc.first_name }} likes {{ favourite_colour }}</p>",
      personId,
    });
    expect(mail.subject).toBe("For Zoë & Co");
    expect(mail.html).toContain("Zoë &amp; Co likes green");
    expect(mail.text).toContain("Zoë & Co likes green");
    expect(await count()).toBe(before);
  });

  it("E75, E79 without a person it takes the values given, and defaults where there are none", async () => {
    const body = "Hello {{ first_name | default('friend') }}.";
    expect((await shown({ body })).text).toContain("Hello friend.");
    expect((await shown({ body, variables: { first_name: "Bo" } })).text).toContain("Hello Bo.");
  });

  it("E72 the body that was written is the one that is shown, in each format", async () => {
    for (const [format, body] of [
      ["html", "<p>Some <b>words</b></p>"],
      ["markdown", "Some **words**"],
      [
        "mjml",
        "<mjml><mj-body><mj-section><mj-column><mj-text>Some words</mj-text></mj-column></mj-section></mj-body></mjml>",
      ],
    ]) {
      const mail = await shown({ format, body });
      expect([format, mail.html.includes("words"), mail.text.includes("words"), mail.html.includes("**")]).toEqual([
        format,
        true,
        true,
        false,
      ]);
    }
  });

  it("tells with its place what a save would refuse, renders nothing then, and refuses a person who is none", async () => {
    const mail = await shown({ body: "Hi\n{{ nobody_knows }}" });
    expect(mail.problems).toMatchObject([{ severity: "error", field: "body", line: 2, code: "unknown-variable" }]);
    expect([mail.html, mail.text]).toEqual(["", ""]);
    expect((await refusalOf(shown({ body: "Hi", personId: 999_999 }))).code).toBe("person-not-found");
  });

  it("names the variables in use and those the person has no value for, and the size of the HTML", async () => {
    const personId = await examplePerson(fresh.db, { firstName: "Bo" });
    const mail = await shown({
      subject: "{{ first_name }}",
      preheader: "For {{ first_name }}",
      body: "{{ company }}",
      personId,
    });
    expect(mail.usedVariables).toEqual(expect.arrayContaining(["first_name", "company", "unsubscribe_url"]));
    expect(mail.missing).toContain("company");
    expect(mail.missing).not.toContain("first_name");
    expect(mail.preheader).toBe("For Bo");
    expect(mail.sizeBytes).toBe(Buffer.byteLength(mail.html));
  });

  it("a signature is HTML in the one part and plain in the other, and escaped only where it was text", async () => {
    const sender = (more: object) =>
      senders.create(fresh.db, { name: "Marta", email: `m${++serial}@example.com`, ...more }, actor, now);
    const body = "Bye\n\n{% if signature %}{{ signature }}{% endif %}";
    const html = await sender({ signatureHtml: "<b>Marta</b> Silva" });
    const both = await shown({ body, senderId: html.id });
    expect(both.html).toContain("<b>Marta</b> Silva");
    expect(both.text).toContain("Marta Silva");
    expect(both.text).not.toContain("<b>");
    const plain = await sender({ signatureText: "M & S\nLisbon" });
    const derived = await shown({ body, senderId: plain.id });
    expect(derived.html).toContain("M &amp; S<br>Lisbon");
    expect(derived.text).toContain("M & S\nLisbon");
    expect((await shown({ body })).text).toMatch(/^Bye\n/);
  });

  it("E71, E74 the subject and both bodies see the person as doc.field and as field, escaped in HTML alone", async () => {
    const personId = await examplePerson(fresh.db, { firstName: "<Bo & Co>" });
    const mail = await shown({
      subject: "For {{ first_name }}",
      body: "To {{ doc.first_name }}",
      format: "html",
      personId,
    });
    expect(mail.subject).toBe("For <Bo & Co>");
    expect(mail.html).toContain("To &lt;Bo &amp; Co&gt;");
    expect(mail.text).toContain("To <Bo & Co>");
  });

  it("E76 a subject or body that looks like a file name is text, when it is saved and when it is shown", async () => {
    const content = { subject: "Intro to Node.js", body: "/etc/hosts.html" };
    expect(await create(content)).toMatchObject(content);
    const mail = await shown(content);
    expect(mail.subject).toBe("Intro to Node.js");
    expect(mail.text).toMatch(/^\/etc\/hosts\.html\n/);
  });

  it("E80 the author's own plain text is shown as it is; rows of a table are lines of the derived one", async () => {
    const rows = "{% for item in items %}<tr><td>{{ item.name }}</td><td>{{ item.price }}</td></tr>{% endfor %}";
    const variables = {
      items: [
        { name: "Tea", price: "3.20" },
        { name: "Coffee", price: "4.50" },
      ],
    };
    const mail = {
      format: "html",
      body: `<table>${rows}</table>`.replaceAll("items", "items | default([])"),
      variables,
    };
    expect((await shown(mail)).text).toMatch(/^\n?Tea 3\.20\n+Coffee 4\.50\n/);
    expect((await shown({ ...mail, text: "Plainly said" })).text).toMatch(/^Plainly said\n/);
  });

  it.each([
    ["its own plain text", { text: "Leave: {{ unsubscribe_url }}" }],
    ["the preheader", { preheader: "{{ unsubscribe_url }}" }],
    ["a condition", { body: "Hi {% if unsubscribe_url %}there{% endif %}" }],
    ["a comment of the template", { body: "Hi {# {{ unsubscribe_url }} #}" }],
    ["a comment of the HTML", { body: "Hi <!-- {{ unsubscribe_url }} -->" }],
    ["an example of a tag", { body: "Hi {% raw %}{{ unsubscribe_url }}{% endraw %}" }],
  ])("E88 the link stands in the HTML and in the text, though the author names it only in %s", async (_, content) => {
    const variables = { unsubscribe_url: "https://mail.example.com/u/1" };
    const { html, text } = await shown({ format: "html", body: "Hi", ...content, variables });
    expect(html.replaceAll(/<!--[^]*?-->/g, "")).toContain('<a href="https://mail.example.com/u/1"');
    expect(text).toContain("https://mail.example.com/u/1");
  });
});
