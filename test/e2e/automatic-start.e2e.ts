/** A Campaign that starts by itself: its rules are written in the browser, somebody joins a group, and the Campaign begins for them. */
import { accessible, api, expect, type Program, setUp, shot, startProgram, test } from "./program.ts";

let program: Program;
test.beforeAll(async () => {
  program = await startProgram();
});
test.afterAll(() => program.stop());

test("whoever joins a group is started, more than were meant wait for a yes, and who was left out is listed", async ({
  page,
  quiet,
}) => {
  // A deletion that is asked about.
  quiet.allow(/409/);
  await setUp(program, page);
  const ask = <Answer = any>(method: string, path: string, body?: unknown) =>
    api<Answer>(page.request, program, method as "GET", path, body as never);
  const sample = await ask("POST", "/sample-campaign");
  const id = sample.campaign.id as number;
  await ask("POST", "/email-groups", { title: "Newcomers" });
  await page.goto(`${program.url}/campaigns/${id}`);
  const card = page.getByRole("region", { name: "Starts by itself" });
  await expect(card.getByText("Nobody is started unless somebody does it.")).toBeVisible();
  await card.getByRole("button", { name: "Change the rules" }).click();
  const form = page.getByRole("dialog", { name: "Starts by itself" });
  await form.getByRole("button", { name: "Add a rule" }).click();
  const save = form.getByRole("button", { name: "Save" });
  await expect(save, "a group is missing").toBeDisabled();
  await form.getByRole("group", { name: "Rule 1" }).getByRole("combobox", { name: "Email Group" }).click();
  await page.getByRole("option", { name: "Newcomers" }).click();
  await form.getByRole("button", { name: "Add a rule" }).click();
  await form.getByRole("group", { name: "Rule 2" }).getByRole("combobox", { name: "When" }).click();
  await page.getByRole("option", { name: "Somebody is created" }).click();
  await form.getByRole("group", { name: "Rule 2" }).getByRole("checkbox", { name: "by hand" }).uncheck();
  await form.getByRole("button", { name: "Add a rule" }).click();
  const third = form.getByRole("group", { name: "Rule 3" });
  await third.getByRole("combobox", { name: "When", exact: true }).click();
  await page.getByRole("option", { name: "A condition becomes true of somebody" }).click();
  await third.getByRole("button", { name: "Add a condition: The condition" }).click();
  await third.getByRole("combobox", { name: "What", exact: true }).click();
  await page.getByRole("option", { name: "Had an event" }).click();
  await third.getByRole("combobox", { name: "Event", exact: true }).fill("Signed up");
  await expect(third.getByRole("combobox", { name: "Since when" }), "there is no start to count from").toHaveCount(0);
  await form.getByRole("combobox", { name: "Somebody who went through it before" }).click();
  await page.getByRole("option", { name: "begins again once it has ended" }).click();
  await form.getByLabel("Days after it ended, at the earliest").fill("30");
  await form.getByLabel("Ask before more than so many start within an hour").fill("2");
  await accessible(page);
  await shot(page, "automatic-start-form");
  await save.click();
  await expect(form).toBeHidden();
  await expect(card.getByText("When somebody joins “Newcomers”")).toBeVisible();
  await expect(card.getByText("When somebody is created over the API, by import")).toBeVisible();
  await expect(card.getByText(/this becomes true of somebody: .*signed up/)).toBeVisible();

  const [group] = (await ask("GET", "/email-groups?q=Newcomers")).data;
  const addresses = ["bo@example.org", "cy@example.org", "di@example.org"];
  const people: any[] = [];
  for (const email of addresses) people.push(await ask("POST", "/leads", { firstName: email.slice(0, 2), email }));
  const silent = await ask("POST", "/leads", { firstName: "Nobody", lastName: "Reachable" });
  const join = (personIds: readonly number[]) => ask("POST", `/email-groups/${group.id}/members`, { personIds });
  await join([people[0].id, silent.id]);
  const started = async () => (await ask("GET", `/email-campaigns?campaignId=${id}`)).data.length as number;
  await expect.poll(started, { timeout: 30_000 }).toBe(1);
  await join([people[1].id, people[2].id]);
  await page.reload();
  await expect(card.getByText("2 people wait for your yes")).toBeVisible({ timeout: 30_000 });
  await card.getByRole("button", { name: "Who was left out, and why" }).click();
  await expect(card.getByRole("link", { name: "Nobody Reachable" })).toBeVisible();
  await expect(card.getByText("They have no email address.")).toBeVisible();
  await accessible(page);
  await shot(page, "automatic-start-card");
  await page.setViewportSize({ width: 390, height: 900 });
  await expect
    .poll(() => page.evaluate(() => document.documentElement.scrollWidth), "it fits on a phone")
    .toBeLessThanOrEqual(390);
  await page.setViewportSize({ width: 1280, height: 900 });
  await card.getByRole("button", { name: "Start them", exact: true }).click();
  await expect.poll(started, { timeout: 30_000 }).toBe(3);
  const { id: told } = await ask("POST", "/contacts", { firstName: "Ev", email: "ev@example.org" });
  await ask("POST", "/events", { person: told, name: "signed up" });
  await expect.poll(async () => (await ask("GET", `/campaigns/${id}/automatic-start`)).waiting).toBe(1);

  const [one] = (await ask("GET", `/email-campaigns?campaignId=${id}`)).data;
  await page.goto(`${program.url}/email-campaigns/${one.id}`);
  await expect(page.getByText("Started by itself: they joined “Newcomers”")).toBeVisible();

  // The group goes only when that is meant, and its rule with it.
  const running = (await ask("GET", `/email-campaigns?campaignId=${id}`)).data;
  for (const { id: each } of running) await ask("PUT", `/email-campaigns/${each}/cancellation`);
  await page.goto(`${program.url}/email-groups/${group.id}`);
  const deletes = async () => {
    await page.getByRole("button", { name: "More" }).click();
    await page.getByRole("menuitem", { name: "Delete" }).click();
    await page.getByRole("dialog").getByRole("button", { name: "Delete", exact: true }).click();
  };
  await deletes();
  const question = page.getByRole("dialog", { name: "Delete it all the same?" });
  await expect(question.getByText(/“Newcomers” is still named by what starts “.*” by itself/)).toBeVisible();
  await accessible(page);
  await shot(page, "delete-named-group");
  await question.getByRole("button", { name: "Keep as it is" }).click();
  await expect(question).toBeHidden();
  expect((await ask("GET", `/campaigns/${id}/automatic-start`)).rules).toHaveLength(3);
  await deletes();
  await question.getByRole("button", { name: "Delete all the same" }).click();
  await expect(page).toHaveURL(/\/email-groups$/);
  const { rules } = await ask("GET", `/campaigns/${id}/automatic-start`);
  expect(rules.map(({ kind }: { kind: string }) => kind)).toEqual(["created", "matches"]);
});
