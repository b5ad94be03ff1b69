/** An Email Group, a field or a Campaign that rules or conditions name says so before it is deleted. The whole application. */
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { openApp, type TestApp } from "../../test/app.ts";

let app: TestApp;
let group: number;
let template: number;
beforeAll(async () => {
  app = await openApp();
  const content = { subject: "Hello", format: "markdown", body: "Hi\n\n[Leave]({{ unsubscribe_url }})" };
  template = (await app.good("POST", "/email-templates", { name: "Hello", ...content })).id;
  group = (await app.good("POST", "/email-groups", { title: "Readers" })).id;
});
afterAll(() => app?.close());

let count = 0;
const campaign = async (name: string, more: object = {}, step: object = {}): Promise<number> =>
  (
    await app.good("POST", "/campaigns", {
      name: `${name} ${(count += 1)}`,
      steps: [{ emailTemplateId: template, sendAfterDays: 0, ...step }],
      ...more,
    })
  ).id;
const rules = (id: number, given: readonly object[]) =>
  app.good("PUT", `/campaigns/${id}/automatic-start`, { rules: given });
const remove = async (path: string, force?: boolean) => {
  const { status, body } = await app.ask("DELETE", force === undefined ? path : `${path}?force=${force}`);
  return { status, code: body?.code, detail: body?.detail, errors: body?.errors };
};
const nameOf = async (id: number) => (await app.good("GET", `/campaigns/${id}`)).name as string;

describe("an Email Group", () => {
  it("is named by rules and conditions: each is told, nothing is done; with force its rules go with it", async () => {
    const other = (await app.good("POST", "/email-groups", { title: "Others" })).id as number;
    const inGroup = { any: [{ not: { group } }, { field: "city", op: "set" }] };
    const starts = await campaign("Starts");
    await rules(starts, [
      { kind: "joined", emailGroupId: group },
      { kind: "matches", condition: inGroup },
      { kind: "joined", emailGroupId: other },
    ]);
    const asks = await campaign("Asks", { stopIf: { group }, goal: inGroup }, { onlyIf: inGroup });
    // Neither a Campaign nor a group of another number, nor a step that was removed.
    await campaign("Elsewhere", { goal: { all: [{ group: other }, { finished: starts }] } });
    const former = await campaign("Former", {}, { stopIf: { group } });
    await app.good("PUT", `/campaigns/${former}/steps`, { steps: [] });

    const [first, second] = [await nameOf(starts), await nameOf(asks)];
    const uses = [
      { pointer: `/campaigns/${starts}`, detail: `what starts “${first}” by itself` },
      { pointer: `/campaigns/${asks}`, detail: `a mail of “${second}”` },
      { pointer: `/campaigns/${asks}`, detail: `what ends “${second}”` },
      { pointer: `/campaigns/${asks}`, detail: `the goal of “${second}”` },
    ];
    const refused = {
      status: 409,
      code: "named-in-use",
      detail: expect.stringMatching(/^“Readers” is still named by what starts “Starts \d+” by itself, a mail of/),
      errors: uses,
    };
    expect(await remove(`/email-groups/${group}`)).toEqual(refused);
    expect(await remove(`/email-groups/${group}`, false)).toEqual(refused);
    expect((await app.good("GET", `/campaigns/${starts}/automatic-start`)).rules).toHaveLength(3);

    const german = await app.ask("DELETE", `/email-groups/${group}`, undefined, "manager", { "accept-language": "de" });
    expect(german.body.detail).toMatch(/^„Readers“ wird noch genannt\. Hier: was „Starts \d+“ von selbst beginnen/);

    expect(await remove(`/email-groups/${group}`, true)).toMatchObject({ status: 204 });
    const left = (await app.good("GET", `/campaigns/${starts}/automatic-start`)).rules;
    expect(left.map(({ kind }: { kind: string }) => kind)).toEqual(["matches", "joined"]);
    expect((await app.good("GET", `/campaigns/${asks}`)).stopIf).toEqual({ group });
  });

  it("that nothing names goes at once", async () => {
    const { id } = await app.good("POST", "/email-groups", { title: "Nobody’s" });
    expect(await remove(`/email-groups/${id}`)).toMatchObject({ status: 204 });
  });
});

it("a field is named by conditions, its values and what they are called elsewhere are not", async () => {
  const field = async (key: string) => (await app.good("POST", "/person-fields", { key, label: `The ${key}` })).id;
  const [level, spare] = [await field("level"), await field("spare")];
  const id = await campaign("Levels", { goal: { not: { field: "level", op: "is", value: "spare" } } });
  await rules(id, [{ kind: "matches", condition: { field: "level", op: "set" } }]);
  const name = await nameOf(id);
  expect(await remove(`/person-fields/${level}`)).toMatchObject({
    code: "named-in-use",
    errors: [{ detail: `what starts “${name}” by itself` }, { detail: `the goal of “${name}”` }],
  });
  expect(await remove(`/person-fields/${spare}`)).toMatchObject({ status: 204 });
  expect(await remove(`/person-fields/${level}`, true)).toMatchObject({ status: 204 });
});

it("E7 a Campaign is named by others, not by itself, and one that somebody went through stays whatever is said", async () => {
  const first = await campaign("First");
  const own = { any: [{ finished: first }, { campaign: first, statuses: ["Stopped"] }] };
  await app.good("PATCH", `/campaigns/${first}`, { stopIf: own });
  await rules(first, [{ kind: "matches", condition: { finished: first } }]);
  const next = await campaign("Next");
  await rules(next, [{ kind: "matches", condition: { not: { campaign: first, statuses: ["Completed"] } } }]);
  expect(await remove(`/campaigns/${next}`)).toMatchObject({ status: 204 });

  const last = await campaign("Last", {}, { stopIf: { finished: first } });
  expect(await remove(`/campaigns/${first}`)).toMatchObject({
    status: 409,
    code: "named-in-use",
    errors: [{ pointer: `/campaigns/${last}`, detail: `a mail of “${await nameOf(last)}”` }],
  });
  expect((await app.ask("GET", `/campaigns/${first}`)).status).toBe(200);
  const { id: personId } = await app.good("POST", "/leads", { firstName: "Ana", email: "ana@example.org" });
  const used = await campaign("Used");
  await app.good("POST", "/email-campaigns", { campaignId: used, personId });
  expect(await remove(`/campaigns/${used}`, true)).toMatchObject({ status: 409, code: "campaign-in-use" });
  expect(await remove(`/campaigns/${first}`, true)).toMatchObject({ status: 204 });
});
