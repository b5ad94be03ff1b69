/** Merging, the page, the download and bulk deeds, through the whole application. */
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { openApp, type TestApp } from "../../test/app.ts";
import { sign } from "../core/links.ts";
import { sayMeasuring } from "../people/people.ts";

let app: TestApp;
let templateId: number;
beforeAll(async () => {
  app = await openApp();
  const content = { name: "Hello", subject: "Hello {{ first_name }}", body: "Hi {{ first_name }}" };
  templateId = (await app.good("POST", "/email-templates", content)).id;
});
afterAll(() => app?.close());

let serial = 0;
const lead = (more: object = {}) =>
  app.good("POST", "/leads", { firstName: "Ana", lastName: "Ruiz", email: `ana${++serial}@example.org`, ...more });
const campaign = (days: readonly number[] = [0, 3]) =>
  app.good("POST", "/campaigns", {
    name: `Campaign ${++serial}`,
    steps: days.map((sendAfterDays) => ({ emailTemplateId: templateId, sendAfterDays })),
  });
const start = (campaignId: number, personId: number, more: object = {}) =>
  app.good("POST", "/email-campaigns", { campaignId, personId, ...more });
const group = (members: number[] = []) =>
  app.good("POST", "/email-groups", { title: `Group ${++serial}` }).then(async (made) => {
    if (members.length > 0) await app.good("POST", `/email-groups/${made.id}/members`, { personIds: members });
    return made;
  });

/** The first email of an Email Campaign, once it has been sent. */
async function sentOf(id: number): Promise<any> {
  for (let turn = 0; turn < 200; turn++) {
    const [message] = (await app.good("GET", `/communications?emailCampaignId=${id}&kind=email`)).data;
    if (message?.deliveryStatus === "sent") return message;
    await new Promise((resolve) => setTimeout(resolve, 25));
  }
  throw new Error(`Nothing of ${id} is sent.`);
}

