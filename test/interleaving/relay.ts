/** The relay of the simulation: takes mails or not, as chance says, one word at a time. Keeps what it took. */
import type { Outcome, SmtpPool } from "../../src/mail/smtp.ts";
import type { Actor, Turnstile } from "./turnstile.ts";

/** A mail it took, and during which turn. */
export type Taken = {
  readonly messageId: number;
  readonly bytes: string;
  readonly tick: number;
  readonly actor: string;
};

type Reply = NonNullable<Extract<Outcome, { kind: "refused" }>["reply"]>;
const reply = (code: number, enhanced: string, text: string): Reply => ({ code, enhanced, text });
const refused = (stage: "connect" | "mail" | "rcpt" | "data" | "body", answer: Reply | null): Outcome => ({
  kind: "refused",
  stage,
  reply: answer,
  text: answer?.text ?? "cannot be reached",
});

/** What may become of a mail: refused before or after DATA, taken without a word, or lost on the way. */
type Fate = {
  readonly share: number;
  readonly at: "connect" | "mail" | "body";
  readonly takes: boolean;
  readonly outcome: Outcome;
};

const GOOD: Fate = {
  share: 0,
  at: "body",
  takes: true,
  outcome: { kind: "accepted", reply: reply(250, "2.0.0", "Ok") },
};
const FATES: readonly Fate[] = [
  { share: 0.03, at: "connect", takes: false, outcome: refused("connect", null) },
  { share: 0.03, at: "mail", takes: false, outcome: refused("mail", reply(451, "4.3.0", "Later")) },
  { share: 0.05, at: "mail", takes: false, outcome: refused("rcpt", reply(450, "4.2.0", "Greylisted")) },
  { share: 0.02, at: "mail", takes: false, outcome: refused("rcpt", reply(554, "5.5.0", "Not this one")) },
  { share: 0.03, at: "mail", takes: false, outcome: refused("data", reply(451, "4.3.0", "Later")) },
  { share: 0.03, at: "body", takes: false, outcome: refused("body", reply(452, "4.3.1", "Disk full")) },
  { share: 0.06, at: "body", takes: true, outcome: { kind: "unknown", text: "no answer, and it was taken" } },
  { share: 0.05, at: "body", takes: false, outcome: { kind: "unknown", text: "no answer, and it was not taken" } },
];

export function createRelay(turnstile: Turnstile, random: () => number, isGood: () => boolean) {
  const taken: Taken[] = [];
  const decide = (): Fate => {
    let dice = isGood() ? 1 : random();
    return FATES.find(({ share }) => (dice -= share) < 0) ?? GOOD;
  };

  /** The connections of one process: two mails at a time. */
  function poolOf(actor: Actor): SmtpPool {
    let free = 2;
    const queue: (() => void)[] = [];
    const connection = () =>
      new Promise<void>((resolve) => {
        if (free > 0) resolve(void (free -= 1));
        else queue.push(resolve);
      });
    const over = () => {
      const next = queue.shift();
      if (next) next();
      else free += 1;
    };
    const word = (what: string) => turnstile.ask(actor, what, () => Promise.resolve());
    return {
      async send(message, { beforeMail, record } = {}) {
        const messageId = Number(message.envelopeId!.slice(1));
        await connection();
        const outcome = await attempt(messageId, Buffer.from(message.data).toString("latin1"), beforeMail);
        await record?.(outcome);
        over();
        return outcome;
      },
      room: () => Promise.resolve(),
      verify: () => Promise.resolve([]),
      close: () => Promise.resolve(),
    };

    async function attempt(
      messageId: number,
      bytes: string,
      beforeMail: (() => boolean | Promise<boolean>) | undefined,
    ): Promise<Outcome> {
      const fate = decide();
      if (fate.at === "connect") return fate.outcome;
      if (!(await beforeMail!())) return { kind: "withdrawn", by: "beforeMail" };
      await word(`MAIL FROM of ${messageId}`);
      if (fate.at === "mail") return fate.outcome;
      await turnstile.ask(actor, `body of ${messageId}${fate.takes ? "" : ", not taken"}`, async () => {
        if (fate.takes) taken.push({ messageId, bytes, tick: turnstile.tick(), actor: actor.name });
      });
      await word(`answer to ${messageId}`);
      return fate.outcome;
    }
  }

  return { taken, poolOf };
}
