/** Tries to read a mailbox step by step for the person who entered the settings. Reads no mail and changes nothing. */
import type { ImapFlow } from "imapflow";
import { imapHint } from "./imap-hints.ts";
import type { ImapSettings } from "./imap-settings.ts";
import { type ImapStep, ImapTrouble, openImap, troubleOf } from "./imap.ts";

export type ImapDiagnosis = {
  readonly ok: boolean;
  readonly steps: readonly {
    readonly step: ImapStep;
    /** Null: not tried. */
    readonly ok: boolean | null;
    readonly text: string;
    readonly hint: string | null;
  }[];
  /** Folders of the mailbox, where it could be opened. */
  readonly folders: readonly string[];
  /** Whether new mail is announced; otherwise it is looked for every minute. */
  readonly idle: boolean | null;
};

const STEPS: readonly ImapStep[] = ["dns", "connect", "tls", "auth", "folders"];
const MOST_SHOWN = 200;

/** Never throws for what the network does. */
export async function diagnoseImap(settings: ImapSettings): Promise<ImapDiagnosis> {
  let client: ImapFlow;
  try {
    client = await openImap(settings);
  } catch (error) {
    return failedAt(troubleOf(error, settings), settings);
  }
  try {
    const folders = (await client.list()).map(({ path }) => path);
    const idle = client.capabilities.has("IDLE");
    for (const folder of settings.folders) {
      try {
        await client.mailboxOpen(folder, { readOnly: true });
      } catch {
        const text = `There is no folder ${folder}.`;
        const trouble = new ImapTrouble("folders", text, imapHint("folders", "", settings), true);
        return { ...failedAt(trouble, settings), folders: folders.slice(0, MOST_SHOWN), idle };
      }
    }
    const steps = STEPS.map((step) => ({ step, ok: true, text: good(step, settings), hint: null }));
    return { ok: true, steps, folders: folders.slice(0, MOST_SHOWN), idle };
  } catch (error) {
    return failedAt(troubleOf(error, settings), settings);
  } finally {
    client.close();
  }
}

/** A step that failed, those before it that did not, and those after it that were not tried. */
export function failedAt({ step: broken, message, todo }: ImapTrouble, settings: ImapSettings): ImapDiagnosis {
  const at = STEPS.indexOf(broken);
  const steps = STEPS.map((step, index) =>
    index < at
      ? { step, ok: true, text: good(step, settings), hint: null }
      : index === at
        ? { step, ok: false, text: message, hint: todo }
        : { step, ok: null, text: "Not tried: a step before it failed.", hint: null },
  );
  return { ok: false, steps, folders: [], idle: null };
}

function good(step: ImapStep, { host, port, security, auth, folders }: ImapSettings): string {
  return {
    dns: `${host} has an address.`,
    connect: `${host}:${port} answers.`,
    tls: security === "none" ? "No TLS: the connection stays on this machine." : "Encrypted, with a valid certificate.",
    auth: `The server let ${auth.user} in.`,
    folders: folders.length === 1 ? `${folders[0]} can be read.` : `${folders.join(", ")} can be read.`,
  }[step];
}
