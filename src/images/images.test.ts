/** Pictures for mails as an author uploads them and a mail program fetches them, in a folder and in a bucket. */
import { createHash, createHmac } from "node:crypto";
import { createServer, type IncomingMessage } from "node:http";
import type { AddressInfo } from "node:net";
import sharp from "sharp";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { openApp, type TestApp } from "../../test/app.ts";
import { DEFAULT_DESIGN } from "../core/blocks/design.ts";
import { kindOf, pictureOf } from "./picture.ts";
import { s3Storage } from "./storage.ts";

let app: TestApp;
beforeAll(async () => {
  app = await openApp();
});
afterAll(() => app?.close());

const drawn = (width: number, height: number, background = "#0f766e") =>
  sharp({ create: { width, height, channels: 3, background } });
const refusal = (bytes: Buffer) =>
  pictureOf(bytes).then(
    () => expect.fail("it was taken"),
    (error: { code: string; message: string }) => error,
  );
const upload = (bytes: Buffer, name = "A picture", type = "image/png") =>
  app.send(`/images?name=${encodeURIComponent(name)}&alt=Alt`, bytes, type);

describe("a picture", () => {
  it("is turned upright, made small, and freed of what a camera wrote into it", async () => {
    const camera = await drawn(3000, 1500)
      .withExif({ IFD0: { Artist: "Ana", Orientation: "6" }, IFD3: { GPSLatitude: "51/1 30/1 0/1" } })
      .withMetadata({ orientation: 6 })
      .jpeg()
      .toBuffer();
    expect((await sharp(camera).metadata()).exif).toBeDefined();
    const made = await pictureOf(camera);
    const { exif, orientation, width, height, format } = await sharp(made.bytes).metadata();
    expect({ exif, orientation, format }).toEqual({ exif: undefined, orientation: undefined, format: "jpeg" });
    expect([width, height, made.width, made.height]).toEqual([1200, 2400, 1200, 2400]);
    expect(made.bytes.includes("Ana")).toBe(false);
  });

  it("that mail programs cannot show becomes one they can, and what is see-through stays so", async () => {
    expect((await pictureOf(await drawn(20, 10).webp().toBuffer())).extension).toBe("jpg");
    const clear = await sharp({ create: { width: 9, height: 9, channels: 4, background: "#00000000" } })
      .webp()
      .toBuffer();
    expect((await pictureOf(clear)).extension).toBe("png");
  });

  it("that moves still moves", async () => {
    const frames = await Promise.all(["#f00", "#0f0", "#00f"].map((colour) => drawn(40, 20, colour).png().toBuffer()));
    const gif = await sharp(frames, { join: { animated: true } })
      .gif()
      .toBuffer();
    const made = await pictureOf(gif);
    expect(made).toMatchObject({ extension: "gif", width: 40, height: 20 });
    expect((await sharp(made.bytes).metadata()).pages).toBe(3);
  });

  it("is told by its content, and what is none is refused in words", async () => {
    expect(kindOf(Buffer.from("<html>"))).toBeNull();
    expect(await refusal(Buffer.from('<?xml version="1.0"?><svg xmlns="http://www.w3.org/2000/svg"/>'))).toMatchObject({
      code: "image-invalid",
      message: expect.stringContaining("SVG can hold scripts"),
    });
    expect(await refusal(Buffer.from("MZ\u0090 not a picture"))).toMatchObject({ code: "image-invalid" });
    const png = await drawn(300, 300).png().toBuffer();
    expect(await refusal(png.subarray(0, png.length / 2))).toMatchObject({ code: "image-invalid" });
    expect(await refusal(Buffer.concat([Buffer.from("GIF89a"), Buffer.alloc(50)]))).toMatchObject({
      code: "image-invalid",
    });
  });

  it("that would unfold to more than fits is refused before it does", async () => {
    const bomb = await drawn(10_000, 6000, "#000").png({ compressionLevel: 9 }).toBuffer();
    expect(bomb.length).toBeLessThan(1_000_000);
    expect(await refusal(bomb)).toMatchObject({ code: "image-too-large" });
    expect((await upload(Buffer.concat([bomb.subarray(0, 8), Buffer.alloc(10_000_001)]))).status).toBe(413);
  });
});

