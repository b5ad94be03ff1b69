/** Which mail programs do not support what a mail uses, with their names. The data ships with the caniemail package. */
import { once } from "node:events";
import { Worker } from "node:worker_threads";
import type { Finding } from "./finding.ts";

const TIME_LIMIT_MS = 8000;

/** What every well-made mail uses and every program does without: telling of it would hide what matters. */
const HARMLESS =
  /^(?:(?:role|lang|dir|target|width|height|align) attribute|<(?:body|style)> element|!important keyword|@media|.*selectors?|.* combinator|color-scheme.*|cursor|word-(?:break|spacing)|outline|border-(?:spacing|radius|collapse)|white-space|overflow|(?:max-)?height property|HTML comments)$/i;

const NAMES: Readonly<Record<string, string>> = {
  "gmail.android": "Gmail (Android)",
  "gmail.desktop-webmail": "Gmail (web)",
  "gmail.ios": "Gmail (iOS)",
  "outlook.android": "Outlook (Android)",
  "outlook.ios": "Outlook (iOS)",
  "outlook.macos": "Outlook (Mac)",
  "outlook.outlook-com": "Outlook.com",
  "outlook.windows": "Outlook (Windows)",
  "apple-mail.ios": "Apple Mail (iOS)",
  "apple-mail.macos": "Apple Mail (Mac)",
  "yahoo.android": "Yahoo (Android)",
  "yahoo.desktop-webmail": "Yahoo (web)",
  "yahoo.ios": "Yahoo (iOS)",
  "aol.desktop-webmail": "AOL",
  "samsung-email.android": "Samsung Email",
  "gmx.desktop-webmail": "GMX",
  "web-de.desktop-webmail": "WEB.DE",
  "protonmail.desktop-webmail": "Proton Mail",
  "thunderbird.macos": "Thunderbird",
  "fastmail.desktop-webmail": "Fastmail",
  "hey.desktop-webmail": "HEY",
  "orange.desktop-webmail": "Orange",
  "laposte.desktop-webmail": "La Poste",
};

/** The findings, or one that says that it could not be found out in time. */
export async function clientSupport(html: string): Promise<Finding[]> {
  const worker = new Worker(new URL("clients-worker.ts", import.meta.url), {
    env: {},
    execArgv: [],
    resourceLimits: { maxOldGenerationSizeMb: 192 },
  });
  worker.on("error", () => undefined);
  try {
    const answered = once(worker, "message", { signal: AbortSignal.timeout(TIME_LIMIT_MS) });
    worker.postMessage(html);
    const [found] = (await answered) as [readonly (readonly [title: string, clients: readonly string[]])[]];
    return found
      .filter(([title]) => !HARMLESS.test(title))
      .map(([title, ids]) => {
        const clients = ids.map((id) => NAMES[id] ?? id);
        const text = `${title}: not supported by ${listed(clients)}.`;
        return {
          code: "client-support",
          severity: clients.length > 5 ? "warning" : "hint",
          text,
          field: "body",
          clients,
        };
      });
  } catch {
    return [
      {
        code: "clients-unknown",
        severity: "hint",
        text: "What mail programs make of it could not be found out in time.",
        field: "body",
      },
    ];
  } finally {
    await worker.terminate();
  }
}

function listed(names: readonly string[]): string {
  if (names.length > 6) return `${names.slice(0, 5).join(", ")} and ${names.length - 5} more`;
  return names.length < 2 ? (names[0] ?? "") : `${names.slice(0, -1).join(", ")} and ${names.at(-1)}`;
}
