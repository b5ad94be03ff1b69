/** Other people's programs read our mails: dkimpy and OpenDKIM verify the signatures, Python the structure, SpamAssassin the rest. */
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import fc from "fast-check";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { readCampaignFile } from "../../src/campaigns/campaign-file.ts";
import { keyRecord, signable, signatureHeaders, unsignedHeader } from "../../src/core/dkim.ts";
import { compileMessage, compose, composeRendered, type Content, type Envelope } from "../../src/core/message.ts";
import { makeKey, openKey, signature } from "../../src/domains/keys.ts";
import { recordName } from "../../src/domains/records.ts";
import { author, SYSTEM_VARIABLES } from "../../src/templates/authoring.ts";
import { installJudges, openDkim, readByPython, spamAssassin } from "./judges.ts";

const root = join(import.meta.dirname, "../..");
const DOMAIN = "example.com";
/** More than enough to meet every way a line can end. */
const GENERATED = 150;

const folder = mkdtempSync(join(tmpdir(), "tidings-interop-"));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

type Written = { readonly path: string; readonly content: Content };
let mails: Written[] = [];
let sample: string[] = [];
let records: Readonly<Record<string, string>> = {};

beforeAll(async () => {
  await installJudges();
  const sign = await signer();
  const contents: Content[] = [
    { subject: "", html: "", text: "" },
    { subject: "Grüße – 50 % off", html: "<p>Grüße &amp; 😀</p>\n", text: "Grüße\n\n.\nFrom me\n--\n" },
    { subject: "Hello", html: `<pre>${" \t".repeat(300)}</pre>\n   \n\n\n`, text: "trailing \t\n\n\n" },
    ...fc.sample(fc.record({ subject: anyText, html: anyText, text: anyText }), { numRuns: GENERATED, seed: 6376 }),
  ];
  mails = await Promise.all(
    contents.map(async (content, index) => ({
      path: write(`mail-${index}.eml`, await sign(composeRendered(content, envelope))),
      content,
    })),
  );
  const golden = join(root, "src/core/golden");
  for (const name of readdirSync(golden).filter((each) => each.endsWith(".eml")))
    write(`golden-${name}`, await sign(readFileSync(join(golden, name))));
  sample = await Promise.all(
    (await samples()).map(async (mail, index) => write(`sample-${index}.eml`, await sign(mail))),
  );
}, 300_000);

describe("other programs", () => {
  it("dkimpy verifies both signatures of every mail, and Python's email package finds nothing to complain about", async () => {
    const paths = mails.map(({ path }) => path);
    const found = await readByPython(folder, records, paths);
    expect(found).toHaveLength(mails.length);
    for (const [index, { content }] of mails.entries()) {
      expect(found[index], JSON.stringify(content)).toMatchObject({
        verified: [true, true],
        defects: [],
        types: ["multipart/alternative", "text/plain", "text/html"],
        from: "ana@example.com",
      });
      const normal = (text: unknown) => String(text).replaceAll(/\r\n?/g, "\n").trimEnd();
      expect(normal(found[index]!.text)).toBe(normal(mailable(content.text)));
      expect(normal(found[index]!.html)).toBe(normal(mailable(content.html)));
    }
  });

  it("dkimpy verifies the golden mails and the sample campaign, and refuses them when a letter was changed", async () => {
    const good = readdirSync(folder)
      .filter((name) => /^(?:golden|sample)-.*\.eml$/.test(name))
      .map((name) => join(folder, name));
    expect(good.length).toBeGreaterThanOrEqual(5);
    const bad = good.map((path, index) =>
      write(
        `bad-${index}.eml`,
        Buffer.from(readFileSync(path, "latin1").replace(/(text\/html[^]*?<[^]*?)e/, "$1i"), "latin1"),
      ),
    );
    const verify = async (paths: string[]) =>
      (await readByPython(folder, records, paths)).map(({ verified }) => verified);
    expect(await verify(good)).toEqual(good.map(() => [true, true]));
    expect(await verify(bad)).toEqual(bad.map(() => [false, false]));
  });

  it("OpenDKIM verifies the signatures of every mail, and refuses one that was changed", async () => {
    const changed = write(
      "changed.eml",
      Buffer.from(readFileSync(sample[0]!, "latin1").replace("Subject: ", "Subject: Re: "), "latin1"),
    );
    const verdicts = await openDkim(folder, records, [...mails.map(({ path }) => path), ...sample]);
    expect(verdicts).toHaveLength(mails.length + sample.length);
    expect(verdicts.filter((verdict) => !/verification \(s=\S+ d=example\.com[^)]*\) succeeded/.test(verdict))).toEqual(
      [],
    );
    expect(await openDkim(folder, records, [changed])).toEqual([expect.stringContaining("failed")]);
  });

  it("SpamAssassin gives the sample campaign at most one point, and has nothing against its MIME or HTML", async () => {
    expect(sample.length).toBeGreaterThanOrEqual(3);
    const verdicts = await spamAssassin(folder, sample);
    expect(verdicts).toHaveLength(sample.length);
    for (const { score, rules } of verdicts) {
      expect(rules).not.toEqual([""]);
      expect(score, rules.join()).toBeLessThanOrEqual(1);
      expect(rules.filter((name) => /^(?:MIME_|HTML_(?!MESSAGE$))/.test(name))).toEqual([]);
    }
  }, 300_000);
});

