/** The sample campaign as a newcomer meets it: loaded, tried, removed, in English and in German. */
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { openApp, type TestApp } from "../../test/app.ts";

let app: TestApp;
beforeAll(async () => {
  app = await openApp();
});
afterAll(() => app?.close());

const load = () => app.good("POST", "/sample-campaign", undefined, "user");
const remove = () => app.good("DELETE", "/sample-campaign", undefined, "user");
const everything = async () => {
  const paths = ["/campaigns", "/email-templates", "/email-groups", "/leads", "/senders"];
  return Promise.all(paths.map(async (path) => (await app.good("GET", path)).data.length));
};

describe("the sample campaign", () => {
  it("two presses of the button at once make one, which starts nobody and can be removed without a trace", async () => {
    const before = await everything();
    const [one, two] = await Promise.all([load(), load()]);
    expect(new Set([one.created, two.created])).toEqual(new Set([false, true]));
    expect({ ...two, created: true }).toEqual({ ...one, created: true });
    expect(one).toMatchObject({ campaign: { name: "Welcome series" }, sender: { name: "user" } });
    expect(await everything()).toEqual(before.map((count, at) => count + [1, 3, 1, 5, 1][at]!));
    const campaign = await app.good("GET", `/campaigns/${one.campaign.id}`);
    expect(campaign.steps.map((step: any) => step.sendAfterDays)).toEqual([0, 3, 7]);
    expect((await app.good("GET", `/email-groups/${one.emailGroup.id}`)).subscribed).toBe(5);
    expect((await app.good("GET", "/email-campaigns")).data).toEqual([]);
    expect(await remove()).toEqual({ removed: 11, kept: [] });
    expect(await everything()).toEqual(before);
    expect(await remove()).toEqual({ removed: 0, kept: [] });
  });

  it("takes other names where its own are taken, and leaves alone whom it did not make", async () => {
    const ada = await app.good("POST", "/leads", { firstName: "Ada", email: "ada@example.com" });
    await app.good("POST", "/email-groups", { title: "Sample People" });
    await app.good("POST", "/email-templates", { name: "welcome", subject: "Mine", body: "Mine" });
    const made = await load();
    expect(made.emailGroup.name).toBe("Sample people (2)");
    expect(made.emailTemplates[0].name).toBe("Welcome (2)");
    expect(made.people.map((person: any) => person.id)).toContain(ada.id);
    expect((await remove()).kept).toEqual([]);
    expect((await app.good("GET", `/leads/${ada.id}`)).firstName).toBe("Ada");
  });

  it("whatever was used stays and says why; the rest goes", async () => {
    const made = await load();
    const { jobId } = await app.good("POST", "/email-campaigns/bulk", {
      campaignId: made.campaign.id,
      emailGroupId: made.emailGroup.id,
    });
    expect(await app.result(jobId)).toMatchObject({ started: 5 });
    const { kept } = await remove();
    expect(kept.map(({ kind }: any) => kind)).toEqual(expect.arrayContaining(["campaign", "email-template", "person"]));
    for (const { reason } of kept) expect(reason).toMatch(/\.$/);
    expect((await load()).created).toBe(false);
  });

  it.each(["en", "de-AT"])(
    "every mail of it in %s needs no sandbox, loads nothing, knows dark and phone, and has a text part",
    async (language) => {
      const other = await openApp();
      try {
        await other.good("PATCH", "/workspace", { language });
        const made = await other.good("POST", "/sample-campaign", undefined, "user");
        expect(made.campaign.name).toBe(language === "en" ? "Welcome series" : "Willkommensreihe");
        for (const { id } of made.emailTemplates) {
          const {
            name: _name,
            subject,
            preheader,
            format,
            body,
            text,
          } = await other.good("GET", `/email-templates/${id}`);
          expect(body).not.toContain("[[");
          expect(preheader).toBeTruthy();
          const personId = made.people[0].id;
          const content = { subject, preheader, format, body, text, personId, senderId: made.sender.id };
          const shown = await other.good("POST", "/email-templates/preview", content);
          expect(shown.problems).toEqual([]);
          expect(shown.missing).not.toContain("first_name");
          expect(shown.html).toContain("prefers-color-scheme");
          expect(shown.html).toContain("max-width: 480px");
          expect(shown.html).toContain(`lang="${language.slice(0, 2)}"`);
          expect(shown.html).not.toMatch(/<(?:img|link|script)\b|url\(/i);
          expect(shown.text).toContain("Ada");
          expect(shown.text.split("\n").length).toBeGreaterThan(8);
          expect(shown.sizeBytes).toBeLessThan(60_000);
        }
      } finally {
        await other.close();
      }
    },
  );
});
