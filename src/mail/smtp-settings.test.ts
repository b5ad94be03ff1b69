import { describe, expect, it } from "vitest";
import { checkSettings, isLoopback, parseSmtpUrl, type SmtpSettings } from "./smtp-settings.ts";

const relay: SmtpSettings = {
  host: "mail.example.com",
  port: 587,
  security: "starttls",
  auth: { user: "ana", password: "secret" },
  name: "news.example.com",
  connections: 2,
};

describe("an SMTP URL", () => {
  it.each<[string, Partial<SmtpSettings>]>([
    ["smtp://mail.example.com", { host: "mail.example.com", port: 587, security: "starttls", auth: null }],
    ["smtps://ana:s%40crt@mail.example.com", { port: 465, security: "tls", auth: { user: "ana", password: "s@crt" } }],
    [
      "smtp://ana%40example.com:x@mail.example.com:2525/",
      { port: 2525, auth: { user: "ana@example.com", password: "x" } },
    ],
    ["smtp://127.0.0.1:1025", { port: 1025, security: "none" }],
    [
      "smtp://localhost?security=starttls&connections=9&ehlo=me.example",
      { security: "starttls", connections: 9, name: "me.example" },
    ],
    ["smtp://[::1]", { host: "::1", port: 25, security: "none" }],
    ["smtp://mailpit:1025?security=none&allowPlain=true", { host: "mailpit", security: "none", allowPlain: true }],
    ["smtp://mail.example.com?email=a@example.com&name=Ana", { name: "localhost" }],
  ])("%s says how to reach the server", (url, expected) => {
    expect(parseSmtpUrl(url)).toMatchObject(expected);
  });

  it.each([
    ["mail.example.com:587", "written as"],
    ["http://mail.example.com", "written as"],
    ["smtp://mail.example.com:99999", "written as"],
    ["smtp://ana@mail.example.com", "go together"],
    ["smtp://ana:50%@mail.example.com", "%25"],
    ["smtp://mail.example.com/inbox", "Nothing follows"],
    ["smtp://mail.example.com?secure=true", "secure is not an option"],
    ["smtp://mail.example.com?security=ssl", "security is"],
    ["smtps://mail.example.com?security=none", "first byte"],
    ["smtp://mail.example.com:465", "smtps://"],
    ["smtp://mail.example.com?security=none", "this machine only"],
    ["smtp://a:b@mailpit?security=none&allowPlain=true", "without TLS"],
    ["smtp://mail.example.com?connections=0", "connection"],
    ["smtp://mail.example.com?ehlo=a%0D%0AMAIL", "EHLO"],
  ])("%s is refused with what to do", (url, words) => {
    expect(() => parseSmtpUrl(url)).toThrow(words);
  });
});

describe("settings", () => {
  it.each<[string, Partial<SmtpSettings>, string]>([
    ["S16 mails do not travel in the clear to another machine", { security: "none", auth: null }, "/security"],
    ["S17 a password never does, even where mails may", { security: "none", allowPlain: true }, "/auth"],
    ["attack 23: no command hides in the EHLO name", { name: "a\r\nMAIL FROM:<x@y>" }, "/name"],
    ["attack 23: no command hides in the password", { auth: { user: "ana", password: "a\r\nb" } }, "/auth"],
    ["an empty token is no token", { auth: { user: "ana", accessToken: "" } }, "/auth"],
    ["port 0 is no port", { port: 0 }, "/port"],
    ["a host is no URL", { host: "smtp://x" }, "/host"],
  ])("%s", (_, changes, pointer) => {
    expect(() => checkSettings({ ...relay, ...changes })).toThrow(
      expect.objectContaining({ code: "smtp-settings-invalid", faults: [expect.objectContaining({ pointer })] }),
    );
  });

  it("S11 waits as long as RFC 5321 says, ten minutes after the final dot, unless told otherwise", () => {
    const minute = 60_000;
    expect(checkSettings({ ...relay, timeouts: { mailMs: 1 } }).timeouts).toMatchObject({
      greetingMs: 5 * minute,
      mailMs: 1,
      rcptMs: 5 * minute,
      dataMs: 2 * minute,
      blockMs: 3 * minute,
      finalDotMs: 10 * minute,
    });
  });

  it("this machine is known by its name and its addresses alone", () => {
    expect(["localhost", "127.0.0.1", "127.8.9.1", "::1", "LOCALHOST"].filter(isLoopback)).toHaveLength(5);
    expect(["128.0.0.1", "localhost.example.com", "::2", "127.0.0.1.example.com"].filter(isLoopback)).toEqual([]);
  });
});
