/** Postfix and Dovecot for tests: installed where missing, each with a folder and ports of its own on loopback, gone afterwards. */
import { type ChildProcess, execFile, spawn } from "node:child_process";
import { existsSync } from "node:fs";
import { chmod, mkdir, mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { connect, createServer, type AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { promisify } from "node:util";

const run = promisify(execFile);

const TOOLS: Readonly<Record<string, string>> = {
  postfix: "/usr/sbin/postfix",
  "dovecot-imapd": "/usr/lib/dovecot/imap",
  "dovecot-lmtpd": "/usr/lib/dovecot/lmtp",
  "dovecot-sieve": "/usr/lib/dovecot/modules/lib90_sieve_plugin.so",
  swaks: "/usr/bin/swaks",
};

/** Installs what is missing, as root, without starting any of it. */
export async function installMailServers(): Promise<void> {
  const missing = Object.keys(TOOLS).filter((name) => !existsSync(TOOLS[name]!));
  if (missing.length === 0) return;
  const env = { ...process.env, DEBIAN_FRONTEND: "noninteractive", RUNLEVEL: "1" };
  await run("apt-get", ["update", "-qq"], { env });
  await run("apt-get", ["install", "-y", "-qq", "--no-install-recommends", ...missing], { env });
}

export const PASSWORD = "a password of these tests";
/** Domains of the tests (RFC 6761): people we write to, a server that never has time, ourselves, and where bounces go. */
export const DOMAINS = { people: "people.test", busy: "busy.test", ours: "ours.test", bounces: "bounces.test" };

export type MailServers = {
  readonly smtpPort: number;
  readonly imapPort: number;
  /** What Dovecot and Postfix logged, for a test that fails. */
  logs(): Promise<string>;
  doveadm(...args: string[]): Promise<string>;
  stop(): Promise<void>;
};

/**
 * Starts both. Every user has a mailbox and {@link PASSWORD}, or an access token that whoever listens at `introspectionPort` knows; `full` has no room left, `away` has
 * a vacation answer, and whoever is not listed is unknown.
 */
export async function startMailServers(
  users: readonly string[],
  { introspectionPort }: { introspectionPort: number },
): Promise<MailServers> {
  const folder = await mkdtemp(join(tmpdir(), "tidings-mail-"));
  await chmod(folder, 0o755);
  const [smtpPort, imapPort, lmtpPort, busyPort] = await freePorts(4);
  const dovecot = await startDovecot(join(folder, "dovecot"), {
    imapPort,
    lmtpPort,
    smtpPort,
    users,
    introspectionPort,
  });
  const postfix = await startPostfix(join(folder, "postfix"), { smtpPort, lmtpPort, busyPort });
  await Promise.all([smtpPort, imapPort, lmtpPort, busyPort].map(answers));
  return {
    smtpPort,
    imapPort,
    async logs() {
      const files = [join(folder, "dovecot/log"), join(folder, "postfix/log")];
      return (await Promise.all(files.map((file) => readFile(file, "utf8").catch(() => "")))).join("\n----\n");
    },
    doveadm: async (...args) => (await run("doveadm", ["-c", join(folder, "dovecot/dovecot.conf"), ...args])).stdout,
    async stop() {
      await Promise.all([ended(dovecot), ended(postfix)]);
      await rm(folder, { recursive: true, force: true });
    },
  };
}

async function startDovecot(
  folder: string,
  {
    imapPort,
    lmtpPort,
    smtpPort,
    users,
    introspectionPort,
  }: Record<"imapPort" | "lmtpPort" | "smtpPort" | "introspectionPort", number> & { users: readonly string[] },
): Promise<ChildProcess> {
  await mkdir(join(folder, "mail"), { recursive: true });
  await mkdir(join(folder, "sieve"), { recursive: true });
  await mkdir(join(folder, "home"), { recursive: true });
  await chmod(join(folder, "home"), 0o777);
  await chmod(join(folder, "mail"), 0o777);
  await chmod(join(folder, "sieve"), 0o777);
  const line = (user: string) =>
    `${user}:{PLAIN}${PASSWORD}::::::${user.startsWith("full@") ? "userdb_quota_rule=*:bytes=1" : ""}${
      user.startsWith("away@") ? `userdb_sieve=file:${folder}/sieve/away.sieve` : ""
    }`;
  await writeFile(join(folder, "users"), `${users.map(line).join("\n")}\n`);
  await writeFile(
    join(folder, "sieve/away.sieve"),
    // Pigeonhole answers nothing with List- fields, as all our mail has; other servers do (RFC 3834, section 2).
    `require ["vacation", "editheader"];
deleteheader "List-Id";
deleteheader "List-Unsubscribe";
deleteheader "List-Unsubscribe-Post";
vacation :days 1 :subject "Out of office" "I am away until the 14th and will answer then.";
`,
  );
  await writeFile(
    join(folder, "oauth2"),
    `introspection_mode = post
introspection_url = http://127.0.0.1:${introspectionPort}/introspect
username_attribute = username
active_attribute = active
active_value = true
`,
  );
  const conf = join(folder, "dovecot.conf");
  await writeFile(
    conf,
    `
base_dir = ${folder}/run
state_dir = ${folder}/state
log_path = ${folder}/log
listen = 127.0.0.1
protocols = imap lmtp
ssl = no
disable_plaintext_auth = no
auth_username_format = %Lu
mail_location = maildir:${folder}/mail/%u
mail_home = ${folder}/home/%u
mail_uid = nobody
mail_gid = nogroup
first_valid_uid = 1
first_valid_gid = 1
mail_fsync = never
recipient_delimiter = +
submission_host = 127.0.0.1:${smtpPort}
quota_full_tempfail = no
lmtp_save_to_detail_mailbox = no
mail_plugins = quota
auth_mechanisms = plain login xoauth2 oauthbearer
passdb {
  driver = oauth2
  mechanisms = xoauth2 oauthbearer
  args = ${folder}/oauth2
}
passdb {
  driver = passwd-file
  args = username_format=%u ${folder}/users
}
userdb {
  driver = passwd-file
  args = username_format=%u ${folder}/users
}
plugin {
  quota = count:User quota
  quota_vsizes = yes
  sieve_vacation_send_from_recipient = yes
  sieve_extensions = +editheader
}
protocol lmtp {
  mail_plugins = quota sieve
}
service imap-login {
  inet_listener imap {
    port = ${imapPort}
  }
  inet_listener imaps {
    port = 0
  }
}
service lmtp {
  inet_listener lmtp {
    port = ${lmtpPort}
  }
}
service stats {
  unix_listener stats-writer {
    mode = 0666
  }
}
`,
  );
  return spawn("dovecot", ["-F", "-c", conf], { stdio: "ignore" });
}

async function startPostfix(
  folder: string,
  { smtpPort, lmtpPort, busyPort }: { smtpPort: number; lmtpPort: number; busyPort: number },
): Promise<ChildProcess> {
  const [conf, queue, data] = [join(folder, "conf"), join(folder, "queue"), join(folder, "data")];
  for (const one of [conf, queue, data]) await mkdir(one, { recursive: true });
  await run("chown", ["postfix", data]);
  const { people, busy, ours, bounces } = DOMAINS;
  await writeFile(
    join(conf, "main.cf"),
    `
compatibility_level = 3.6
queue_directory = ${queue}
data_directory = ${data}
maillog_file_prefixes = ${folder}
maillog_file = ${folder}/log
myhostname = mx.${people}
mydestination =
mynetworks = 127.0.0.0/8
inet_interfaces = 127.0.0.1
inet_protocols = ipv4
disable_dns_lookups = yes
smtp_host_lookup = native
local_recipient_maps =
local_transport = error:local mail is not taken
alias_maps =
relay_domains = ${people}, ${busy}, ${ours}, ${bounces}
transport_maps = inline:{ {${people} = lmtp:inet:127.0.0.1:${lmtpPort}}, {${ours} = lmtp:inet:127.0.0.1:${lmtpPort}}, {${bounces} = lmtp:inet:127.0.0.1:${lmtpPort}}, {${busy} = smtp:[127.0.0.1]:${busyPort}} }
virtual_alias_maps = regexp:${conf}/aliases
default_transport = error:no mail leaves these tests
relayhost =
recipient_delimiter = +
smtpd_recipient_restrictions = permit_mynetworks, reject
smtpd_peername_lookup = no
# What is not taken at once is given up at once.
maximal_queue_lifetime = 0
bounce_queue_lifetime = 0
minimal_backoff_time = 1s
queue_run_delay = 1s
smtp_tls_security_level = none
lmtp_destination_recipient_limit = 1
`,
  );
  // All return paths lead into one mailbox, and keep in Delivered-To what they were.
  await writeFile(join(conf, "aliases"), `/^(b-.*)@${bounces.replace(".", "\\.")}$/ bounces+$1@${ours}\n`);
  const daemon = (name: string, program: string, privileged = "-", wakeup = "-", most = "-") =>
    `${name} unix ${privileged} - n ${wakeup} ${most} ${program}`;
  await writeFile(
    join(conf, "master.cf"),
    `127.0.0.1:${smtpPort} inet n - n - - smtpd
127.0.0.1:${busyPort} inet n - n - - smtpd -o smtpd_recipient_restrictions=defer -o myhostname=mx.${busy}
${daemon("pickup", "pickup", "n", "60", "1")}
${daemon("cleanup", "cleanup", "n", "-", "0")}
${daemon("qmgr", "qmgr", "n", "300", "1")}
${daemon("tlsmgr", "tlsmgr", "-", "1000?", "1")}
${daemon("rewrite", "trivial-rewrite")}
${daemon("bounce", "bounce", "-", "-", "0")}
${daemon("defer", "bounce", "-", "-", "0")}
${daemon("trace", "bounce", "-", "-", "0")}
${daemon("verify", "verify", "-", "-", "1")}
${daemon("flush", "flush", "n", "1000?", "0")}
${daemon("proxymap", "proxymap")}
${daemon("smtp", "smtp")}
${daemon("relay", "smtp")}
${daemon("lmtp", "lmtp")}
${daemon("error", "error")}
${daemon("retry", "error")}
${daemon("anvil", "anvil", "-", "-", "1")}
${daemon("scache", "scache", "-", "-", "1")}
postlog unix-dgram n - n - 1 postlogd
`,
  );
  // Makes the folders of the queue, with the owners Postfix wants.
  await run("postfix", ["-c", conf, "check"]).catch(() => undefined);
  return spawn("/usr/lib/postfix/sbin/master", ["-c", conf, "-d"], {
    stdio: "ignore",
    env: { ...process.env, MAIL_CONFIG: conf },
  });
}

/** Ends a server and waits until it has. */
async function ended(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  const gone = new Promise<void>((resolve) => child.once("exit", () => resolve()));
  child.kill("SIGTERM");
  await Promise.race([gone, sleep(10_000).then(() => child.kill("SIGKILL"))]);
}

async function freePorts(count: number): Promise<[number, number, number, number]> {
  const servers = Array.from({ length: count }, () => createServer());
  const ports = await Promise.all(
    servers.map(
      (server) =>
        new Promise<number>((resolve) => {
          server.listen(0, "127.0.0.1", () => resolve((server.address() as AddressInfo).port));
        }),
    ),
  );
  await Promise.all(servers.map((server) => new Promise((resolve) => server.close(resolve))));
  return ports as [number, number, number, number];
}

async function answers(port: number): Promise<void> {
  for (let turn = 0; turn < 200; turn++) {
    const good = await new Promise<boolean>((resolve) => {
      const socket = connect(port, "127.0.0.1");
      socket.once("data", () => resolve(true)).once("error", () => resolve(false));
      socket.setTimeout(1000, () => resolve(false));
      socket.once("data", () => socket.destroy());
    });
    if (good) return;
    await sleep(50);
  }
  throw new Error(`Nothing answers at port ${port}.`);
}
