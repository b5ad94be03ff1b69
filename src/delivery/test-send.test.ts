/** Test mails as an author sends them: through the real application, to the mailbox and to a server on loopback. */
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { openApp, type TestApp } from "../../test/app.ts";
import { startSink } from "../../test/smtp-sink.ts";

let app: TestApp;
beforeAll(async () => {
  app = await openApp();
});
afterAll(() => app?.close());

let serial = 0;
const template = (more: object = {}) =>
  app.good("POST", "/email-templates", {
    name: `Template ${++serial}`,
    subject: "Hello {{ first_name }}",
    body: "Dear {{ first_name }},\n\nbye\n\n{{ signature }}",
    ...more,
  });

async function relay(answers: Parameters<typeof startSink>[0] = {}) {
  const sink = await startSink(answers);
  const account = await app.good("POST", "/email-accounts", {
    name: `Relay ${++serial}`,
    smtpHost: "127.0.0.1",
    smtpPort: sink.port,
    smtpSecurity: "none",
    isDefault: false,
  });
  const sender = await app.good("POST", "/senders", {
    name: "Marta Silva",
    email: `marta${serial}@example.com`,
    emailAccountId: account.id,
    signatureText: "Marta, Lisbon",
  });
  return { sink, account, sender };
}

describe("a test mail", () => {
  it("of unsaved content reaches the caller's own address through the sender's account, with what the server said", async () => {
    const { sink, sender, account } = await relay();
    const content = { subject: "Hello {{ first_name }}", body: "Dear {{ full_name }}\n\n{{ signature }}" };
    const sent = await app.good("POST", "/email-templates/test-send", { content, senderId: sender.id }, "user");
    expect(sent).toMatchObject({
      to: "user@example.com",
      from: sender.email,
      account: account.name,
      mailbox: false,
      ok: true,
      subject: "[Test] Hello Ada",
      outcome: "accepted",
    });
    expect(sent.reply).toContain("queued");
    const [mail] = sink.messages;
    const text = mail!.data.toString();
    expect(mail!.to).toBe("user@example.com");
    expect(text).toContain("Subject: [Test] Hello Ada");
    expect(text).toContain("Marta, Lisbon");
    expect(text).toContain("https://tidings.example/u/test");
    expect(text).not.toMatch(/^List-Unsubscribe/m);
    await sink.close();
  });

  it("of a saved template for a person stands on no timeline, and its unsubscribe link unsubscribes nobody", async () => {
    const person = await app.good("POST", "/leads", { firstName: "Bo", email: "bo@example.org" });
    const { id } = await template();
    const asked = { emailTemplateId: id, personId: person.id, to: "colleague@example.com" };
    const sent = await app.good("POST", "/email-templates/test-send", asked, "user");
    expect(sent).toMatchObject({ to: "colleague@example.com", mailbox: true, ok: true, subject: "[Test] Hello Bo" });
    const { data } = await app.good("GET", "/mailbox/messages?to=colleague@example.com");
    expect(data).toMatchObject([{ communicationId: null, subject: "[Test] Hello Bo" }]);
    expect((await app.good("GET", `/communications?personId=${person.id}`)).data).toEqual([]);
    expect((await app.ask("POST", "/u/test")).status).not.toBe(200);
    expect((await app.good("GET", "/suppressions")).data).toEqual([]);
  });

  it("a Campaign's steps all come at once, in the order of their days", async () => {
    const [one, two] = [await template({ subject: "One" }), await template({ subject: "Two in {{ campaign_name }}" })];
    const campaign = await app.good("POST", "/campaigns", {
      name: "Welcome",
      steps: [
        { emailTemplateId: two.id, sendAfterDays: 7 },
        { emailTemplateId: one.id, sendAfterDays: 0 },
      ],
    });
    const sent = await app.good("POST", `/campaigns/${campaign.id}/test-send`, { to: "all@example.com" }, "user");
    expect(sent.mails.map((mail: any) => [mail.sendAfterDays, mail.subject, mail.ok])).toEqual([
      [0, "[Test] One", true],
      [7, "[Test] Two in Welcome", true],
    ]);
    expect((await app.good("GET", "/mailbox/messages?to=all@example.com")).data).toHaveLength(2);
  });

  it("a step with variants comes once for each that somebody gets, named in its subject", async () => {
    const [one, two, three] = [
      await template({ subject: "One" }),
      await template({ subject: "Two" }),
      await template({ subject: "Three" }),
    ];
    const others = [
      { letter: "B", emailTemplateId: two.id, weight: 1 },
      { letter: "C", emailTemplateId: three.id, weight: 0 },
    ];
    const campaign = await app.good("POST", "/campaigns", {
      name: "Tried out",
      steps: [{ emailTemplateId: one.id, sendAfterDays: 0, variants: { weight: 1, others } }],
    });
    const sent = await app.good("POST", `/campaigns/${campaign.id}/test-send`, { to: "both@example.com" }, "user");
    expect(sent.mails.map(({ variant, subject }: any) => [variant, subject])).toEqual([
      ["A", "[Test A] One"],
      ["B", "[Test B] Two"],
    ]);
  });

  it("that the server refuses says where and with which words, and pauses no account", async () => {
    const { sink, sender, account } = await relay({ recipient: () => "refuse" });
    const { id } = await template();
    const sent = await app.good(
      "POST",
      "/email-templates/test-send",
      { emailTemplateId: id, senderId: sender.id },
      "user",
    );
    expect(sent).toMatchObject({ ok: false, outcome: "refused", stage: "rcpt" });
    expect(sent.reply).toContain("No such user");
    await sink.close();
    const gone = await app.good(
      "POST",
      "/email-templates/test-send",
      { emailTemplateId: id, senderId: sender.id },
      "user",
    );
    expect(gone).toMatchObject({ ok: false, stage: "connect" });
    expect((await app.good("GET", `/email-accounts/${account.id}`)).pausedAt).toBeNull();
  });

  it("is refused for content a save would refuse, for no address, and beyond sixty in ten minutes", async () => {
    const wrong = await app.ask("POST", "/email-templates/test-send", {
      content: { subject: "x", body: "{{ nobody }}" },
    });
    expect([wrong.status, wrong.body.code]).toEqual([422, "email-template-invalid"]);
    expect((await app.ask("POST", "/email-templates/test-send", {})).status).toBe(422);
    const { id } = await template();
    const statuses = [];
    for (let count = 0; count < 61; count++)
      statuses.push((await app.ask("POST", "/email-templates/test-send", { emailTemplateId: id }, "manager")).status);
    expect(statuses.slice(0, 60)).toEqual(Array.from({ length: 60 }, () => 200));
    expect(statuses[60]).toBe(429);
    app.clock.now = app.clock.now.add({ minutes: 11 });
    expect((await app.ask("POST", "/email-templates/test-send", { emailTemplateId: id }, "manager")).status).toBe(200);
  });
});

