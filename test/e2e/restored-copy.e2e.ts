/** A copy of an installation is started: nothing leaves, every page says so, an administrator answers, and the mail leaves. */
import { execFileSync } from "node:child_process";
import { chmodSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import AxeBuilder from "@axe-core/playwright";
import { api, expect, type Program, setUp, startProgram, test } from "./program.ts";

const folder = mkdtempSync(join(tmpdir(), "tidings-restored-"));
// Whoever runs the database has to come in, or it would lie elsewhere and not be copied along.
chmodSync(folder, 0o711);
const [data, copy] = [join(folder, "data"), join(folder, "copy")];
const HELD = "No email leaves until somebody answers";
let program: Program | undefined;
test.afterAll(async () => {
  await program?.stop();
  rmSync(folder, { recursive: true, force: true });
});

test("a restored copy holds its mail, says so on every page, and lets it go when told", async ({ page }) => {
  // Two programs, one after the other, and a page looked at four times.
  test.slow();
  program = await startProgram({ data, more: ["--no-sending"] });
  await setUp(program, page);
  const { request } = page;
  const sample = await api<{ campaign: { id: number }; people: { id: number }[] }>(
    request,
    program,
    "POST",
    "/sample-campaign",
  );
  const { id, number } = await api<{ id: number; number: string }>(request, program, "POST", "/email-campaigns", {
    campaignId: sample.campaign.id,
    emailCampaignFor: "lead",
    personId: sample.people[0].id,
  });
  await page.goto(`${program.url}/leads`);
  await expect(page.getByRole("heading", { level: 1, name: "Leads" })).toBeVisible();
  await expect(page.getByRole("alert", { name: HELD })).toHaveCount(0);
  await page.goto("about:blank");
  // A backup as the manual says: stopped, and the whole folder with owners.
  await program.stop();
  execFileSync("cp", ["-a", data, copy]);

  const restored = (program = await startProgram({ data: copy }));
  const sent = async () =>
    (
      await api<{ data: { deliveryStatus: string }[] }>(
        request,
        restored,
        "GET",
        `/communications?emailCampaignId=${id}&kind=email`,
      )
    ).data.map(({ deliveryStatus }) => deliveryStatus);
  const reason = async () =>
    (await api<{ held: { reason: string } | null }>(request, restored, "GET", "/sending-hold")).held?.reason;
  await expect.poll(reason, { timeout: 20_000 }).toBe("copied");
  for (const path of ["/", "/leads", `/email-campaigns/${id}`]) {
    await page.goto(restored.url + path);
    await expect(page.getByRole("alert", { name: HELD })).toBeVisible();
  }
  const banner = page.getByRole("alert", { name: HELD });
  await expect(banner).toContainText("1 email would leave at once");
  for (const [width, height] of [
    [1280, 800],
    [390, 844],
  ] as const) {
    await page.setViewportSize({ width, height });
    for (const colorScheme of ["light", "dark"] as const) {
      await page.emulateMedia({ colorScheme });
      await page.reload();
      await expect(banner.getByRole("button", { name: "Send what is due" })).toBeInViewport({ ratio: 1 });
      const { violations } = await new AxeBuilder({ page }).include('[role="alert"]').analyze();
      expect(violations.map((one) => [colorScheme, width, one.id])).toEqual([]);
      const wide = await page.evaluate(() => document.documentElement.scrollWidth - window.innerWidth);
      expect([colorScheme, width, wide <= 0]).toEqual([colorScheme, width, true]);
      await page.screenshot({ path: join(".vitest/e2e", `held-${colorScheme}-${width}.png`) });
    }
  }
  expect(await sent()).toEqual([]);
  await banner.getByRole("button", { name: "Show what is due" }).click();
  await expect(page.getByRole("dialog").getByRole("link", { name: number })).toBeVisible();
  await page.keyboard.press("Escape");

  await banner.getByRole("button", { name: "Send what is due" }).click();
  await expect(banner).toHaveCount(0);
  await expect.poll(sent, { timeout: 30_000 }).toEqual(["sent"]);
});
