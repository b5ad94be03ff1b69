/** Reads bounces that follow no standard: which addresses failed, and what is said about each. Judges nothing. */
import { addressIn } from "./mail.ts";
import type { Recipient } from "./report.ts";
import { statusIn } from "./report.ts";

/** From here on it is the mail that came back. */
const ORIGINAL_BEGINS =
  /^[ \t>#*]*(?:-{2,}|_{3,}|={3,}|\*{3,})?[ \t]*(?:(?:this|below this line|the following|here|a copy|following)\b.{0,40}\b(?:is|are)\b.{0,30}\b(?:copy|headers?|original|message)|-+ ?(?:original|returned|undelivered|unsent|the (?:original|header|body|unsent)|start of|forwarded|message header|failed message)|original message (?:follows|header|text|details)|message headers? follow|received: (?:from|by|\(|$)|return-path:|dkim-signature:|unsent message below|the (?:first|following|header|body|original|message).{0,60}(?:follow|lines|header)|begin (?:message )?header|text of (?:your )?message|your message (?:reads|begins)|message (?:contents|header))/i;
const LINES = 400;
/** No line is looked at further than this: long ones are no writing of a server. */
const MOST_LINE = 600;
const MOST_LINES = 5000;
/** What introduces the mail that came back is no longer than this. */
const MOST_OPENING = 160;
const TRANSCRIPT = /^[45]\d\d </;
/** Lines that introduce where the failed addresses stand. */
const SPEAKS_OF_US =
  /^\s*(?:from|to|cc|subject|date|sent|reply-to|message-id|sender|return-path|by|for|envelope[- ]from|x-\S+|received|mime-version)\s*[:=]/i;
const SERVERS = /^(?:postmaster|mailer-?daemon|abuse|no-?reply|root|admin(?:istrator)?|support|hostmaster)@/i;

/** The part of a notice that its server wrote. */
export function ownWords(text: string): string {
  let at = 0;
  for (const line of text.split("\n", MOST_LINES)) {
    if (ORIGINAL_BEGINS.test(line.slice(0, MOST_OPENING))) {
      const before = text.slice(0, at);
      // A notice that begins with what came back has its own words behind it.
      return before.trim().length > 40 || before.includes("@") ? before : text;
    }
    at += line.length + 1;
  }
  return text;
}

/** What stands before the first of the addresses: of several recipients, the words about them all. */
export function introduction(said: string, addresses: readonly (string | null)[]): string {
  const at = addresses.flatMap((one) => (one === null ? [] : [said.indexOf(one)])).filter((one) => one >= 0);
  return at.length === 0 ? "" : said.slice(0, Math.min(...at));
}

/** Lines as they were before somebody folded them: a reply or a field goes on where the next one is indented. */
function unfolded(lines: readonly string[]): string[] {
  const whole: string[] = [];
  for (const line of lines) {
    const last = whole.at(-1) ?? "";
    const goesOn = /^[ \t]+\S/.test(line) && (REPLY.test(last) || (SPEAKS_OF_US.test(last) && !/@/.test(last)));
    const open =
      /^\s*[\w -]{2,20}:\s*$/.test(last) && (SPEAKS_OF_US.test(last) || /rcpt to/i.test(last)) && line.trim() !== "";
    if ((goesOn || open) && last.length < MOST_LINE) whole[whole.length - 1] = `${last} ${line.trim()}`;
    else whole.push(line);
  }
  return whole;
}

const MOST_ABOUT = 20_000;
const REPLY = /^(?:[45]\d\d[ -]|<<<|>>>)/;

/**
 * The recipients a notice names in its own words. An address that begins a line is a heading, and what follows until the next one is
 * about it; else the first address that is not our own.
 */
export function readNotice(said: string, own: readonly string[]): Recipient[] {
  const ours = new Set(own.map((address) => address.toLowerCase()));
  const lines = unfolded(said.split("\n", LINES).map((line) => line.slice(0, MOST_LINE)));
  const foreign = (line: string) => {
    const address = addressIn(line);
    return address && !ours.has(address.toLowerCase()) && !SERVERS.test(address) ? address : null;
  };
  const heading = (line: string) =>
    !SPEAKS_OF_US.test(line) &&
    /^\s*(?:[*-]\s+|[45]\d\d )?(?:(?:to|recipient|rcpt to|address)\s*[:=]\s*)?["'<(]{0,2}[^\s<>"'()]{1,64}@[^\s<>]{1,255}[>"')]{0,3}[:;,]?(?:$|\s*[:(.;-]|\s+(?:on|\.\.\.|-)\s?)/i.test(
      line,
    )
      ? foreign(line)
      : null;
  const heads = lines.flatMap((line, at) => {
    const address = heading(line);
    return address ? [{ address, at }] : [];
  });
  const entry = (address: string, about: string): Recipient => ({
    recipient: address,
    action: null,
    status: statusIn(about),
    diagnostic: about.trim(),
  });
  const all = lines.join("\n");
  if (heads.length === 0) {
    const line = lines.find((one) => !SPEAKS_OF_US.test(one) && foreign(one)) ?? lines.find((one) => foreign(one));
    return line ? [entry(foreign(line)!, all)] : [];
  }
  const found = new Map<string, string>();
  heads.forEach(({ address, at }, index) => {
    // A line of a transcript speaks for itself, with the others that name the address; under a heading there is more.
    const key = address.toLowerCase();
    const known = found.get(key) ?? "";
    const inTranscript = TRANSCRIPT.test(lines[at]!);
    if (known.length > MOST_ABOUT || (inTranscript && known !== "")) return;
    const about = inTranscript ? lines.filter((line) => line.includes(address)) : lines.slice(at, heads[index + 1]?.at);
    found.set(key, `${known}\n${about.join("\n")}`);
  });
  const addresses = new Map(heads.map(({ address }) => [address.toLowerCase(), address]));
  return [...found].map(([key, about]) => entry(addresses.get(key)!, found.size === 1 ? `${about}\n${all}` : about));
}