describe("a merge", () => {
  it("E38 moves Email Campaigns, emails, timeline and memberships, keeps the other's address, and its id leads on", async () => {
    const [one, other] = [
      await lead({ company: null }),
      await lead({ firstName: "Anita", company: "Acme", phone: "123", notes: null }),
    ];
    const running = await start((await campaign()).id, other.id);
    await sentOf(running.id);
    await app.good("POST", "/communications", { personId: other.id, subject: "Called", text: "Nice" });
    const { id: groupId } = await group([other.id]);
    const preview = await app.good("POST", `/people/${one.id}/merges/preview`, { otherId: other.id }, "user");
    expect(preview.moves).toMatchObject({ emailCampaigns: 1, messages: 1, timelineEntries: 1, emailGroups: 1 });
    expect(preview.fields).toContainEqual({
      field: "company",
      this: null,
      other: "Acme",
      result: "Acme",
      differs: false,
    });
    expect(preview.fields.find((row: any) => row.field === "firstName")).toMatchObject({
      result: "Ana",
      differs: true,
    });
    expect((await app.ask("POST", `/people/${one.id}/merges`, { otherId: other.id }, "user")).status).toBe(403);
    const merged = await app.good("POST", `/people/${one.id}/merges`, { otherId: other.id }, "manager");
    expect(merged).toMatchObject({ id: one.id, fullName: "Ana Ruiz", company: "Acme", phone: "123", email: one.email });
    expect(merged.addresses).toEqual([
      { email: one.email, primary: true },
      { email: other.email, primary: false },
    ]);
    const page = await app.good("GET", `/people/${other.id}`, undefined, "viewer");
    expect(page).toMatchObject({ id: one.id, formerIds: [other.id], canReceive: true });
    expect(page.groups).toMatchObject([{ emailGroupId: groupId, state: "subscribed" }]);
    expect(page.running).toMatchObject([{ id: running.id, sent: 1, steps: 2, next: { sendAfterDays: 3 } }]);
    const timeline = (await app.good("GET", `/communications?personId=${one.id}`)).data;
    expect(timeline.map((entry: any) => entry.kind).toSorted()).toEqual(["email", "note", "status"]);
    expect((await app.ask("GET", `/leads/${other.id}`)).status).toBe(404);
  });

  it("takes each field from the side that was chosen, the name as a whole", async () => {
    const one = await lead({ city: "Porto", owner: "Marta" });
    const other = await lead({ firstName: "Anita", lastName: "Rey", city: "Lisbon", owner: "Rui" });
    const keep = { fullName: "other", email: "other", city: "other" };
    const preview = await app.good("POST", `/people/${one.id}/merges/preview`, { otherId: other.id, keep });
    const merged = await app.good("POST", `/people/${one.id}/merges`, { otherId: other.id, keep });
    expect(merged).toMatchObject({ firstName: "Anita", fullName: "Anita Rey", city: "Lisbon", owner: "Marta" });
    expect(merged.addresses.map((address: any) => address.email)).toEqual([other.email, one.email]);
    expect(preview.addresses).toEqual(merged.addresses);
    for (const { field, result } of preview.fields) expect([field, merged[field]]).toEqual([field, result]);
  });

  it("of two that run for one Campaign the older goes on; the other stops as cancelled and the timeline says so", async () => {
    const [one, other] = [await lead(), await lead()];
    const { id } = await campaign([5]);
    const older = await start(id, other.id);
    const younger = await start(id, one.id);
    const preview = await app.good("POST", `/people/${one.id}/merges/preview`, { otherId: other.id });
    expect(preview.stops).toMatchObject([{ id: younger.id, continues: older.number }]);
    await app.good("POST", `/people/${one.id}/merges`, { otherId: other.id });
    expect(await app.good("GET", `/email-campaigns/${older.id}`)).toMatchObject({
      status: "In Progress",
      personId: one.id,
    });
    expect(await app.good("GET", `/email-campaigns/${younger.id}`)).toMatchObject({
      status: "Stopped",
      stopReason: "cancelled",
    });
    const { data } = await app.good("GET", `/communications?emailCampaignId=${younger.id}`);
    expect(data[0].subject).toContain(older.number);
  });

  it("never makes somebody receive mail who opted out on either side", async () => {
    for (const which of ["this", "other"] as const)
      for (const primary of ["this", "other"] as const) {
        const [one, other] = [await lead(), await lead()];
        await app.good("POST", "/suppressions", { email: which === "this" ? one.email : other.email });
        const preview = await app.good("POST", `/people/${one.id}/merges/preview`, { otherId: other.id });
        expect(preview.warnings).toHaveLength(1);
        await app.good("POST", `/people/${one.id}/merges`, { otherId: other.id, keep: { email: primary } });
        const page = await app.good("GET", `/people/${one.id}`);
        expect([which, primary, page.canReceive]).toEqual([which, primary, false]);
        expect(new Set(page.suppressions.map((row: any) => row.email))).toEqual(new Set([one.email, other.email]));
      }
  });

  it("who is Do Not Contact on either side is so afterwards, whatever was chosen, and what ran stops", async () => {
    const [one, other] = [await lead(), await lead({ status: "Do Not Contact" })];
    const running = await start((await campaign([5])).id, one.id);
    await app.good("POST", `/people/${one.id}/merges`, { otherId: other.id, keep: { status: "this" } });
    expect((await app.good("GET", `/people/${one.id}`)).status).toBe("Do Not Contact");
    expect((await app.good("GET", `/email-campaigns/${running.id}`)).status).toBe("Stopped");
  });

  it("L5 who is never measured on either side is not afterwards, and what they said themselves stays theirs", async () => {
    const [one, other] = [await lead(), await lead()];
    await app.db.transaction().execute((tx) => sayMeasuring(tx, other.id, "never", app.clock.now));
    const preview = await app.good("POST", `/people/${one.id}/merges/preview`, { otherId: other.id });
    expect(preview.warnings).toContainEqual(expect.stringContaining("never measured"));
    const merged = await app.good("POST", `/people/${one.id}/merges`, { otherId: other.id });
    expect(merged).toMatchObject({ measuring: "never", measuringRefusedAt: app.clock.now.toString() });
    const third = await lead();
    expect(await app.good("POST", `/people/${one.id}/merges`, { otherId: third.id })).toMatchObject({
      measuring: "never",
    });
    const { body } = await app.ask("GET", `/people/${one.id}/export`, undefined, "manager");
    expect(body.person).toMatchObject({ measuring: "never" });
  });

  it("who left a group on either side has left it", async () => {
    const [one, other] = [await lead(), await lead()];
    const { id } = await group([one.id, other.id]);
    await app.good("PUT", `/email-groups/${id}/members/${other.id}/unsubscription`);
    await app.good("POST", `/people/${one.id}/merges`, { otherId: other.id });
    expect((await app.good("GET", `/people/${one.id}`)).groups).toMatchObject([{ state: "unsubscribed" }]);
  });

  it("a link in mail sent to the other still works, after a second merge too, and its opt-out counts for the person", async () => {
    const [last, one, other] = [await lead(), await lead(), await lead()];
    const running = await start((await campaign()).id, other.id);
    const { id } = await sentOf(running.id);
    const messageId = Number(id.split("-")[1]);
    const claim = { emailCampaignId: running.id, personId: other.id, messageId };
    const token = sign(app.secrets.keysFor("links"), "unsubscribe", claim);
    await app.good("POST", `/people/${one.id}/merges`, { otherId: other.id });
    await app.good("POST", `/people/${last.id}/merges`, { otherId: one.id });
    expect((await app.ask("GET", `/u/${token}`)).status).toBe(200);
    await app.leave(token);
    const page = await app.good("GET", `/people/${last.id}`);
    expect(page).toMatchObject({ canReceive: false, whyNot: "The person has unsubscribed.", running: [] });
    expect(page.formerIds).toEqual([one.id, other.id]);
    // A link that names somebody else's message is still nobody's.
    const foreign = sign(app.secrets.keysFor("links"), "unsubscribe", { ...claim, personId: 999_999 });
    expect((await app.ask("GET", `/u/${foreign}`)).status).toBe(404);
  });

  it("refuses oneself, nobody and the erased, and then changes nothing", async () => {
    const [one, other] = [await lead(), await lead()];
    await app.good("PUT", `/leads/${other.id}/erasure`);
    for (const [otherId, status] of [
      [one.id, 422],
      [999_999, 404],
      [other.id, 422],
    ])
      expect((await app.ask("POST", `/people/${one.id}/merges`, { otherId })).status).toBe(status);
  });

  it("forgets no table that names a person: a new one has to be added to the merge", async () => {
    const { rows } = await app.pool.query<{ name: string }>(
      `select relname || '.' || attname as name from pg_attribute join pg_class on pg_class.oid = attrelid
       where relnamespace = current_schema()::regnamespace and relkind = 'r' and attname ~ 'person_id$' order by 1`,
    );
    expect(rows.map(({ name }) => name)).toEqual([
      "conversations.person_id",
      "email_campaigns.person_id",
      "email_group_members.person_id",
      "engagements.person_id",
      "events.person_id",
      "merged_people.person_id",
      "messages.person_id",
      // Of a moment: the survivor has one of their own.
      "pending_facts.person_id",
      // Rules of automatic start go by the survivor: what they noted of the other goes with their row, or starts nobody.
      "pending_starts.person_id",
      "person_addresses.person_id",
      "received_mails.person_id",
      "start_refusals.person_id",
      "start_rule_matches.person_id",
      "suppressions.person_id",
      "timeline_entries.person_id",
    ]);
  });
});

