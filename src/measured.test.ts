import { readFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it, vi } from "vitest";
import { parse } from "yaml";
import { openApp, type TestApp } from "../test/app.ts";

const docs = join(import.meta.dirname, "../docs");
let app: TestApp;

beforeAll(async () => {
  app = await openApp();
});
afterAll(() => app.close());

/** Every metric that is there, with its values by labels; a metric that has none yet has an empty table. */
async function measured(): Promise<Map<string, Map<string, number>>> {
  const found = new Map<string, Map<string, number>>();
  for (const line of (await app.metrics()).split("\n")) {
    const [, named] = /^# TYPE (\S+)/.exec(line) ?? [];
    if (named) found.set(named, new Map());
    const [, name = "", labels = "", value] = /^([a-z_0-9]+)(?:\{(.*)\})? (\S+)$/.exec(line) ?? [];
    found.get(name.replace(/_(?:bucket|sum|count)$/, ""))?.set(labels, Number(value));
    found.get(name)?.set(labels, Number(value));
  }
  return found;
}

type Rule = { alert: string; expr: string; annotations: { summary: string } };
const rules = (
  parse(readFileSync(join(docs, "examples/alerts.yaml"), "utf8")) as { groups: { rules: Rule[] }[] }
).groups.flatMap((group) => group.rules);

describe("what is measured", () => {
  it("O5 has all there is to watch: sending, limits, pools, jobs, received mail, answers, the disk", async () => {
    const found = await measured();
    expect(found.get("tidings_measured")?.get("")).toBe(1);
    for (const [name, labels] of [
      ["tidings_messages", 'state="in_data"'],
      ["tidings_oldest_due_seconds", ""],
      ["tidings_pool_connections", 'pool="batches",state="used"'],
      ["tidings_pool_wait_seconds_total", 'pool="queries"'],
      ["tidings_jobs", 'state="queued"'],
      ["tidings_received_mails", 'state="set-aside"'],
      ["tidings_answers_waiting", ""],
      ["tidings_mails_last_week", 'what="bounced"'],
      ["tidings_sending_held", ""],
      ["nodejs_eventloop_lag_p99_seconds", ""],
    ] as const)
      expect([name, found.get(name)?.get(labels)]).toEqual([name, expect.any(Number)]);
    expect(found.get("tidings_pool_acquired_total")!.get('pool="queries"')).toBeGreaterThan(0);
    expect(found.get("tidings_data_folder_free_ratio")!.get("")).toBeGreaterThan(0);
    await vi.waitFor(async () => {
      const turned = (await measured()).get("tidings_loop_turned_timestamp_seconds")!.get("");
      expect(turned).toBe(app.clock.now.epochMilliseconds / 1000);
    });
  });

  it("stands in the manual, all of it and nothing else", async () => {
    const own = [...(await measured()).keys()].filter((name) => name.startsWith("tidings_"));
    const manual = readFileSync(join(docs, "operations.md"), "utf8");
    const told = [...manual.matchAll(/^\| `(tidings_\w+)/gm)].map(([, name]) => name);
    expect(own.length).toBeGreaterThan(30);
    expect(new Set(told)).toEqual(new Set(own));
    expect(told.length).toBe(own.length);
  });

  it("the example alerts ask for metrics and labels that exist, and say what happened", async () => {
    const found = await measured();
    expect(rules.length).toBeGreaterThan(15);
    for (const { alert, expr, annotations } of rules) {
      const asked = [...expr.matchAll(/([a-z][a-z_0-9]+_[a-z_0-9]+)(?:\{(\w+)="([^"]+)"\})?/g)];
      if (!expr.startsWith("up{")) expect([alert, asked.length]).not.toEqual([alert, 0]);
      for (const [, name = "", label, value] of asked) {
        const series = found.get(name) ?? found.get(name.replace(/_(?:bucket|sum|count)$/, ""));
        expect([alert, name, series !== undefined]).toEqual([alert, name, true]);
        if (label) {
          const has = [...(series?.keys() ?? [])].some((labels) => labels.includes(`${label}="${value}"`));
          expect([alert, name, `${label}="${value}"`, has]).toEqual([alert, name, `${label}="${value}"`, true]);
        }
      }
      expect(annotations.summary.length).toBeGreaterThan(20);
    }
  });

  it("is for holders of a key, and says nothing to others", async () => {
    const without = await app.inject({ url: "/metrics" });
    expect([without.statusCode, without.headers["www-authenticate"]]).toEqual([401, 'Bearer realm="tidings"']);
    expect(without.body).not.toContain("tidings_messages");
    const make = async (scopes: string[]) =>
      (await app.good("POST", "/api-keys", { name: "watch", role: "viewer", scopes })) as { id: number; key: string };
    const status = async (key: string) =>
      (await app.inject({ url: "/metrics", headers: { authorization: `Bearer ${key}` } })).statusCode;
    const own = await make(["metrics:read"]);
    expect(await status(own.key)).toBe(200);
    expect(await status((await make(["leads:read"])).key)).toBe(401);
    expect(await status("tdg_of-nobody")).toBe(401);
    await app.good("DELETE", `/api-keys/${own.id}`);
    expect(await status(own.key)).toBe(401);
  });

  it("while the database is away it says so to a key that was good, and nothing old", async () => {
    const key = ((await app.good("POST", "/api-keys", { name: "watch", role: "viewer" })) as { key: string }).key;
    const ask = (of: string) => app.inject({ url: "/metrics", headers: { authorization: `Bearer ${of}` } });
    expect((await ask(key)).body).toMatch(/^tidings_messages\{state="due"\} \d/m);
    await app.away(async () => {
      const { statusCode, body } = await ask(key);
      expect([statusCode, /^tidings_measured (\d)/m.exec(body)?.[1]]).toEqual([200, "0"]);
      expect(body).not.toMatch(/^tidings_(?:messages|sending_held|oldest_due_seconds)[{ ]/m);
      expect(body).toContain("process_cpu_seconds_total");
      expect((await ask(`tdg_${"a".repeat(43)}`)).statusCode).toBe(401);
    });
    for (let tries = 0; tries < 100; tries += 1) {
      const { body } = await ask(key);
      if (/^tidings_measured 1/m.test(body)) return;
      await new Promise((resolve) => setTimeout(resolve, 50));
    }
    throw new Error("It was not measured again.");
  });
});
