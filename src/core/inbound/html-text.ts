/** What an HTML mail says, as lines of plain text: for recognising, not for showing. Quotations get their marks. Pure. */

/** @param html cut to what is to be looked at; every pattern here takes linear time. */
export function textOfHtml(html: string): string {
  const text = html
    .replaceAll(/<(?:style|script|title)\b[^<>]{0,2000}>[^<]*/gi, "")
    .replaceAll(/<!--[^<>]{0,2000}-->/g, "")
    .replaceAll(/\s+/g, " ")
    .replaceAll(/<blockquote\b[^<>]{0,2000}>/gi, OPEN)
    .replaceAll(/<\/blockquote\b[^<>]{0,100}>/gi, CLOSE)
    .replaceAll(/ ?<(?:br|hr|\/?p|\/?div|\/tr|\/?h\d|\/li|\/table|\/?ul|\/?ol)\b[^<>]{0,2000}> ?/gi, "\n")
    .replaceAll(/<[^<>]{0,2000}>/g, "");
  let depth = 0;
  const lines = text.split(/\n|(?=\ue000)|(?<=\ue001)/).map((line) => {
    if (line.startsWith(OPEN)) depth += 1;
    const marks = ">".repeat(Math.min(depth, MOST_MARKS));
    if (line.endsWith(CLOSE)) depth = Math.max(0, depth - 1);
    const plain = entities(line.replaceAll(/[\ue000\ue001]/g, ""));
    return marks === "" || plain.trim() === "" ? plain : `${marks} ${plain.trim()}`;
  });
  return lines
    .join("\n")
    .replaceAll(/\n{3,}/g, "\n\n")
    .trim();
}

/** Characters for private use: no mail has them for a reason. */
const OPEN = "\ue000";
const CLOSE = "\ue001";
const MOST_MARKS = 5;
const NAMED: Readonly<Record<string, string>> = {
  lt: "<",
  gt: ">",
  quot: '"',
  apos: "'",
  nbsp: " ",
  amp: "&",
  auml: "ä",
  ouml: "ö",
  uuml: "ü",
  Auml: "Ä",
  Ouml: "Ö",
  Uuml: "Ü",
  szlig: "ß",
  eacute: "é",
  egrave: "è",
  agrave: "à",
  ccedil: "ç",
};

function entities(text: string): string {
  return text.replaceAll(/&(?:#(\d{1,7})|#x([\da-f]{1,6})|([a-z]{2,6}));/gi, (whole, decimal, hex, name) => {
    if (name) return NAMED[name as string] ?? whole;
    const point = decimal ? Number(decimal) : Number.parseInt(hex as string, 16);
    return point > 0 && point <= 0x10_ff_ff ? String.fromCodePoint(point) : "";
  });
}
