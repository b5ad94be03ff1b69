/** The diagnosis of email accounts over HTTP: what is saved, what is not yet, and whose password goes where. */
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { openApp, type TestApp } from "../../test/app.ts";
import { startSink } from "../../test/smtp-sink.ts";

let app: TestApp;
beforeAll(async () => {
  app = await openApp();
});
afterAll(() => app?.close());

const AUTH = { capabilities: ["AUTH PLAIN"], answer: (step: string) => (step === "AUTH" ? "235 2.7.0 Ok" : undefined) };

describe("a diagnosis over HTTP", () => {
  it("tries settings that are not saved, sends the test mail it is asked for, and is the administrator's", async () => {
    const sink = await startSink();
    const settings = { smtpHost: "127.0.0.1", smtpPort: sink.port, smtpSecurity: "none", email: "info@example.com" };
    const asked = { settings, testMailTo: "me@example.org" };
    expect((await app.ask("POST", "/email-accounts/diagnosis", asked, "manager")).status).toBe(403);
    const found = await app.good("POST", "/email-accounts/diagnosis", asked);
    expect(found.ok).toBe(true);
    expect(found.steps.map((step: any) => [step.step, step.ok])).toEqual([
      ["dns", true],
      ["connect", true],
      ["greeting", true],
      ["tls", null],
      ["auth", null],
      ["mail", true],
    ]);
    expect(sink.messages).toMatchObject([{ from: "info@example.com", to: "me@example.org" }]);
    expect((await app.good("GET", "/email-accounts")).data).toEqual([]);
    await sink.close();
  });

  it("a saved account's password is used for its own server, and never sent to another", async () => {
    const sink = await startSink(AUTH);
    const account = await app.good("POST", "/email-accounts", {
      name: "Relay",
      smtpHost: "127.0.0.1",
      smtpPort: sink.port,
      smtpSecurity: "none",
      smtpUser: "ana",
      smtpPassword: "secret",
    });
    const found = await app.good("POST", "/email-accounts/diagnosis", { emailAccountId: account.id });
    expect(found.steps.find((step: any) => step.step === "auth")).toMatchObject({ ok: true });
    const settings = { smtpHost: "localhost" };
    const elsewhere = await app.ask("POST", "/email-accounts/diagnosis", { emailAccountId: account.id, settings });
    expect(elsewhere.body.code).toBe("email-account-password-needed");
    expect(sink.connections()).toBe(1);
    await sink.close();
  });

  it("refuses half of the settings, and a password without encryption to another machine", async () => {
    const half = await app.ask("POST", "/email-accounts/diagnosis", { settings: { smtpHost: "127.0.0.1" } });
    expect(half.status).toBe(422);
    const settings = { smtpHost: "mail.example.com", smtpPort: 25, smtpSecurity: "none" };
    expect((await app.ask("POST", "/email-accounts/diagnosis", { settings })).body.code).toBe("smtp-settings-invalid");
  });

  it("the presets of well-known services are there for a form", async () => {
    const { data } = await app.good("GET", "/email-account-presets", undefined, "viewer");
    expect(data.map((preset: any) => preset.key)).toEqual([
      "gmail",
      "microsoft-365",
      "amazon-ses",
      "sendgrid",
      "mailgun",
      "postmark",
      "brevo",
      "generic",
    ]);
  });
});
