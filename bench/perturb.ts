/** Ways in which the same mail may come otherwise: other addresses, hosts, folds, encodings, wrappings. The verdict must stay. */

export type Perturbation = {
  readonly name: string;
  readonly change: (mail: string) => string;
  /** What becomes of an address in it. */
  readonly address?: (address: string) => string;
};

const MORE_HEADERS = [
  "Received: from relay7.example.edu (relay7.example.edu [192.0.2.77]) by in.example.edu with ESMTPS; Mon, 2 Mar 2026 10:00:00 +0000",
  "DKIM-Signature: v=1; a=rsa-sha256; d=example.edu; s=x; h=from:to:subject; bh=AAAA; b=BBBB",
  "X-Spam-Status: No, score=-1.2 required=5.0 tests=NONE",
  "X-Virus-Scanned: clean",
];

export const PERTURBATIONS: readonly Perturbation[] = [
  { name: "bare line feeds", change: (mail) => mail.replaceAll("\r\n", "\n") },
  { name: "carriage returns", change: (mail) => mail.replaceAll(/\r?\n/g, "\r\n") },
  {
    name: "other domains",
    change: (mail) => mail.replaceAll(DOMAIN, "@q7$1"),
    address: (one) => one.replace(DOMAIN, "@q7$1"),
  },
  {
    name: "other people",
    change: (mail) => mail.replaceAll(LOCAL, "zoe.$1"),
    address: (one) => one.replace(LOCAL, "zoe.$1"),
  },
  { name: "other hosts", change: (mail) => mail.replaceAll(/\[\d{1,3}(?:\.\d{1,3}){3}\]/g, "[198.51.100.99]") },
  { name: "shorter lines", change: (mail) => bodyOf(mail, (line) => wrapped(line, 60)) },
  { name: "much shorter lines", change: (mail) => bodyOf(mail, (line) => wrapped(line, 38)) },
  {
    name: "trailing spaces",
    change: (mail) =>
      bodyOf(mail, (line) =>
        line.endsWith("=") || line.trim() === "" || line.startsWith("--") ? line : line.replace(/\r?$/, " $&"),
      ),
  },
  { name: "more headers", change: (mail) => inFront(mail, MORE_HEADERS) },
  {
    name: "header names in small letters",
    change: (mail) => headOf(mail, (line) => line.replace(/^[\w-]+(?=:)/, (name) => name.toLowerCase())),
  },
  { name: "another encoding", change: (mail) => encoded(mail) },
  { name: "within another mail", change: (mail) => within(mail) },
];

const DOMAIN = /@(?=[\w-]+\.[a-z])([\w.-]+)/gi;
/** Not those of programs, whose names say what they are. */
const LOCAL =
  /(?<![\w.+%-])(?!mailer-?daemon|post_?master|abuse|no-?reply|staff@|[\w.-]*-(?:admin|owner|request|bounces)@)([\w.+%-]+@[\w-]+\.)/gi;

const split = (mail: string): [string, string, string] => {
  const gap = /\r?\n\r?\n/.exec(mail);
  return gap ? [mail.slice(0, gap.index), gap[0], mail.slice(gap.index + gap[0].length)] : [mail, "", ""];
};

function headOf(mail: string, change: (line: string) => string): string {
  const [head, gap, body] = split(mail);
  return head.split("\n").map(change).join("\n") + gap + body;
}

function bodyOf(mail: string, change: (line: string) => string): string {
  const [head, gap, body] = split(mail);
  return head + gap + body.split("\n").map(change).join("\n");
}

function inFront(mail: string, headers: readonly string[]): string {
  // The line of a mailbox file stays the first.
  const mark = /^From .*\r?\n/.exec(mail)?.[0] ?? "";
  const end = mail.includes("\r\n") ? "\r\n" : "\n";
  return mark + headers.map((line) => line + end).join("") + mail.slice(mark.length);
}

/** Breaks a long line between words, with the indentation of a continued one. */
function wrapped(line: string, width: number): string {
  const end = line.endsWith("\r") ? "\r" : "";
  let rest = line.slice(0, line.length - end.length);
  const indent = /^[ \t]*/.exec(rest)![0] || "    ";
  const lines: string[] = [];
  while (rest.length > width) {
    const at = rest.lastIndexOf(" ", width);
    if (at <= indent.length + 4) break;
    lines.push(rest.slice(0, at));
    rest = indent + rest.slice(at + 1);
  }
  return [...lines, rest].join(`${end}\n`) + end;
}

/** A simple mail in base64; one of several parts is left as it is. */
function encoded(mail: string): string {
  const [head, gap, body] = split(mail);
  if (gap === "" || /^Content-(?:Type:\s*(?!text\/plain)|Transfer-Encoding:\s*(?:base64|quoted))/im.test(head))
    return mail;
  if (/charset="?(?!utf-8|us-ascii)[\w-]+/i.test(head)) return mail;
  const plain = head.replaceAll(/^Content-[\w-]+:.*(?:\r?\n[ \t].*)*\r?\n?/gim, "").trimEnd();
  const coded = Buffer.from(body, "utf8").toString("base64").replaceAll(/.{76}/g, "$&\r\n");
  return `${plain}\r\nMIME-Version: 1.0\r\nContent-Type: text/plain; charset=utf-8\r\nContent-Transfer-Encoding: base64\r\n\r\n${coded}\r\n`;
}

/** As an administrator's address passes it on. */
function within(mail: string): string {
  const inner = mail.replace(/^From .*\r?\n/, "");
  return [
    "From: Postmaster <postmaster@hub.example.edu>",
    "To: marta@hub.example.edu",
    "Subject: Fwd: for you",
    "MIME-Version: 1.0",
    'Content-Type: multipart/mixed; boundary="=_outer"',
    "",
    "--=_outer",
    "Content-Type: text/plain; charset=utf-8",
    "",
    "Passed on to you.",
    "",
    "--=_outer",
    "Content-Type: message/rfc822",
    "",
    inner,
    "--=_outer--",
    "",
  ].join(inner.includes("\r\n") ? "\r\n" : "\n");
}
