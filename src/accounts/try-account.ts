/** Tries an email account: finds its server, connects and signs in. Sends nothing. */
import { createSmtpPool } from "../mail/smtp.ts";
import type { Account } from "./accounts.ts";

/** What came of it: where it stopped, and why in plain words. */
export type Diagnosis = { readonly ok: boolean; readonly stage: string | null; readonly detail: string };

/** @param name what we call ourselves to the server. */
export async function tryAccount(account: Account, name: string): Promise<Diagnosis> {
  if (account.kind === "mailbox")
    return { ok: true, stage: null, detail: "Mails go to the built-in mailbox; there is no server to reach." };
  const { host, port, security, user, password } = account;
  const auth = user === null ? null : { user, password: password ?? "" };
  const pool = createSmtpPool({ host, port, security, auth, name, connections: 1 });
  try {
    const steps = await pool.verify();
    const failed = steps.find((step) => !step.ok);
    if (failed) return { ok: false, stage: failed.step, detail: failed.text };
    return {
      ok: true,
      stage: null,
      detail: `${host}:${port} was reached${auth ? ` and took ${user}'s password` : ""}.`,
    };
  } finally {
    await pool.close({ graceMs: 0 });
  }
}
