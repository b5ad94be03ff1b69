/** DKIM signatures: an independent verifier accepts every one, and refuses a mail that was changed on its way. */
import { generateKeyPairSync, type KeyObject, sign } from "node:crypto";
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import fc from "fast-check";
import { dkimVerify } from "mailauth/lib/dkim/verify.js";
import { describe, expect, it } from "vitest";
import {
  canonicalBody,
  canonicalComposedBody,
  type DkimAlgorithm,
  keyRecord,
  signable,
  signableMail,
  signatureHeaders,
  type Signed,
  signedHeader,
  tagsOf,
  toSignWithEd25519,
  unsignedHeader,
} from "./dkim.ts";
import { compileMessage, compose, composeRendered, type Content, type Envelope } from "./message.ts";

const at = Temporal.Instant.from("2026-12-01T09:05:07Z").epochMilliseconds / 1000;
const keys: Record<DkimAlgorithm, { selector: string; publicKey: KeyObject; privateKey: KeyObject }> = {
  "rsa-sha256": { selector: "rsa1", ...generateKeyPairSync("rsa", { modulusLength: 2048 }) },
  "ed25519-sha256": { selector: "ed1", ...generateKeyPairSync("ed25519") },
};
const ALGORITHMS: readonly DkimAlgorithm[] = ["rsa-sha256", "ed25519-sha256"];

function published(algorithm: DkimAlgorithm): string {
  const { publicKey } = keys[algorithm];
  const key =
    algorithm === "rsa-sha256"
      ? publicKey.export({ format: "der", type: "spki" }).toString("base64")
      : Buffer.from(publicKey.export({ format: "jwk" }).x ?? "", "base64url").toString("base64");
  return keyRecord(algorithm, key);
}

const records: Record<string, string> = Object.fromEntries(
  ALGORITHMS.map((algorithm) => [`${keys[algorithm].selector}._domainkey.example.com`, published(algorithm)]),
);

function signed(mail: Buffer, algorithms: readonly DkimAlgorithm[], expiresAt?: number, read = signable(mail)): Signed {
  const times = { at, ...(expiresAt === undefined ? {} : { expiresAt }) };
  return {
    domain: "example.com",
    ...times,
    keys: algorithms.map((algorithm) => {
      const { selector, privateKey } = keys[algorithm];
      const { toSign } = unsignedHeader(read, { domain: "example.com", selector, algorithm }, times);
      const signature =
        algorithm === "rsa-sha256"
          ? sign("sha256", toSign, privateKey)
          : sign(null, toSignWithEd25519(toSign), privateKey);
      return { selector, algorithm, signature: signature.toString("base64") };
    }),
  };
}

const withSignatures = (mail: Buffer, algorithms: readonly DkimAlgorithm[], expiresAt?: number) =>
  Buffer.concat([Buffer.from(signatureHeaders(mail, signed(mail, algorithms, expiresAt)), "latin1"), mail]);

/** What the verifier says of each signature: `pass`, or why not. */
async function verdicts(mail: Buffer, now = at + 60): Promise<string[]> {
  const { results } = await dkimVerify(mail, {
    curTime: new Date(now * 1000),
    resolver: async (name: string, type: string) => {
      const record = type === "TXT" ? records[name] : undefined;
      if (record === undefined) throw Object.assign(new Error(`no ${name}`), { code: "ENOTFOUND" });
      return [record.match(/.{1,255}/g) ?? []];
    },
  });
  return results.map(({ status }) => status.result);
}

const envelope: Envelope = {
  messageId: "<1.abc@example.com>",
  date: Temporal.Instant.from("2026-12-01T09:05:07Z"),
  from: { name: "Ana Ruiz", address: "ana@example.com" },
  to: { name: "José Ñandú", address: "jose@example.org" },
  replyTo: { name: null, address: "sales@example.com" },
  unsubscribeUrl: `https://mail.example.com/u/${"1.2.3.AbCdEfGhIjKlMnOpQrStUvWxYz0".repeat(9)}`,
  unsubscribeMailto: "unsubscribe@example.com?subject=1.2.3",
  listId: { label: "Product introduction", domain: "campaign-7.example.com" },
  boundary: "tidings-0123456789abcdef",
};

