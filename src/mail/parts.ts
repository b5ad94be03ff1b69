/** Reads back a mail that this program composed: headers, text and HTML. Not a parser for mail of others. */

export type Parts = {
  readonly headers: readonly { readonly name: string; readonly value: string }[];
  readonly text: string | null;
  readonly html: string | null;
};

/** The headers, unfolded but not decoded, and the two alternatives decoded. */
export function partsOf(bytes: Buffer): Parts {
  const mail = entityOf(bytes.toString("latin1"));
  const boundary = /boundary="?([^";\s]+)"?/i.exec(valueOf(mail, "content-type"))?.[1];
  const entities = boundary === undefined ? [mail] : split(mail.body, boundary).map(entityOf);
  const find = (type: string) => entities.find((entity) => valueOf(entity, "content-type").startsWith(type));
  const text = find("text/plain");
  const html = find("text/html");
  return { headers: mail.headers, text: text ? decoded(text) : null, html: html ? decoded(html) : null };
}

type Entity = { readonly headers: Parts["headers"]; readonly body: string };

function entityOf(raw: string): Entity {
  const end = raw.indexOf("\r\n\r\n");
  const head = end < 0 ? raw : raw.slice(0, end);
  const headers = head
    .replaceAll(/\r\n(?=[ \t])/g, "")
    .split("\r\n")
    .filter(Boolean)
    .map((line) => {
      const colon = line.indexOf(":");
      return { name: line.slice(0, colon), value: line.slice(colon + 1).trim() };
    });
  return { headers, body: end < 0 ? "" : raw.slice(end + 4) };
}

function split(body: string, boundary: string): string[] {
  // RFC 2046 5.1.1: the line break before a delimiter belongs to the delimiter.
  const [, ...parts] = `\r\n${body}`.split(`\r\n--${boundary}`);
  return parts.filter((part) => !part.startsWith("--")).map((part) => part.replace(/^[ \t]*\r\n/, ""));
}

function valueOf(entity: Entity, name: string): string {
  return entity.headers.find((header) => header.name.toLowerCase() === name)?.value ?? "";
}

function decoded(entity: Entity): string {
  const encoding = valueOf(entity, "content-transfer-encoding").toLowerCase();
  if (encoding === "base64") return Buffer.from(entity.body, "base64").toString("utf8");
  if (encoding !== "quoted-printable") return Buffer.from(entity.body, "latin1").toString("utf8");
  const plain = entity.body
    .replaceAll(/=\r\n/g, "")
    .replaceAll(/=([0-9A-F]{2})/g, (_match, hex: string) => String.fromCharCode(Number.parseInt(hex, 16)));
  return Buffer.from(plain, "latin1").toString("utf8");
}