describe("an image", () => {
  it("has a public address that says what it serves, may be kept for ever, and needs no key", async () => {
    const { status, body } = await upload(await drawn(100, 50).png().toBuffer());
    expect(status).toBe(201);
    expect(body).toMatchObject({ name: "A picture", alt: "Alt", width: 100, height: 50, createdBy: expect.anything() });
    const path = new URL(body.url).pathname;
    const { bytes, headers, status: served } = await app.page(path);
    expect(served).toBe(200);
    expect(path).toBe(`/i/${createHash("sha256").update(bytes).digest("hex").slice(0, 32)}.png`);
    expect(headers).toMatchObject({
      "content-type": "image/png",
      "cache-control": "public, max-age=31536000, immutable",
      "cross-origin-resource-policy": "cross-origin",
      "x-content-type-options": "nosniff",
    });
    expect((await app.page(path, { "if-none-match": headers["etag"]! })).status).toBe(304);
    for (const wrong of ["/i/..%2f..%2fsecret", path.replace("png", "gif"), `/i/${"0".repeat(32)}.png`, `${path}x`])
      expect((await app.page(wrong)).status, wrong).toBe(404);
  });

  it("is kept once however often it is uploaded, and needs words for those who do not see it", async () => {
    const bytes = await drawn(30, 30, "#9a3412").png().toBuffer();
    const [first, second] = [await upload(bytes), await upload(bytes, "Again")];
    expect([first.status, second.status, second.body.id]).toEqual([201, 200, first.body.id]);
    expect((await app.send("/images?name=x&alt=%20", bytes, "image/png")).status).toBe(422);
    expect((await app.send("/images?name=x", bytes, "image/png")).status).toBe(422);
    expect((await app.send("/images?name=x&alt=y", bytes, "text/html")).status).toBe(415);
    expect((await app.send("/images?name=x&alt=y", bytes, "image/png", "viewer")).status).toBe(403);
    const renamed = await app.good("PATCH", `/images/${first.body.id}`, { alt: "A red square" });
    expect(renamed).toMatchObject({ alt: "A red square", url: first.body.url });
    expect((await app.good("GET", "/images?q=red+sq")).data).toHaveLength(1);
  });

  it("cannot be deleted while a mail, a saved block or the brand shows it, or has shown it", async () => {
    const { body: image } = await upload(await drawn(31, 30, "#1d4ed8").png().toBuffer());
    const block = { type: "image", id: "logo", src: image.url, alt: "Logo" };
    const template = await app.good("POST", "/email-templates", {
      name: "Shows it",
      subject: "Hi",
      format: "blocks",
      body: JSON.stringify({ version: 1, design: DEFAULT_DESIGN, blocks: [block] }),
    });
    const saved = await app.good("POST", "/saved-blocks", { name: "Letterhead", blocks: [block] });
    await app.good("PATCH", "/workspace", { brand: { ...DEFAULT_DESIGN, logo: { src: image.url, alt: "Acme" } } });
    const refused = await app.ask("DELETE", `/images/${image.id}`);
    expect(refused.status).toBe(409);
    expect(refused.body.detail).toContain("the brand kit, “Letterhead”, “Shows it”");
    await app.good("PATCH", "/workspace", { brand: null });
    await app.good("DELETE", `/saved-blocks/${saved.id}`);
    await app.good("PATCH", `/email-templates/${template.id}`, { format: "markdown", body: "No picture any more" });
    expect((await app.ask("DELETE", `/images/${image.id}`)).status, "an earlier version shows it").toBe(409);
    await app.good("DELETE", `/email-templates/${template.id}`);
    expect((await app.ask("DELETE", `/images/${image.id}`, undefined, "user")).status).toBe(403);
    await app.good("DELETE", `/images/${image.id}`);
    expect((await app.page(new URL(image.url).pathname)).status).toBe(404);
  });
});

describe("saved blocks", () => {
  it("are kept under one name each, checked like a mail, and changed without changing mails", async () => {
    const blocks = [{ type: "divider", id: "line" }];
    const made = await app.good("POST", "/saved-blocks", { name: "Line", blocks });
    expect(made).toMatchObject({ name: "Line", blocks });
    expect((await app.ask("POST", "/saved-blocks", { name: "line", blocks })).status).toBe(409);
    expect((await app.ask("POST", "/saved-blocks", { name: "Bad", blocks: [{ type: "video", id: "v" }] })).status).toBe(
      422,
    );
    await app.good("PATCH", `/saved-blocks/${made.id}`, { name: "Thin line" });
    expect((await app.good("GET", "/saved-blocks")).data.map((one: { name: string }) => one.name)).toEqual([
      "Thin line",
    ]);
    expect((await app.ask("DELETE", "/saved-blocks/999")).status).toBe(404);
  });
});