const anyText = fc.oneof(
  fc.constant(""),
  fc.string({ unit: "grapheme", maxLength: 300 }),
  fc.string({ unit: "binary", maxLength: 200 }),
  fc
    .array(fc.constantFrom("\n", "\r\n", " ", "  ", "\t", " \t ", " \n", "\t\r\n", ".", "=", "ü", "x".repeat(75)), {
      maxLength: 60,
    })
    .map((parts) => parts.join("")),
  fc.constantFrom(" ".repeat(500), "word ".repeat(400), "\n".repeat(30), `${"y".repeat(2000)} \t\n\n`),
);
const anyContent: fc.Arbitrary<Content> = fc.record({ subject: anyText, html: anyText, text: anyText });

describe("a DKIM signature", () => {
  for (const algorithms of [["rsa-sha256"], ["ed25519-sha256"], ALGORITHMS] as DkimAlgorithm[][]) {
    it(`${algorithms.join(" and ")}: the golden mails are verified by mailauth`, async () => {
      const folder = join(import.meta.dirname, "golden");
      const goldens = readdirSync(folder).filter((name) => name.endsWith(".eml"));
      expect(goldens.length).toBeGreaterThan(0);
      for (const name of goldens) {
        const mail = readFileSync(join(folder, name));
        expect(await verdicts(withSignatures(mail, algorithms)), name).toEqual(algorithms.map(() => "pass"));
      }
    });
  }

  it("holds for any subject and content: long lines, white space at line ends, nothing at all, any script", async () => {
    await fc.assert(
      fc.asyncProperty(anyContent, async (content) => {
        const mail = composeRendered(content, envelope);
        expect(await verdicts(withSignatures(mail, ALGORITHMS))).toEqual(["pass", "pass"]);
      }),
      { numRuns: 150 },
    );
  });

  it("holds when the mail is folded and spaced otherwise on its way, as relays do", async () => {
    const mail = withSignatures(
      composeRendered({ subject: "Hello there", html: "<p>  Hello</p>", text: "Hello   you" }, envelope),
      ALGORITHMS,
    );
    const relayed = mail
      .toString("latin1")
      .replace("Subject: Hello there", "subject:\tHello \r\n there  ")
      .replace("Hello   you", "Hello you \t");
    expect(relayed).not.toBe(mail.toString("latin1"));
    expect(await verdicts(Buffer.from(relayed, "latin1"))).toEqual(["pass", "pass"]);
  });

  it("breaks when the body, a header or a way to unsubscribe is changed or added", async () => {
    const mail = withSignatures(
      composeRendered({ subject: "Hello", html: "<p>Hello</p>", text: "Hello" }, envelope),
      ALGORITHMS,
    ).toString("latin1");
    const [signatures, rest] = [mail.slice(0, mail.indexOf("Date: ")), mail.slice(mail.indexOf("Date: "))];
    const added = [
      "From: Mallory <mallory@example.net>",
      "Subject: Win",
      "To: other@example.org",
      "Cc: other@example.org",
      "Date: Wed, 2 Dec 2026 09:05:07 +0000",
      "Sender: mallory@example.net",
      "Reply-To: mallory@example.net",
      "Message-ID: <2@example.net>",
      "List-Unsubscribe: <https://example.net/>",
      "List-Unsubscribe-Post: List-Unsubscribe=One-Click",
      "MIME-Version: 1.0",
      "Content-Type: text/html",
      "Content-Transfer-Encoding: base64",
    ].map((header) => `${header}\r\n${signatures}${rest}`);
    const changed = [
      mail.replace("Subject: Hello", "Subject: Goodbye"),
      mail.replace("mail.example.com/u/", "mail.example.net/u/"),
      mail.replace("<p>Hello</p>", "<p>Goodbye</p>"),
      `${mail}and more\r\n`,
      mail.replace("List-Unsubscribe-Post: List-Unsubscribe=One-Click\r\n", ""),
    ];
    for (const broken of [...added, ...changed]) {
      expect(broken).not.toBe(mail);
      const found = await verdicts(Buffer.from(broken, "latin1"));
      expect(found, broken.slice(0, 80)).toHaveLength(2);
      expect(found, broken.slice(0, 80)).not.toContain("pass");
    }
  });

  it("may name its end, and is worth nothing after it", async () => {
    const mail = withSignatures(composeRendered({ subject: "a", html: "b", text: "c" }, envelope), ALGORITHMS, at + 60);
    expect(await verdicts(mail, at + 30)).toEqual(["pass", "pass"]);
    expect(await verdicts(mail, at + 90)).not.toContain("pass");
  });

  it("never limits how much of the body it covers", () => {
    const mail = composeRendered({ subject: "a", html: "b", text: "c" }, envelope);
    const header = signatureHeaders(mail, signed(mail, ALGORITHMS));
    expect(header).toMatch(/\bbh=/);
    expect(header).not.toMatch(/\bl=/);
  });

  it("stands in lines of at most 78 characters", () => {
    const mail = composeRendered({ subject: "a", html: "b", text: "c" }, envelope);
    const long = {
      ...signed(mail, ALGORITHMS),
      domain: `${"long-label-".repeat(5)}.example.com`,
    };
    for (const line of signatureHeaders(mail, signed(mail, ALGORITHMS)).split("\r\n"))
      expect(line.length).toBeLessThanOrEqual(78);
    for (const line of signatureHeaders(mail, long).split("\r\n")) expect(line.length).toBeLessThanOrEqual(130);
  });

  it("is written again to the byte from what is kept of it", () => {
    const mail = composeRendered({ subject: "a", html: "b", text: "c" }, envelope);
    const kept = signed(mail, ALGORITHMS);
    expect(signed(mail, ALGORITHMS)).toEqual(kept);
    const read = JSON.parse(JSON.stringify(kept)) as Signed;
    const direct = kept.keys
      .map(({ signature, ...key }) =>
        signedHeader(unsignedHeader(signable(mail), { domain: "example.com", ...key }, { at }).header, signature),
      )
      .join("");
    expect(signatureHeaders(mail, read)).toBe(direct);
  });
});

