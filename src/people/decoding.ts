/** Turns the bytes of a file into text, whatever its encoding, piece by piece. Holds no more than one piece. */
import iconv from "iconv-lite";

export type Encoding = "utf-8" | "utf-16le" | "utf-16be" | "windows-1252";

/** How much of the beginning decides between UTF-16 without a mark and the rest. */
const DECIDING_BYTES = 4096;

/**
 * Decodes a file: by its byte order mark; UTF-16 without one by where its zero bytes are; UTF-8 where the first bytes
 * beyond ASCII are UTF-8, and Windows-1252 where they are not. Until then both read alike, so nothing has to be read twice.
 * @param started told the encoding once it is known.
 */
export async function* decoded(
  bytes: AsyncIterable<Uint8Array>,
  started?: (encoding: Encoding) => void,
): AsyncGenerator<string> {
  let held: Buffer = Buffer.alloc(0);
  let decoder: ReturnType<typeof iconv.getDecoder> | undefined;
  let opened = false;
  const begin = (encoding: Encoding) => {
    started?.(encoding);
    return iconv.getDecoder(encoding, { stripBOM: true });
  };
  for await (const piece of bytes) {
    const buffer = Buffer.from(piece.buffer, piece.byteOffset, piece.byteLength);
    if (decoder) {
      yield decoder.write(buffer);
      continue;
    }
    held = held.length > 0 ? Buffer.concat([held, buffer]) : buffer;
    if (!opened) {
      if (held.length < DECIDING_BYTES) continue;
      opened = true;
      const wide = marked(held) ?? sparse(held);
      if (wide) {
        decoder = begin(wide);
        yield decoder.write(held);
        continue;
      }
    }
    const beyond = held.findIndex((byte) => byte > 0x7f);
    if (beyond < 0) {
      yield held.toString("latin1");
      held = Buffer.alloc(0);
      continue;
    }
    // The longest sequence has four bytes: with less, wait for the next piece.
    if (held.length - beyond < 4) continue;
    decoder = begin(isUtf8Sequence(held.subarray(beyond)) ? "utf-8" : "windows-1252");
    yield decoder.write(held);
  }
  if (!decoder) {
    const beyond = held.findIndex((byte) => byte > 0x7f);
    const wide = opened ? null : (marked(held) ?? sparse(held));
    const rest = held.subarray(Math.max(beyond, 0));
    decoder = begin(wide ?? (beyond < 0 || isUtf8Sequence(rest) ? "utf-8" : "windows-1252"));
    yield decoder.write(held);
  }
  yield decoder.end() ?? "";
}

function marked(bytes: Buffer): Encoding | null {
  if (bytes[0] === 0xff && bytes[1] === 0xfe) return "utf-16le";
  if (bytes[0] === 0xfe && bytes[1] === 0xff) return "utf-16be";
  if (bytes[0] === 0xef && bytes[1] === 0xbb && bytes[2] === 0xbf) return "utf-8";
  return null;
}

/** UTF-16 of a western file has a zero in every other place; which one tells the order. */
function sparse(bytes: Buffer): Encoding | null {
  const zeros = [0, 0];
  const length = Math.min(bytes.length, DECIDING_BYTES);
  for (let index = 0; index < length; index += 1)
    if (bytes[index] === 0) zeros[index % 2] = (zeros[index % 2] ?? 0) + 1;
  const [even = 0, odd = 0] = zeros;
  const many = length * 0.2;
  if (odd > many && even < odd / 10) return "utf-16le";
  if (even > many && odd < even / 10) return "utf-16be";
  return null;
}

/** Whether these bytes begin with a well-formed UTF-8 sequence of more than one byte (RFC 3629). */
function isUtf8Sequence(bytes: Buffer): boolean {
  const [first = 0] = bytes;
  const length = first >= 0xf0 && first <= 0xf4 ? 4 : first >= 0xe0 ? 3 : first >= 0xc2 ? 2 : 0;
  if (length === 0 || first > 0xf4 || bytes.length < length) return false;
  return bytes.subarray(1, length).every((byte) => byte >= 0x80 && byte <= 0xbf);
}
