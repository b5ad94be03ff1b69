/** The log: JSON lines for machines, readable ones on a terminal. No address, key, token or password stands in it. */
import pino, { type Logger } from "pino";
import { maskAddress } from "./core/address.ts";

export type { Logger };

/** Opens the log on standard error. `readable` is for a person at a terminal. */
export function openLog(
  { readable, level = "info" }: { readable: boolean; level?: string },
  out: { write(text: string): unknown } = process.stderr,
): Logger {
  return pino(
    {
      level,
      base: undefined,
      timestamp: pino.stdTimeFunctions.isoTime,
      redact: { paths: SECRET_FIELDS, censor: "…" },
      formatters: { level: (label) => ({ level: label }) },
    },
    { write: (line: string) => void out.write(readable ? inOneLine(masked(line)) : masked(line)) },
  );
}

/** Takes out of a text what must not be kept: wherever it comes from, be it an error's message. */
export function masked(text: string): string {
  return text
    .replace(/tdg_[A-Za-z0-9_-]{6,}/g, "tdg_…")
    .replace(/(Bearer|Basic) +[\w.~+/=-]+/gi, "$1 …")
    .replace(/\/(setup|u|unsubscribe)\/[\w.~=-]{8,}/g, "/$1/…")
    .replace(/(\w+:\/\/)[^\s"/@]+@/g, "$1…@")
    .replace(/[^\s"'<>()\\,;:@/]+@[\w-]+(?:\.[\w-]+)+/g, (address) => maskAddress(address));
}

const SECRET_FIELDS = ["password", "token", "key", "secret", "authorization", "cookie"].flatMap((field) => [
  field,
  `*.${field}`,
  `*.*.${field}`,
]);

function inOneLine(line: string): string {
  const { level, time, msg, err, ...rest } = JSON.parse(line) as Record<string, unknown> & {
    err?: { message?: string; stack?: string };
  };
  const details = Object.entries(rest).map(([name, value]) => `${name}=${JSON.stringify(value)}`);
  const parts = [String(time).slice(11, 19), String(level).padEnd(5), typeof msg === "string" ? msg : "", ...details];
  const error = err ? `\n  ${(err.stack ?? err.message ?? "").replaceAll("\n", "\n  ")}` : "";
  return `${parts.join(" ")}${error}\n`;
}