const envelope: Envelope = {
  messageId: "<1.abc@example.com>",
  date: Temporal.Instant.from("2026-11-23T09:05:07Z"),
  from: { name: "Ana Ruiz", address: "ana@example.com" },
  to: { name: "José Ñandú", address: "jose@example.org" },
  replyTo: { name: null, address: "sales@example.com" },
  unsubscribeUrl: "https://mail.example.com/u/1.2.3.AbCdEfGhIjKlMnOpQrStUvWxYz0",
  unsubscribeMailto: "unsubscribe@example.com?subject=1.2.3",
  listId: { label: "Product introduction", domain: "campaign-7.example.com" },
  boundary: "tidings-0123456789abcdef",
};

const anyText = fc.oneof(
  fc.constant(""),
  fc.string({ unit: "grapheme", maxLength: 300 }),
  fc
    .array(fc.constantFrom("\n", " ", "  ", "\t", " \n", "\t\n", ".", "=", "ü", "From ", "--", "x".repeat(75)), {
      maxLength: 60,
    })
    .map((parts) => parts.join("")),
  fc.constantFrom(" ".repeat(500), "word ".repeat(400), "\n".repeat(30), `${"y".repeat(2000)} \t\n\n`),
);
// oxlint-disable-next-line no-control-regex -- control characters are what a mail leaves out
const mailable = (text: string) => text.replaceAll(/[\u0000-\u0008\u000b-\u001f\u007f]/g, "").toWellFormed();

/** Both kinds of keys; what is published of them is kept in `records`. */
async function signer(): Promise<(mail: Buffer) => Promise<Buffer>> {
  const at = Math.floor(envelope.date.epochMilliseconds / 1000);
  const made = await Promise.all((["rsa-sha256", "ed25519-sha256"] as const).map(makeKey));
  const keys = made.map(({ algorithm, privateKey, publicKey }) => ({
    algorithm,
    selector: `t1${algorithm.slice(0, 1)}`,
    publicKey,
    key: openKey(algorithm, privateKey, publicKey),
  }));
  records = Object.fromEntries(
    keys.map(({ algorithm, selector, publicKey }) => [recordName(selector, DOMAIN), keyRecord(algorithm, publicKey)]),
  );
  return async (mail) => {
    const read = signable(mail);
    const signed = await Promise.all(
      keys.map(async ({ selector, algorithm, key }) => {
        const { toSign } = unsignedHeader(read, { domain: DOMAIN, selector, algorithm }, { at });
        return { selector, algorithm, signature: await signature(algorithm, key, toSign) };
      }),
    );
    return Buffer.concat([Buffer.from(signatureHeaders(mail, { domain: DOMAIN, at, keys: signed })), mail]);
  };
}

/** The mails of docs/examples/campaign.yaml as one person gets them. */
async function samples(): Promise<Buffer[]> {
  const { steps } = await readCampaignFile(join(root, "docs/examples/campaign.yaml"));
  const person = { first_name: "Ada", last_name: "Beispiel", full_name: "Ada Beispiel", company: "Beispiel GmbH" };
  const variables = {
    ...person,
    doc: person,
    signature: "",
    unsubscribe_url: envelope.unsubscribeUrl,
    postal_address: "Example Ltd, 1 Example Street, Lisbon",
    sender_name: "Ana Ruiz",
    sender_email: "ana@example.com",
    campaign_name: "Product introduction",
    workspace_name: "Example",
  };
  return Promise.all(
    steps.map(async ({ content }) => {
      const made = await author(content, new Set([...Object.keys(variables), ...SYSTEM_VARIABLES]));
      if ("problems" in made) throw new Error(JSON.stringify(made.problems));
      return compose(compileMessage(made.compiled), variables, envelope);
    }),
  );
}

function write(name: string, data: Buffer): string {
  const path = join(folder, name);
  writeFileSync(path, data);
  return path;
}
