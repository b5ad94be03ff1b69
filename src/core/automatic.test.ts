import { describe, expect, it } from "vitest";
import { isAutomatic } from "./automatic.ts";

const CHROME =
  "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/140.0.0.0 Safari/537.36";
const get = (agent: string | undefined, more: Record<string, string> = {}) =>
  isAutomatic({ method: "GET", headers: { "user-agent": agent, ...more } });

describe("a person is whoever uses", () => {
  it.each([
    CHROME,
    "Mozilla/5.0 (iPhone; CPU iPhone OS 18_0 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Mobile/15E148",
    "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Thunderbird/140.0",
    "Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) AppleWebKit/605.1.15 (KHTML, like Gecko)",
    "Outlook-iOS/723.4027091.prod.iphone (4.2418.0)",
    "Mozilla/4.0 (compatible; MSIE 7.0; Windows NT 10.0; WOW64; Trident/7.0; Microsoft Outlook 16.0.5071; ms-office; MSOffice 16)",
  ])("%s", (agent) => expect(get(agent)).toBe(false));
});

describe("a machine is", () => {
  it.each([
    ["Apple's Mail Privacy Protection", "Mozilla/5.0"],
    [
      "Gmail's image proxy",
      "Mozilla/5.0 (Windows NT 5.1; rv:11.0) Gecko Firefox/11.0 (via ggpht.com GoogleImageProxy)",
    ],
    ["Yahoo's", "YahooMailProxy; https://help.yahoo.com/kb/yahoo-mail-proxy-SLN28749.html"],
    ["a preview in a chat", "Slackbot-LinkExpanding 1.0 (+https://api.slack.com/robots)"],
    ["a scanner", "Mozilla/5.0 (compatible; Barracuda Sentinel (EE))"],
    ["a search engine", "Mozilla/5.0 (compatible; bingbot/2.0; +http://www.bing.com/bingbot.htm)"],
    ["a program", "python-requests/2.32.3"],
    ["a browser nobody looks at", CHROME.replace("Chrome", "HeadlessChrome")],
    ["whoever says nothing of itself", ""],
    ["or goes on for ever", `Mozilla/5.0 ${"a".repeat(2000)}`],
  ])("%s", (_, agent) => expect(get(agent)).toBe(true));

  it("whoever asks for the head alone, and a browser that fetches before anybody asks", () => {
    expect(isAutomatic({ method: "HEAD", headers: { "user-agent": CHROME } })).toBe(true);
    expect(get(CHROME, { "sec-purpose": "prefetch;prerender" })).toBe(true);
    expect(get(CHROME, { purpose: "preview" })).toBe(true);
    expect(get(CHROME, { "x-moz": "prefetch" })).toBe(true);
    expect(get(undefined)).toBe(true);
  });
});
