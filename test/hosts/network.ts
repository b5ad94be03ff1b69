/** Worker hosts on one machine: network namespaces, each with a cable of its own that can be pulled out. Needs root. */
import { execFileSync, spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync } from "node:fs";
import { connect, createServer, type Server } from "node:net";
import { join } from "node:path";

export type Host = {
  readonly name: string;
  /** Where it reaches us. */
  readonly us: string;
  pull(): void;
  plug(): void;
};

const ip = (words: string) => execFileSync("ip", words.split(" "), { stdio: ["ignore", "ignore", "pipe"] });
/** On each host the relay seems to be there itself: plain SMTP is for loopback alone. */
export const RELAY_PORT = 2526;

export async function openHosts(count: number): Promise<{ hosts: Host[]; relay(port: number): void; close(): void }> {
  const hosts: Host[] = [];
  const ends: (() => void)[] = [];
  let relayPort = 0;
  for (let at = 1; at <= count; at += 1) {
    const [name, near, far] = [`tidings-host${at}`, `tidings${at}`, `tidings${at}h`];
    const [us, them] = [`10.213.${at}.1`, `10.213.${at}.2`];
    ends.push(() => ip(`netns del ${name}`));
    // Left by a run that was killed.
    if (existsSync(join("/run/netns", name))) ip(`netns del ${name}`);
    ip(`netns add ${name}`);
    ip(`link add ${near} type veth peer name ${far} netns ${name}`);
    ip(`addr add ${us}/24 dev ${near}`);
    ip(`link set ${near} up`);
    for (const words of [`addr add ${them}/24 dev ${far}`, `link set ${far} up`, "link set lo up"])
      ip(`-n ${name} ${words}`);
    const outside = await forward(us, RELAY_PORT, () => ["127.0.0.1", relayPort]);
    ends.push(() => outside.close());
    const inside = spawn(
      "ip",
      ["netns", "exec", name, process.execPath, join(import.meta.dirname, "forward.ts"), us, String(RELAY_PORT)],
      { stdio: ["ignore", "pipe", "inherit"] },
    );
    await once(inside.stdout, "data");
    ends.push(() => inside.kill("SIGKILL"));
    hosts.push({ name, us, pull: () => ip(`link set ${near} down`), plug: () => ip(`link set ${near} up`) });
  }
  return {
    hosts,
    relay: (port) => void (relayPort = port),
    close() {
      for (const end of ends.toReversed()) {
        try {
          end();
        } catch {
          // It was not made, or is gone.
        }
      }
    },
  };
}

/** Passes on what comes to an address. */
export async function forward(address: string, port: number, to: () => readonly [string, number]): Promise<Server> {
  const server = createServer({ noDelay: true }, (near) => {
    const [host, there] = to();
    const far = connect({ host, port: there, noDelay: true });
    near.pipe(far);
    far.pipe(near);
    near.on("error", () => far.destroy()).on("close", () => far.destroy());
    far.on("error", () => near.destroy()).on("close", () => near.destroy());
  });
  server.listen(port, address);
  await once(server, "listening");
  return server;
}