describe("probable duplicates", () => {
  it("are found by +tags, by dots at Gmail alone, and by name with company or domain; not by a name at a free provider", async () => {
    const pair = async (one: object, other: object) => {
      const made = [await lead({ firstName: "U", lastName: String(++serial), ...one })];
      made.push(await lead({ firstName: "V", lastName: String(++serial), ...other }));
      const { data } = await app.good("GET", `/people/duplicates?personId=${made[1].id}`, undefined, "viewer");
      const all = await app.good("GET", "/people/duplicates?limit=500");
      const inAll = all.data.filter((row: any) => row.other.id === made[1].id).map((row: any) => row.reason);
      expect(data.map((row: any) => row.reason)).toEqual(inAll);
      return inAll;
    };
    expect(await pair({ email: "kim+news@corp.example" }, { email: "kim@corp.example" })).toEqual(["same-address"]);
    expect(await pair({ email: "l.e.e@gmail.com" }, { email: "lee+x@googlemail.com" })).toEqual(["same-address"]);
    expect(await pair({ email: "m.o@corp.example" }, { email: "mo@corp.example" })).toEqual([]);
    const name = { firstName: "Jo", lastName: "Doe" };
    expect(
      await pair({ ...name, company: "ACME", email: null }, { ...name, company: "Acme", email: "a@one.example" }),
    ).toEqual(["same-name-and-company"]);
    const other = { firstName: "Kit", lastName: "Moe" };
    expect(await pair({ ...other, email: "k@two.example" }, { ...other, email: "kit@two.example" })).toEqual([
      "same-name-and-domain",
    ]);
    const third = { firstName: "Pat", lastName: "Poe" };
    expect(await pair({ ...third, email: "p1@gmx.de" }, { ...third, email: "p2@gmx.de" })).toEqual([]);
  });

  it("page by page every pair comes once", async () => {
    for (let count = 0; count < 4; count++) await lead({ firstName: "Same", lastName: "Name", company: "Pages Ltd" });
    const whole = (await app.good("GET", "/people/duplicates?limit=500")).data;
    const paged: unknown[] = [];
    let cursor: string | null = "";
    do {
      const page: any = await app.good("GET", `/people/duplicates?limit=2${cursor ? `&cursor=${cursor}` : ""}`);
      paged.push(...page.data);
      cursor = page.nextCursor;
    } while (cursor);
    expect(whole.length).toBeGreaterThanOrEqual(6);
    expect(paged).toEqual(whole);
  });
});

