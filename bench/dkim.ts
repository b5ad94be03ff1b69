/** What a DKIM signature costs: µs of CPU a mail, and how much of it holds up the main thread. Sends nothing. */
import { parseArgs } from "node:util";
import { signable, signedHeader, unsignedHeader, type DkimAlgorithm } from "../src/core/dkim.ts";
import { compileMessage, compose, type Envelope } from "../src/core/message.ts";
import { makeKey, openKey, signature } from "../src/domains/keys.ts";

const { values } = parseArgs({
  options: { mails: { type: "string", default: "3000" }, rounds: { type: "string", default: "5" } },
});
const mails = Number(values.mails);
const rounds = Number(values.rounds);
/** As many as are under way in one process at once. */
const AT_ONCE = 64;
const AT = 1_800_000_000;

const row =
  '      <tr>\n        <td style="padding: 0 24px; font-family: Arial">Hello {{ name }}, thank you.</td>\n      </tr>\n';
const html = `<html><body>\n  <table>\n${row.repeat(60)}  </table>\n</body></html>\n`;
const compiled = compileMessage({ subject: "Hello {{ name }}", html, text: "Hello {{ name }},\n\nthank you.\n" });
const envelope: Envelope = {
  messageId: "<1.abc@example.com>",
  date: Temporal.Instant.fromEpochMilliseconds(AT * 1000),
  from: { name: "Ana Ruiz", address: "ana@example.com" },
  to: { name: "Ada", address: "ada@example.org" },
  replyTo: null,
  unsubscribeUrl: "https://mail.example.com/u/1.2.3.AbCdEfGhIjKlMnOpQrStUvWxYz0",
  unsubscribeMailto: "ana@example.com",
  listId: { label: "Bench", domain: "campaign-1.example.com" },
  boundary: "tidings-0123456789abcdef",
};
const mail = compose(compiled, { name: "Ada" }, envelope);

async function signerWith(algorithms: readonly DkimAlgorithm[]): Promise<() => Promise<unknown>> {
  const keys = await Promise.all(
    algorithms.map(async (algorithm) => {
      const { privateKey, publicKey } = await makeKey(algorithm);
      return { algorithm, selector: "bench", key: openKey(algorithm, privateKey, publicKey) };
    }),
  );
  return async () => {
    const read = signable(mail);
    const made = await Promise.all(
      keys.map(async ({ algorithm, selector, key }) => {
        const { header, toSign } = unsignedHeader(read, { domain: "example.com", selector, algorithm }, { at: AT });
        return signedHeader(header, await signature(algorithm, key, toSign));
      }),
    );
    return made.join("");
  };
}

const contenders: readonly (readonly [string, () => Promise<unknown>])[] = [
  ["compose alone", async () => compose(compiled, { name: "Ada" }, envelope)],
  ["canonical form", async () => signable(mail)],
  ["rsa-sha256", await signerWith(["rsa-sha256"])],
  ["ed25519-sha256", await signerWith(["ed25519-sha256"])],
  ["both", await signerWith(["rsa-sha256", "ed25519-sha256"])],
];

type Cost = { readonly cpu: number; readonly main: number; readonly wall: number };

async function measure(work: () => Promise<unknown>): Promise<Cost> {
  const [began, cpu, main] = [performance.now(), process.cpuUsage(), process.threadCpuUsage()];
  let left = mails;
  await Promise.all(
    Array.from({ length: AT_ONCE }, async () => {
      while (left > 0) {
        left -= 1;
        await work();
      }
    }),
  );
  const spent = process.cpuUsage(cpu);
  const own = process.threadCpuUsage(main);
  return {
    cpu: (spent.user + spent.system) / mails,
    main: (own.user + own.system) / mails,
    wall: ((performance.now() - began) * 1000) / mails,
  };
}

const print = (line: string) => void process.stdout.write(`${line}\n`);
const median = (numbers: readonly number[]) =>
  numbers.toSorted((one, other) => one - other)[Math.floor(numbers.length / 2)]!;

const costs = new Map<string, Cost[]>(contenders.map(([name]) => [name, []]));
for (const [, work] of contenders) await measure(work);
// Alternating, so that a noisy moment hits all of them.
for (let round = 0; round < rounds; round += 1)
  for (const [name, work] of contenders) costs.get(name)!.push(await measure(work));

print(`A mail of ${mail.length} octets; median of ${rounds} rounds of ${mails}; µs a mail.`);
for (const [name, all] of costs) {
  const [cpu, main, wall] = (["cpu", "main", "wall"] as const).map((kind) =>
    median(all.map((cost) => cost[kind])).toFixed(0),
  );
  print(`${name.padEnd(16)} CPU ${cpu!.padStart(5)}   main thread ${main!.padStart(5)}   wall ${wall!.padStart(5)}`);
}
