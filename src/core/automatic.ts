/** Which requests for a picture or link of a mail come from machines: scanners, prefetchers, proxies. Decides, keeps nothing. */

/** What is known of a request. Names of headers are small. */
export type Asking = {
  readonly method: string;
  readonly headers: Readonly<Record<string, string | readonly string[] | undefined>>;
};

/** A browser or mail program that somebody uses says more than this of itself. */
const SHORTEST_AGENT = 12;
/** Longer ones are nobody's; and nothing is searched without a limit. */
const LONGEST_AGENT = 1000;

/**
 * What machines call themselves. Proxies of mailboxes fetch pictures whether or not somebody looks (Apple's Mail Privacy
 * Protection fetches all of them, and calls itself `Mozilla/5.0` and no more), so that they tell nothing of a person.
 */
const AGENTS = [
  /googleimageproxy|ggpht\.com|yahoomailproxy|yahoocachesystem|protonmail-?proxy/i,
  /bot\b|bots\b|crawl|spider|slurp|preview|prefetch|scan(?:ner)?\b|monitor|validator|linkcheck/i,
  /facebookexternalhit|whatsapp|telegram|slack|discord|skype|viber|linkedin|embedly|pinterest/i,
  /barracuda|proofpoint|mimecast|symantec|messagelabs|fireeye|trend ?micro|sophos|ironport|cisco|zscaler|fortinet|checkpoint|avanan|cloudmark|spamassassin|rspamd|safelinks|bitdefender|kaspersky|eset\b|urlscan|virustotal|phish/i,
  /^(?:curl|wget|python|java|go-http|okhttp|axios|node|undici|libwww|lwp|apache-http|php|ruby|perl|guzzle|httpie|aiohttp|scrapy|postman|insomnia|got|restsharp|winhttp|microsoft office|microsoft url|ms-office)/i,
  /headless|phantomjs|puppeteer|playwright|selenium|electron-fetch|lighthouse/i,
];

/** How browsers and proxies say that nobody asked. */
const PURPOSES: Readonly<Record<string, RegExp>> = {
  "sec-purpose": /prefetch|prerender/i,
  purpose: /prefetch|preview/i,
  "x-purpose": /prefetch|preview/i,
  "x-moz": /prefetch/i,
};

/** Whether a machine asks and no person. Wrong both ways now and then: what calls itself a browser is taken for one. */
export function isAutomatic({ method, headers }: Asking): boolean {
  if (method !== "GET") return true;
  const of = (name: string) => {
    const value = headers[name];
    return typeof value === "string" ? value : "";
  };
  if (Object.entries(PURPOSES).some(([name, says]) => says.test(of(name).slice(0, 100)))) return true;
  const agent = of("user-agent").trim();
  if (agent.length < SHORTEST_AGENT || agent.length > LONGEST_AGENT) return true;
  return AGENTS.some((machine) => machine.test(agent));
}

/** So many different links of one mail in so short a time: a scanner follows them all. */
export const SCAN = { links: 3, seconds: 2 } as const;
/** Nobody reads faster than this, counted from when the mail was taken; what scans at the door does. */
export const FASTEST_READER_SECONDS = 1;