describe("the download of a person's data", () => {
  it("holds the person, attributes, groups, Email Campaigns, emails, timeline, opt-outs and changes, and no working link", async () => {
    await app.good("POST", "/person-fields", { key: "shoe_size", label: "Shoe size", type: "number" });
    const one = await lead({ attributes: { shoe_size: 38 } });
    const { id: groupId } = await group([one.id]);
    const running = await start((await campaign()).id, one.id);
    await sentOf(running.id);
    await app.good("POST", "/communications", { personId: one.id, subject: "Called", text: "Nice" });
    await app.good("POST", "/suppressions", { email: one.email, origin: "by phone" });
    expect((await app.ask("GET", `/people/${one.id}/export`, undefined, "user")).status).toBe(403);
    const answer = await app.ask("GET", `/people/${one.id}/export`, undefined, "manager");
    expect(answer.headers["content-disposition"]).toContain("attachment");
    expect(answer.body).toMatchObject({
      person: { id: one.id, email: one.email, attributes: { shoe_size: 38 } },
      emailGroups: [{ emailGroupId: groupId }],
      emailCampaigns: [{ number: running.number }],
      emails: [{ to: one.email, state: "accepted", subject: `Hello ${one.firstName}` }],
      suppressions: [{ email: one.email, origin: "by phone" }],
      changes: [{ action: "create" }],
    });
    expect(answer.body.timeline[0]).toMatchObject({ kind: "note", detail: { text: "Nice" } });
    expect(answer.text).not.toContain("/u/");
  });

  it("E38 after an erasure there is none, and no table holds the name or the address any more", async () => {
    const [one, other] = [
      await lead({ firstName: "Xaveria", lastName: "Quill", email: "xaveria@erased.example", notes: "about Xaveria" }),
      await lead({ firstName: "Xaveria", lastName: "Quill", email: "xaveria+2@erased.example" }),
    ];
    const running = await start((await campaign()).id, other.id);
    await sentOf(running.id);
    await app.good("POST", `/people/${one.id}/merges`, { otherId: other.id });
    await app.good("PUT", `/leads/${one.id}/erasure`);
    expect((await app.ask("GET", `/people/${one.id}/export`)).body.code).toBe("person-erased");
    const { rows } = await app.pool.query<{ name: string }>(
      "select relname as name from pg_class where relkind = 'r' and relnamespace = 'public'::regnamespace",
    );
    expect(rows.length).toBeGreaterThan(15);
    for (const { name } of rows) {
      const found = await app.pool.query(`select 1 from ${name} where ${name}::text ilike '%xaveria%'`);
      expect([name, found.rowCount]).toEqual([name, 0]);
      // Bytes print as hex.
      const bytes = Buffer.from("xaveria").toString("hex");
      expect([
        name,
        (await app.pool.query(`select 1 from ${name} where ${name}::text ilike '%${bytes}%'`)).rowCount,
      ]).toEqual([name, 0]);
    }
  });
});

