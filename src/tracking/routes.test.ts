import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { openApp, type TestApp } from "../../test/app.ts";
import { record, type Seen } from "./tracking.ts";

let app: TestApp;
let campaign: any;
let steps: number[];
const messages: number[] = [];

beforeAll(async () => {
  app = await openApp();
  const template = await app.good("POST", "/email-templates", {
    name: "Offer",
    subject: "Hello",
    format: "html",
    body: "<p>Hello {{ first_name }}</p>",
  });
  const step = (sendAfterDays: number) => ({ emailTemplateId: template.id, sendAfterDays });
  campaign = await app.good("POST", "/campaigns", { name: "Spring", trackClicks: true, steps: [step(0), step(3)] });
  steps = campaign.steps.map(({ id }: { id: number }) => id);
  for (let nth = 0; nth < 4; nth += 1) {
    const person = await app.good("POST", "/leads", { firstName: "=1+1", email: `reader${nth}@example.org` });
    const { rows } = await app.pool.query<{ id: number }>(
      `with ec as (insert into email_campaigns (number, campaign_id, person_id, start_on, end_on, status, created_at, changed_at)
         values ('MAIL-CAMP-2026-9000' || $3::text, $1, $2, '2026-11-01', '2026-11-04', 'In Progress', now(), now()) returning id)
       insert into messages (email_campaign_id, step_id, person_id, campaign_id, state, due_at, planned_at, planned_on, finished_at, address, measured)
         select id, $4, $2, $1, 'accepted', '2026-11-01', '2026-11-01', '2026-11-01', '2026-11-01', 'r@example.org', 'both' from ec returning id::int as id`,
      [campaign.id, person.id, nth, steps[0]],
    );
    messages.push(rows[0]!.id);
  }
  const offer = "https://example.com/offer?for={{ first_name }}";
  const at = Temporal.Instant.from("2026-11-02T09:00:00Z");
  const seen = (nth: number, kind: Seen["kind"], link: string | null = null, automatic = false): Seen => ({
    messageId: messages[nth]!,
    kind,
    link,
    automatic,
    happenedAt: at,
  });
  const all = [
    seen(0, "opened"),
    seen(0, "opened"),
    seen(0, "clicked", offer),
    seen(0, "clicked", offer),
    seen(1, "clicked", "https://example.com/"),
    seen(2, "opened", null, true),
    seen(2, "clicked", offer, true),
    seen(3, "opened"),
  ];
  await record(app.db, all, at);
});
afterAll(() => app.close());

describe("a Campaign", () => {
  it("tells who opened and clicked by step and link, each person once and machines apart", async () => {
    const told = await app.good("GET", `/campaigns/${campaign.id}/engagement`, undefined, "viewer");
    expect(told.measures).toEqual({ opens: false, clicks: true });
    expect(told.steps).toEqual([
      expect.objectContaining({
        stepId: steps[0],
        sent: 4,
        opensMeasured: 4,
        clicksMeasured: 4,
        opened: 3,
        openedShare: 3 / 4,
        clicked: 2,
        clickedShare: 2 / 4,
        clickedOfOpened: 2 / 3,
        automaticOnly: 1,
        links: [
          { link: "https://example.com/offer?for={{ first_name }}", people: 1, clicks: 2, automatic: 1 },
          { link: "https://example.com/", people: 1, clicks: 1, automatic: 0 },
        ],
      }),
      expect.objectContaining({ stepId: steps[1], sent: 0, opened: 0, clickedOfOpened: null, links: [] }),
    ]);
    expect((await app.ask("GET", "/campaigns/999999/engagement")).status).toBe(404);
  });

  it("shares what was opened and clicked among the mails in which it was measured, however they differ", async () => {
    const measured = (...words: (string | null)[]) =>
      Promise.all(
        words.map((word, nth) =>
          app.pool.query("update messages set measured = $2 where id = $1", [messages[nth], word]),
        ),
      );
    const told = async () => {
      const { steps: rows } = await app.good("GET", `/campaigns/${campaign.id}/engagement`);
      const { sent, opensMeasured, opened, openedShare, clicksMeasured, clicked, clickedShare, clickedOfOpened } =
        rows[0];
      return {
        sent,
        opens: [opened, opensMeasured, openedShare],
        clicks: [clicked, clicksMeasured, clickedShare, clickedOfOpened],
      };
    };
    // The first was clicked and opened, the second clicked, the fourth opened.
    await measured("both", "clicks", "both", "opens");
    expect(await told()).toEqual({ sent: 4, opens: [2, 3, 2 / 3], clicks: [2, 3, 2 / 3, 1] });
    await measured("clicks", "clicks", "clicks", null);
    expect(await told()).toEqual({ sent: 4, opens: [0, 0, null], clicks: [2, 3, 2 / 3, null] });
    await measured("both", "both", "both", "both");
    expect(await told()).toEqual({ sent: 4, opens: [3, 4, 3 / 4], clicks: [2, 4, 2 / 4, 2 / 3] });
  });

  it("lists each by itself, a page at a time, and as a CSV no spreadsheet runs", async () => {
    const first = await app.good("GET", `/engagements?campaignId=${campaign.id}&automatic=false&limit=4`);
    const { data } = await app.good(
      "GET",
      `/engagements?campaignId=${campaign.id}&automatic=false&cursor=${first.nextCursor}`,
    );
    const told = [...first.data, ...data].map(({ kind, messageId }: any) => [kind, messages.indexOf(messageId)]);
    expect(told).toEqual([
      ["opened", 3],
      ["clicked", 1],
      ["clicked", 0],
      ["clicked", 0],
      ["opened", 0],
      ["opened", 0],
    ]);
    const { text, headers } = await app.ask("GET", `/campaigns/${campaign.id}/engagements.csv?kind=clicked`);
    expect(headers["content-type"]).toContain("text/csv");
    expect(text.split("\n").filter(Boolean)).toHaveLength(5);
    expect(text).toContain("'=1+1");
    expect((await app.ask("GET", `/campaigns/${campaign.id}/engagements.csv`, undefined, "viewer")).status).toBe(403);
  });
});
