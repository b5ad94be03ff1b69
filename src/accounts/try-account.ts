/** Tries an email account: finds its server, connects and signs in. Sends nothing. */
import { createSmtpPool } from "../mail/smtp.ts";
import type { Account } from "./accounts.ts";
import { relayOf } from "./relay.ts";

/** What came of it: where it stopped, and why in plain words. */
export type Diagnosis = { readonly ok: boolean; readonly stage: string | null; readonly detail: string };

/** @param asked what we call ourselves to the server, access tokens for those who need one, and the present moment. */
export async function tryAccount(account: Account, asked: Parameters<typeof relayOf>[1]): Promise<Diagnosis> {
  if (account.kind === "mailbox")
    return { ok: true, stage: null, detail: "Mails go to the built-in mailbox; there is no server to reach." };
  const settings = relayOf(account, asked);
  const { host, port, auth } = settings;
  const pool = createSmtpPool({ ...settings, connections: 1 });
  try {
    const steps = await pool.verify();
    const failed = steps.find((step) => !step.ok);
    if (failed) return { ok: false, stage: failed.step, detail: failed.text };
    return {
      ok: true,
      stage: null,
      detail: `${host}:${port} was reached${auth ? ` and took ${auth.user}'s ${"password" in auth ? "password" : "access token"}` : ""}.`,
    };
  } finally {
    await pool.close({ graceMs: 0 });
  }
}
