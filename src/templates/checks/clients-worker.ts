/** A thread that asks caniemail's data what mail programs make of a mail. Reads no network; ends when it takes too long. */
import { parentPort } from "node:worker_threads";
import { caniemail } from "caniemail";

/** Those the data knows enough of; some are known for a few features only, and the library refuses them. */
const CLIENTS = [
  "gmail.android",
  "gmail.desktop-webmail",
  "gmail.ios",
  "outlook.android",
  "outlook.ios",
  "outlook.macos",
  "outlook.outlook-com",
  "outlook.windows",
  "apple-mail.ios",
  "apple-mail.macos",
  "yahoo.android",
  "yahoo.desktop-webmail",
  "yahoo.ios",
  "aol.desktop-webmail",
  "samsung-email.android",
  "gmx.desktop-webmail",
  "web-de.desktop-webmail",
  "protonmail.desktop-webmail",
  "thunderbird.macos",
  "fastmail.desktop-webmail",
  "hey.desktop-webmail",
  "orange.desktop-webmail",
  "laposte.desktop-webmail",
] as const;
type Client = (typeof CLIENTS)[number];

parentPort?.on("message", (html: string) => {
  const found = new Map<string, Set<string>>();
  const note = (clients: readonly Client[]) => {
    for (const [client, issues] of caniemail({ clients: [...clients], html }).issues.errors)
      for (const { title } of issues) found.set(title, (found.get(title) ?? new Set()).add(client));
  };
  try {
    note(CLIENTS);
  } catch {
    found.clear();
    // A feature the data does not know of one program: that one is left out.
    for (const client of CLIENTS)
      try {
        note([client]);
      } catch {
        continue;
      }
  }
  parentPort?.postMessage([...found].map(([title, clients]) => [title, [...clients]]));
});