describe("bulk actions on people", () => {
  const act = (body: object, as: "user" | "manager" = "manager") => app.good("POST", "/people/bulk-actions", body, as);

  it("add to a group and take out of it again; the undo names those whom it concerned alone", async () => {
    const [one, two, three] = [await lead(), await lead(), await lead()];
    const { id } = await group([one.id, three.id]);
    await app.good("PUT", `/email-groups/${id}/members/${three.id}/unsubscription`);
    const ids = [one.id, two.id, three.id, 999_999];
    const added = await act({ action: "add-to-group", emailGroupId: id, ids });
    expect(added).toMatchObject({ done: 1, unchanged: 2, problems: [{ id: 999_999, code: "person-not-found" }] });
    expect(added.undo.body).toEqual({ action: "remove-from-group", emailGroupId: id, ids: [two.id] });
    expect(await act(added.undo.body)).toMatchObject({ done: 1 });
    const removed = await act({ action: "remove-from-group", emailGroupId: id, ids: [one.id, three.id] });
    // Who had unsubscribed is not subscribed by an undo.
    expect(removed).toMatchObject({ done: 2, undo: { body: { action: "add-to-group", ids: [one.id] } } });
  });

  it("mark Do Not Contact, which stops what runs; delete needs a manager and says who cannot be deleted", async () => {
    const [one, two] = [await lead(), await lead()];
    const running = await start((await campaign([5])).id, one.id);
    const marked = await act({ action: "do-not-contact", ids: [one.id] });
    expect(marked).toMatchObject({ done: 1, undo: null });
    expect((await app.good("GET", `/email-campaigns/${running.id}`)).stopReason).toBe("do-not-contact");
    expect((await app.ask("POST", "/people/bulk-actions", { action: "delete", ids: [two.id] }, "user")).status).toBe(
      403,
    );
    const deleted = await act({ action: "delete", ids: [one.id, two.id] }, "manager");
    expect(deleted).toMatchObject({ done: 1, problems: [{ id: one.id, code: "person-in-use" }] });
    expect((await app.ask("GET", `/people/${two.id}`)).status).toBe(404);
  });

  it("by a filter a job does it, with the same result", async () => {
    for (let count = 0; count < 3; count++) await lead({ company: "Filtered Ltd" });
    const { id } = await group();
    const filter = { company: ["Filtered Ltd"] };
    const { jobId } = await act({ action: "add-to-group", emailGroupId: id, filter });
    expect(await app.result(jobId)).toMatchObject({
      done: 3,
      unchanged: 0,
      undo: { body: { action: "remove-from-group" } },
    });
    expect((await app.good("GET", `/email-groups/${id}`)).subscribed).toBe(3);
  });
});

describe("bulk actions on Email Campaigns", () => {
  const act = (body: object) => app.good("POST", "/email-campaigns/bulk-actions", body, "manager");

  it("pause, resume and cancel each by the transition table, with a sentence for each that cannot", async () => {
    const { id } = await campaign([5]);
    const one = await start(id, (await lead()).id);
    const later = await start(id, (await lead()).id, { startOn: "2026-12-20" });
    const ended = await start(id, (await lead()).id);
    await app.good("PUT", `/email-campaigns/${ended.id}/cancellation`);
    const ids = [one.id, later.id, ended.id, 999_999];
    const paused = await act({ action: "pause", ids });
    expect(paused).toMatchObject({ done: 2, problemCount: 2 });
    expect(paused.problems.map((problem: any) => problem.code).toSorted()).toEqual([
      "email-campaign-not-active",
      "email-campaign-not-found",
    ]);
    const resumed = await act(paused.undo.body);
    expect(resumed).toMatchObject({ done: 2, undo: { body: { action: "pause", ids: [one.id, later.id] } } });
    const statuses = async () =>
      Promise.all([one, later].map(async (each) => (await app.good("GET", `/email-campaigns/${each.id}`)).status));
    expect(await statuses()).toEqual(["In Progress", "Scheduled"]);
    const { jobId } = await act({ action: "cancel", filter: { campaignId: id } });
    expect(await app.result(jobId)).toMatchObject({ done: 2, problemCount: 1, undo: null });
    expect(await statuses()).toEqual(["Stopped", "Stopped"]);
  });
});