describe("S3-compatible storage", () => {
  const files = new Map<string, Buffer>();
  let failures = 0;
  const bucket = createServer((request, reply) => {
    void bodyOf(request).then((body) => {
      const wrong = signatureFault(request, body);
      if (wrong) return reply.writeHead(403).end(wrong);
      if (failures-- > 0) return reply.writeHead(503).end("SlowDown");
      const key = request.url!;
      if (request.method === "PUT") files.set(key, body);
      const found = files.get(key);
      if (request.method === "DELETE") files.delete(key);
      return request.method === "GET" && !found ? reply.writeHead(404).end() : reply.end(found);
    });
  });
  let url: string;
  beforeAll(async () => {
    await new Promise<void>((resolve) => void bucket.listen(0, "127.0.0.1", resolve));
    url = `http://key:se%2Fcret@127.0.0.1:${(bucket.address() as AddressInfo).port}/pictures/mail?region=eu-central-1`;
  });
  afterAll(() => void bucket.close());
  const now = Temporal.Instant.from("2026-12-01T12:00:00.123Z");

  it("keeps what is uploaded, and the public address is the same as ever", async () => {
    const other = await openApp({ s3Url: url });
    try {
      const { body } = await other.send("/images?name=x&alt=y", await drawn(40, 40).png().toBuffer(), "image/png");
      const path = new URL(body.url).pathname;
      expect([...files.keys()]).toEqual([`/pictures/mail${path.replace("/i", "")}`]);
      expect((await other.page(path)).bytes.equals([...files.values()][0]!)).toBe(true);
      await other.good("DELETE", `/images/${body.id}`);
      expect(files.size).toBe(0);
    } finally {
      await other.close();
    }
  });

  it("is asked again when it is busy, and its refusal is an error", async () => {
    failures = 2;
    await s3Storage(url).put("a.png", Buffer.from("x"), now);
    expect((await s3Storage(url).get("a.png", now))?.toString()).toBe("x");
    expect(await s3Storage(url).get("none.png", now)).toBeNull();
    await expect(s3Storage(url.replace("se%2Fcret", "wrong")).get("a.png", now)).rejects.toThrow(/403/);
  });

  async function bodyOf(request: IncomingMessage): Promise<Buffer> {
    const parts: Buffer[] = [];
    for await (const part of request) parts.push(part as Buffer);
    return Buffer.concat(parts);
  }

  /** Signature version 4 as the storage checks it, written anew here; null when it is right. */
  function signatureFault({ method, url: path, headers }: IncomingMessage, body: Buffer): string | null {
    const [, scope = "", names = "", signature] =
      /Credential=key\/([^,]+), ?SignedHeaders=([^,]+), ?Signature=(\w+)/.exec(headers.authorization ?? "") ?? [];
    const [day, region, service, end] = scope.split("/");
    const sha = (value: string | Buffer) => createHash("sha256").update(value).digest("hex");
    const hmac = (key: string | Buffer, value: string) => createHmac("sha256", key).update(value).digest();
    const hash = String(headers["x-amz-content-sha256"] ?? sha(body));
    if (hash !== "UNSIGNED-PAYLOAD" && hash !== sha(body)) return "the body is not what was signed";
    const canonical = [
      method,
      path,
      "",
      ...names.split(";").map((name) => `${name}:${String(headers[name]).trim()}`),
      "",
      names,
      hash,
    ].join("\n");
    const key = [region, service, end].reduce<Buffer>(
      (made, part) => hmac(made, part ?? ""),
      hmac("AWS4se/cret", day ?? ""),
    );
    const wanted = hmac(key, ["AWS4-HMAC-SHA256", headers["x-amz-date"], scope, sha(canonical)].join("\n")).toString(
      "hex",
    );
    return signature === wanted ? null : "SignatureDoesNotMatch";
  }
});