describe("the canonical body", () => {
  it("is what RFC 6376 3.4.5 shows", () => {
    expect(canonicalBody(" C \r\nD \t E\r\n\r\n\r\n")).toBe(" C\r\nD E\r\n");
    expect(canonicalBody("")).toBe("");
    expect(canonicalBody("\r\n\r\n")).toBe("");
    expect(canonicalBody("no end")).toBe("no end\r\n");
  });

  it("comes out the same by the short way that composed mails take, rendered or compiled", () => {
    const bodyOf = (mail: Buffer) => mail.toString("latin1", mail.indexOf("\r\n\r\n") + 4);
    fc.assert(
      fc.property(anyContent, fc.dictionary(fc.constantFrom("name", "city"), anyText), (content, variables) => {
        const mails = [composeRendered(content, envelope)];
        const escaped = (text: string) => text.replaceAll(/[{}#%]/g, "");
        const html = `<pre>  ${escaped(content.html)}\t{{ name }} \n   {{ city }}  </pre>`;
        const text = `${escaped(content.text)} {{ name }}\n\n  {{ city }} `;
        const compiled = compileMessage({ subject: "{{ name }}", html, text });
        mails.push(compose(compiled, variables, envelope));
        for (const mail of mails) {
          expect(canonicalComposedBody(bodyOf(mail))).toBe(canonicalBody(bodyOf(mail)));
          expect(signable(mail)).toEqual(signableMail(mail));
        }
      }),
      { numRuns: 500 },
    );
  });
});

describe("tags of a record", () => {
  it("are read as RFC 6376 writes them, and a list that is none is seen as such", () => {
    expect(tagsOf("v=DKIM1; k = rsa ;p=abc\t; ")).toEqual(
      new Map([
        ["v", "DKIM1"],
        ["k", "rsa"],
        ["p", "abc"],
      ]),
    );
    expect(tagsOf("v=DKIM1; p")).toBeNull();
    expect(tagsOf("p=a; p=b")).toBeNull();
  });
});