describe("a changed calendar", () => {
  const dueOf = async (id: number) => {
    for (let turn = 0; turn < 200; turn++) {
      const { nextDueAt } = await app.good("GET", `/email-campaigns/${id}`);
      if (nextDueAt !== null && nextDueAt !== "2026-12-01T12:00:00Z") return nextDueAt;
      await new Promise((resolve) => setTimeout(resolve, 25));
    }
    throw new Error("It is never looked at again.");
  };

  it("a person's new time zone moves what waits for them at once, an imported one too", async () => {
    const one = await lead({ timeZone: "Europe/Berlin" });
    const { id } = await start((await campaign([5])).id, one.id);
    expect(await dueOf(id)).toBe("2026-12-06T08:00:00Z");
    await app.good("PATCH", `/leads/${one.id}`, { timeZone: "America/New_York" });
    expect(await dueOf(id)).toBe("2026-12-06T14:00:00Z");
    const { jobId } = await app.upload("/imports?kind=lead", `Email,Time Zone\n${one.email},Asia/Tokyo\n`);
    await app.result(jobId);
    expect(await dueOf(id)).toBe("2026-12-06T00:00:00Z");
  });

  it("the workspace's moves those who have none of their own, and leaves the others where they are", async () => {
    const [one, other] = [await lead(), await lead({ timeZone: "Europe/Berlin" })];
    const { id: campaignId } = await campaign([5]);
    const [here, there] = [await start(campaignId, one.id), await start(campaignId, other.id)];
    expect(await dueOf(here.id)).toBe("2026-12-06T09:00:00Z");
    await app.good("PATCH", "/workspace", { timeZone: "Asia/Tokyo", timeOfDay: "10:00" });
    expect(await dueOf(here.id)).toBe("2026-12-06T01:00:00Z");
    expect(await dueOf(there.id)).toBe("2026-12-06T09:00:00Z");
    await app.good("PATCH", "/workspace", { timeZone: "UTC", timeOfDay: "09:00" });
  });
});

describe("an import into an Email Group", () => {
  const file = (...addresses: string[]) => `Email,First Name\n${addresses.map((one) => `${one},Ana`).join("\n")}\n`;

  it("E121 joins everybody in a good row, new or known, and leaves out who had unsubscribed and who is in a bad row", async () => {
    const [known, gone] = [await lead(), await lead()];
    const { id } = await group([gone.id]);
    await app.good("PUT", `/email-groups/${id}/members/${gone.id}/unsubscription`);
    const { jobId } = await app.upload(
      `/imports?emailGroupId=${id}`,
      file("new@example.org", known.email, gone.email, "not an address"),
    );
    expect(await app.result(jobId)).toMatchObject({ created: 1, bad: 1, joined: 2 });
    const { data } = await app.good("GET", `/email-groups/${id}/members?state=subscribed`);
    expect(new Set(data.map(({ email }: any) => email))).toEqual(new Set([known.email, "new@example.org"]));
    expect(await app.good("GET", `/email-groups/${id}`)).toMatchObject({ subscribed: 2, unsubscribed: 1 });
  });

  it("a trial joins nobody, and a group that is none is refused before the file is taken", async () => {
    const { id } = await group();
    const { jobId } = await app.upload(`/imports?emailGroupId=${id}&dryRun=true`, file("trial@example.org"));
    expect(await app.result(jobId)).not.toHaveProperty("joined");
    expect(await app.good("GET", `/email-groups/${id}`)).toMatchObject({ subscribed: 0 });
    expect(await app.upload("/imports?emailGroupId=999999", file("x@example.org"))).toMatchObject({
      code: "email-group-not-found",
    });
  });
});
