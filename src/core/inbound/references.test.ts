import { describe, expect, it } from "vitest";
import { sign } from "../links.ts";
import { readMail } from "./mail.ts";
import { referencesOf } from "./references.ts";

const id = "<1.0123456789abcdef01234567@example.com>";
const token = sign([Buffer.alloc(32, 1)], "unsubscribe", { emailCampaignId: 12, personId: 345, messageId: 6789 });
const find = async (text: string, envelopeTo: string | null = null) =>
  referencesOf(await readMail(Buffer.from(text.replaceAll("\n", "\r\n"))), envelopeTo);
const head = "From: mailer-daemon@example.net\nTo: b-1@bounce.example.com\nSubject: failure\n";
const within = (type: string, text: string) =>
  `${head}Content-Type: multipart/report; boundary=b\n\n--b\nContent-Type: text/plain\n\nsorry, it failed\n\n--b\nContent-Type: ${type}\n\n${text}\n--b--\n`;

describe("what may name a mail of ours", () => {
  it.each([
    ["In-Reply-To", `${head}In-Reply-To: ${id}\n\nYes.\n`],
    ["References, folded", `${head}References: <a@b.example>\n ${id}\n\nYes.\n`],
    ["a header of somebody's own", `${head}X-Original-Message-ID: ${id}\n\nYes.\n`],
    ["the mail that came back", within("message/rfc822", `Message-ID: ${id}\nSubject: x\n\nHello`)],
    ["its head", within("text/rfc822-headers", `Subject: x\nMessage-Id:\n ${id}`)],
    ["its head as text", `${head}\nCould not be delivered.\n\n------ headers ------\nMessage-ID: ${id}\n`],
    ["its head as quoted text", `${head}\nCould not be delivered.\n\n> Subject: x\n> Message-ID: ${id}\n`],
    [
      "a report",
      within("message/disposition-notification", `Final-Recipient: rfc822; a@b.example\nOriginal-Message-ID: ${id}`),
    ],
    [
      "a notice about a notice",
      within("message/rfc822", `Message-ID: <outer@x.example>\nSubject: x\n\nfailed:\nMessage-ID: ${id}`),
    ],
  ])("a Message-ID in %s", async (_name, text) => {
    expect((await find(text)).messageIds).toContain(id);
  });

  it("the nearest Message-ID goes first", async () => {
    const { messageIds } = await find(
      `${head}References: <old@b.example> <new@b.example>\nIn-Reply-To: ${id}\n\nYes.\n`,
    );
    expect(messageIds).toEqual([id, "<new@b.example>", "<old@b.example>"]);
  });

  it.each([
    ["Delivered-To", `Delivered-To: b-2@bounce.example.com\n${head}\nx`],
    ["X-Original-To", `X-Original-To: <b-2@bounce.example.com>\n${head}\nx`],
    ["the mail that came back", within("message/rfc822", `Return-Path: <b-2@bounce.example.com>\nSubject: x\n\nHello`)],
    ["its head as text", `${head}\nfailed\n\nReturn-Path: <b-2@bounce.example.com>\nReceived: x\n`],
  ])("a return path in %s", async (_name, text) => {
    expect((await find(text)).sentTo).toContain("b-2@bounce.example.com");
  });

  it("the envelope counts before what the mail says", async () => {
    const { sentTo } = await find(`${head}\nx`, "b-3@bounce.example.com");
    expect(sentTo).toEqual(["b-3@bounce.example.com", "b-1@bounce.example.com"]);
  });

  it.each([
    ["the subject", `${head.replace("failure", `unsubscribe ${token}`)}\nx`],
    ["the body", `${head}\nunsubscribe ${token}\n`],
    [
      "the link of a mail that came back",
      within("message/rfc822", `List-Unsubscribe: <https://t.example/u/${token}>\n\nHello`),
    ],
    [
      "a line that was broken",
      within("message/rfc822", `Subject: x\n\nLeave: https://t.example/u/${token.slice(0, 20)}=\n${token.slice(20)}`),
    ],
  ])("a token in %s", async (_name, text) => {
    expect((await find(text)).tokens).toEqual([token]);
  });

  it("what only looks like a token is none", async () => {
    expect((await find(`${head}\n${token}x and x.${token}`)).tokens).toEqual([]);
  });

  it("a mail full of them gives a hundred of each, soon", async () => {
    const many = Array.from({ length: 20_000 }, (_, at) => `<m${at}@example.com>`).join("\n ");
    const { messageIds } = await find(`${head}References: ${many}\n\n${`Message-ID: ${id}\n`.repeat(20_000)}`);
    expect(messageIds.length).toBeLessThanOrEqual(100);
  });
});
