/** Tries an account's settings step by step, for the person who entered them. Never sends a mail. */
import { lookup } from "node:dns/promises";
import { isIP } from "node:net";
import { openSession, OpeningFailure, type OpeningStep } from "./smtp-open.ts";
import type { CheckedSettings } from "./smtp-settings.ts";
import { ask } from "./smtp-wire.ts";

/** One step that was tried, in words; the last one is the one that failed, if any did. */
export type VerifyStep = { step: "dns" | OpeningStep; ok: boolean; text: string };

/** Opens one connection and closes it again; never throws. */
export async function verifySettings(settings: CheckedSettings): Promise<VerifyStep[]> {
  const { host, timeouts } = settings;
  const steps: VerifyStep[] = [];
  if (isIP(host) === 0) {
    try {
      const found = await lookup(host, { all: true });
      steps.push({ step: "dns", ok: true, text: found.map(({ address }) => address).join(", ") });
    } catch (error) {
      const { code } = error as NodeJS.ErrnoException;
      return [{ step: "dns", ok: false, text: `There is no address for the name ${host} (${code}).` }];
    }
  }
  try {
    const { wire } = await openSession(settings, new AbortController().signal, (step, text) => {
      steps.push({ step, ok: true, text });
    });
    await ask(wire, "QUIT\r\n", timeouts.quitMs);
    wire.lose("ended", "We said QUIT.");
  } catch (error) {
    if (!(error instanceof OpeningFailure)) throw error; // a bug
    steps.push({ step: error.step, ok: false, text: error.message });
  }
  return steps;
}