describe("a Campaign's own mail", () => {
  it("carries the signature of its sender, and its bytes are the same when they are composed again", async () => {
    const { sink, sender } = await relay();
    const { id: emailTemplateId } = await template({ format: "html", body: "<p>Bye</p><div>{{ signature }}</div>" });
    await app.good("PATCH", "/workspace", { postalAddress: "1 Example Street" });
    await app.good("PATCH", `/senders/${sender.id}`, { signatureHtml: "<b>Marta</b> of Lisbon", signatureText: null });
    const campaign = await app.good("POST", "/campaigns", {
      name: "Signed",
      steps: [{ emailTemplateId, sendAfterDays: 0 }],
    });
    const person = await app.good("POST", "/leads", { firstName: "Bo", email: "signed@example.org" });
    const started = { campaignId: campaign.id, personId: person.id, senderId: sender.id };
    await app.good("POST", "/email-campaigns", started);
    const [mail] = await sink.waitFor(1);
    const text = mail!.data.toString();
    expect(text).toContain("<b>Marta</b> of Lisbon");
    expect(text).toMatch(/^Marta of Lisbon/m);
    const { data } = await app.good("GET", `/communications?personId=${person.id}&kind=email`);
    // What a sender changes later changes nothing that was sent.
    await app.good("PATCH", `/senders/${sender.id}`, { signatureHtml: "Other" });
    expect((await app.ask("GET", `/communications/${data[0].id}/eml`)).text).toBe(text);
    await sink.close();
  });
});
