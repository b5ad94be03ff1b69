/** A real Postfix for tests: its own configuration, queue and mailboxes in a temporary folder, ports on loopback. Relays nothing. */
import { execFile } from "node:child_process";
import {
  chmodSync,
  chownSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import { connect, createServer, type AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { promisify } from "node:util";

const run = promisify(execFile);

/** One way in: a port with settings of its own, as `smtpd_tls_wrappermode=yes`. */
export type Postfix = {
  readonly port: Readonly<Record<string, number>>;
  /** The mails of a mailbox, as they were delivered. */
  readonly mails: (mailbox: string) => string[];
  readonly log: () => string;
  readonly stop: () => Promise<void>;
};

const SERVICES = `
cleanup unix n - n - 0 cleanup
qmgr unix n - n 1 1 qmgr
tlsmgr unix - - n 1000? 1 tlsmgr
rewrite unix - - n - - trivial-rewrite
proxymap unix - - n - - proxymap
bounce unix - - n - 0 bounce
defer unix - - n - 0 bounce
trace unix - - n - 0 bounce
verify unix - - n - 1 verify
flush unix n - n 1000? 0 flush
error unix - - n - - error
retry unix - - n - - error
virtual unix - n n - - virtual
anvil unix - - n - 1 anvil
postlog unix-dgram n - n - 1 postlogd
`;

/** Installs Postfix where it is missing, and starts it with these ports. Needs to be root, as Postfix does. */
export async function startPostfix(
  services: Readonly<Record<string, readonly string[]>>,
  settings: Readonly<Record<string, string>>,
  mailboxes: readonly string[],
  tls: { readonly key: string; readonly cert: string },
): Promise<Postfix> {
  if (!existsSync("/usr/sbin/postfix")) {
    const env = { ...process.env, DEBIAN_FRONTEND: "noninteractive" };
    await run("apt-get", ["install", "-y", "--no-install-recommends", "postfix"], { env });
  }
  const folder = mkdtempSync(join(tmpdir(), "tidings-postfix-"));
  chmodSync(folder, 0o755);
  const inside = (...names: string[]) => join(folder, ...names);
  const [postfixUser, nobody] = await Promise.all(["postfix", "nobody"].map(idsOf));
  for (const name of ["etc", "queue", "data", "mail"]) mkdirSync(inside(name));
  chownSync(inside("data"), postfixUser!.uid, postfixUser!.gid);
  chownSync(inside("mail"), nobody!.uid, nobody!.gid);
  writeFileSync(inside("etc", "tls.pem"), tls.key + tls.cert, { mode: 0o600 });
  writeFileSync(inside("etc", "mailboxes"), mailboxes.map((address, index) => `${address} box${index}/\n`).join(""));

  const port = Object.fromEntries(
    await Promise.all(Object.keys(services).map(async (name) => [name, await freePort()] as const)),
  );
  const ways = Object.entries(services).map(
    ([name, options]) => `127.0.0.1:${port[name]} inet n - n - - smtpd${options.map((one) => ` -o ${one}`).join("")}`,
  );
  writeFileSync(inside("etc", "master.cf"), `${ways.join("\n")}\n${SERVICES}`);
  const main = {
    compatibility_level: "3.6",
    queue_directory: inside("queue"),
    data_directory: inside("data"),
    daemon_directory: "/usr/lib/postfix/sbin",
    command_directory: "/usr/sbin",
    maillog_file: inside("log"),
    maillog_file_prefixes: folder,
    myhostname: "postfix.test",
    mydestination: "",
    local_recipient_maps: "",
    local_transport: "error:no local mail",
    default_transport: "error:nothing leaves this machine",
    relay_transport: "error:nothing leaves this machine",
    virtual_mailbox_domains: [...new Set(mailboxes.map((address) => address.split("@")[1]))].join(" "),
    virtual_mailbox_maps: `texthash:${inside("etc", "mailboxes")}`,
    virtual_mailbox_base: inside("mail"),
    virtual_uid_maps: `static:${nobody!.uid}`,
    virtual_gid_maps: `static:${nobody!.gid}`,
    virtual_minimum_uid: "1",
    recipient_delimiter: "+",
    smtpd_recipient_restrictions: "reject_unauth_destination",
    smtpd_tls_chain_files: inside("etc", "tls.pem"),
    smtpd_tls_security_level: "may",
    smtpd_tls_loglevel: "1",
    inet_protocols: "ipv4",
    alias_maps: "",
    alias_database: "",
    ...settings,
  };
  writeFileSync(
    inside("etc", "main.cf"),
    Object.entries(main)
      .map(([name, value]) => `${name} = ${value}\n`)
      .join(""),
  );
  await run("postfix", ["-c", inside("etc"), "start"]);
  const stop = async () => {
    await run("postfix", ["-c", inside("etc"), "abort"]).catch(() => undefined);
    // It ends a moment after its command does.
    const pid = inside("queue", "pid", "master.pid");
    for (let tries = 0; existsSync(pid) && isRunning(readFileSync(pid, "utf8")) && tries < 100; tries++)
      await sleep(50);
    rmSync(folder, { recursive: true, force: true });
  };
  try {
    for (const each of Object.values(port)) await answering(each);
  } catch (error) {
    await stop();
    throw error;
  }
  return {
    port,
    log: () => readFileSync(inside("log"), "utf8"),
    mails: (mailbox) => {
      const box = inside("mail", `box${mailboxes.indexOf(mailbox)}`, "new");
      return existsSync(box) ? readdirSync(box).map((name) => readFileSync(join(box, name), "utf8")) : [];
    },
    stop,
  };
}

async function idsOf(user: string): Promise<{ uid: number; gid: number }> {
  const ids = await Promise.all(["-u", "-g"].map(async (which) => Number((await run("id", [which, user])).stdout)));
  return { uid: ids[0]!, gid: ids[1]! };
}

function freePort(): Promise<number> {
  return new Promise((resolve, reject) => {
    const server = createServer();
    server.once("error", reject).listen(0, "127.0.0.1", () => {
      const { port } = server.address() as AddressInfo;
      server.close(() => resolve(port));
    });
  });
}

function isRunning(pid: string): boolean {
  try {
    return process.kill(Number.parseInt(pid, 10), 0);
  } catch {
    return false;
  }
}

async function answering(port: number): Promise<void> {
  for (let tries = 0; tries < 100; tries++) {
    const socket = connect(port, "127.0.0.1");
    const there = await new Promise<boolean>((resolve) => {
      socket.once("connect", () => resolve(true)).once("error", () => resolve(false));
      socket.setTimeout(2_000, () => resolve(false));
    });
    socket.destroy();
    if (there) return;
    await sleep(100);
  }
  throw new Error(`Postfix does not answer at port ${port}.`);
}
