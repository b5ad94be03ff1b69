/** A server's replies, read from the bytes as they come. Never keeps more of them than a bounded amount. */

/** A complete reply: `text` is all its lines without their codes; the enhanced code (RFC 3463) still stands in it. */
export type Reply = { code: number; enhanced: string | null; text: string };

/** RFC 5321 4.5.3.1.5 says 512 octets a line; real ones are longer. A whole EHLO answer fits many times over. */
const REPLY_OCTETS_MAX = 16_384;

export type ReplyReader = {
  feed: (bytes: Buffer) => void;
  /** Drops what came but was not yet read, and reads no more. */
  stop: () => void;
};

/**
 * Reads replies, of one line or many, however the network cut them.
 * @param onGarbage once, when what came is no reply; nothing is read after that.
 */
export function createReplyReader(onReply: (reply: Reply) => void, onGarbage: (text: string) => void): ReplyReader {
  let rest = "";
  let earlier = ""; // the lines before the last, each ended by a line feed
  let code = "";
  let stopped = false;

  const stop = (): void => {
    stopped = true;
    rest = earlier = "";
  };
  const giveUp = (text: string): void => {
    stop();
    onGarbage(text);
  };

  const take = (line: string): void => {
    const mark = line.charAt(3);
    if (!/^[1-5]\d\d/.test(line) || (mark !== "" && mark !== " " && mark !== "-")) {
      return giveUp(`The server's answer is not SMTP: ${JSON.stringify(readable(line.slice(0, 80)))}.`);
    }
    if (earlier !== "" && !line.startsWith(code)) {
      return giveUp(`The server's answer changes its code from ${code} to ${line.slice(0, 3)}.`);
    }
    code = line.slice(0, 3);
    if (mark === "-") {
      earlier += `${line.slice(4)}\n`;
      if (earlier.length > REPLY_OCTETS_MAX) giveUp("The server's answer does not end.");
      return;
    }
    const text = readable(earlier === "" ? line.slice(4) : earlier + line.slice(4));
    earlier = "";
    onReply({ code: Number(code), enhanced: enhancedCode(code, text), text });
  };

  return {
    stop,
    feed: (bytes) => {
      if (stopped) return;
      const text = rest + bytes.toString("latin1");
      let start = 0;
      for (let end = text.indexOf("\n"); end !== -1; end = text.indexOf("\n", start)) {
        take(text.slice(start, end > start && text.charCodeAt(end - 1) === 13 ? end - 1 : end));
        if (stopped) return;
        start = end + 1;
      }
      rest = text.slice(start);
      if (rest.length > REPLY_OCTETS_MAX) giveUp("The server's answer does not end.");
    },
  };
}

/** RFC 2034: the enhanced code comes first, and its class is the reply's. */
function enhancedCode(code: string, text: string): string | null {
  const found = /^[245]\.\d{1,3}\.\d{1,3}(?=\s|$)/.exec(text)?.[0];
  return found !== undefined && found[0] === code[0] ? found : null;
}

/** UTF-8 where it is (RFC 6531); control characters marked, so that a reply can stand in a log line and in the database. */
function readable(latin1: string): string {
  if (/^[\x20-\x7e\n]*$/.test(latin1)) return latin1;
  return Buffer.from(latin1, "latin1")
    .toString("utf8")
    .replace(/[^\P{Cc}\n]/gu, "\uFFFD");
}
