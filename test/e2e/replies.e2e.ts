/** A reply arrives, the campaign stops, the inbox shows it, somebody answers, it is done. */
import { api, expect, mailsTo, type Program, setUp, startProgram, test } from "./program.ts";

let program: Program;
test.beforeAll(async () => {
  program = await startProgram();
});
test.afterAll(() => program.stop());

test("a reply stops the campaign, stands in the inbox, is answered and is done", async ({ page }) => {
  await setUp(program, page);
  const request = page.request;
  const sample = await api<{ campaign: { id: number }; people: { id: number }[] }>(
    request,
    program,
    "POST",
    "/sample-campaign",
  );
  const person = await api<{ fullName: string; email: string }>(
    request,
    program,
    "GET",
    `/people/${sample.people[0].id}`,
  );
  const started = await api<{ id: number; number: string }>(request, program, "POST", "/email-campaigns", {
    campaignId: sample.campaign.id,
    emailCampaignFor: "lead",
    personId: sample.people[0].id,
  });
  type Mails = { data: { id: number; deliveryStatus: string; messageId: string }[] };
  const sent = async () =>
    (await api<Mails>(request, program, "GET", `/communications?emailCampaignId=${started.id}&kind=email`)).data[0];
  await expect.poll(async () => (await sent())?.deliveryStatus, { timeout: 30_000 }).toBe("sent");
  const { messageId } = await api<{ messageId: string }>(
    request,
    program,
    "GET",
    `/communications/${(await sent()).id}`,
  );

  await page.goto(`${program.url}/replies`);
  await expect(page.getByRole("heading", { name: "Nobody has answered yet" })).toBeVisible();
  // Elsewhere: on its own page a reply is looked at as soon as it is there.
  await page.getByRole("link", { name: "Leads" }).click();
  await expect(page.getByRole("heading", { level: 1, name: "Leads" })).toBeVisible();

  // As a mail server would hand it in.
  const answer = await request.fetch(`${program.url}/api/v1/inbound/mails`, {
    method: "POST",
    headers: { origin: program.url, "content-type": "message/rfc822" },
    data: Buffer.from(
      [
        `From: "${person.fullName}" <${person.email}>`,
        "To: us@example.com",
        "Message-ID: <first-reply@mail.example.org>",
        "Subject: Re: Hello",
        `In-Reply-To: ${messageId}`,
        `References: ${messageId}`,
        "Content-Type: text/plain; charset=utf-8",
        "",
        "Yes, please call me on Monday.",
        "",
        "On 28 November 2026, Ana wrote:",
        "> Welcome aboard",
        "",
      ].join("\r\n"),
    ),
  });
  expect(answer.status(), await answer.text()).toBe(202);

  // Without a reload: the news bring it, and the badge counts it.
  const badge = page.getByRole("link", { name: /Replies.*1.*not read yet/ });
  await expect(badge).toBeVisible({ timeout: 20_000 });
  await badge.click();
  const thread = page.getByRole("region", { name: "The conversation" });
  await expect(thread.getByText("Yes, please call me on Monday.")).toBeVisible();
  await expect(thread.getByText("Welcome aboard")).toBeHidden();
  await thread.getByRole("button", { name: "Show what is quoted" }).click();
  await expect(thread.getByText("Welcome aboard")).toBeVisible();
  await expect(thread.getByText("Stopped")).toBeVisible();
  await thread.getByRole("button", { name: "Show the original" }).click();
  await expect(thread.getByText("Source")).toBeVisible();
  // Looked at, it is not new any more.
  await expect(page.getByRole("link", { name: "Replies", exact: true })).toBeVisible();

  await thread.getByRole("textbox", { name: /^Answer / }).fill("Monday at ten it is.");
  await thread.getByRole("button", { name: "Send the answer" }).click();
  await expect(page.getByText("The answer is on its way.")).toBeVisible();
  await page.getByText("Done", { exact: true }).first().click();
  const line = page.getByRole("navigation", { name: "Conversations" }).getByRole("button").first();
  await expect(line).toContainText(person.fullName);
  await line.click();
  await expect(thread.getByText("Monday at ten it is.")).toBeVisible();
  await expect(thread.getByText("Sent", { exact: true })).toBeVisible({ timeout: 20_000 });
  await expect(thread.getByRole("button", { name: "Open it again" })).toBeVisible();

  // It left in the person's thread, as one person writes to another.
  const [answered] = await mailsTo(request, program, person.email);
  const mail = await request.get(`${program.url}/api/v1/mailbox/messages/${answered.id}/eml`);
  const source = await mail.text();
  expect(source).toContain("In-Reply-To: <first-reply@mail.example.org>");
  expect(source).toContain("Monday at ten it is.");

  // The timeline has it all.
  await page.goto(`${program.url}/people/${sample.people[0].id}`);
  const timeline = page.getByRole("region", { name: "Timeline" });
  await expect(timeline.getByText("Answer", { exact: false }).first()).toBeVisible();
  await expect(timeline.getByText("Reply", { exact: false }).first()).toBeVisible();
});
