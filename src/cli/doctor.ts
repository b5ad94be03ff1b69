/** `tidings doctor`: looks at everything that must be right, and says what to do where it is not. Changes nothing but the schema and what is known of DNS. */
import { once } from "node:events";
import { constants } from "node:fs";
import { access } from "node:fs/promises";
import { Command } from "commander";
import { sql } from "kysely";
import type pg from "pg";
import { tokensOf } from "../accounts/access-tokens.ts";
import { accountFor, workspace } from "../accounts/accounts.ts";
import * as emailAccounts from "../accounts/email-accounts.ts";
import * as senders from "../accounts/senders.ts";
import { tryAccount } from "../accounts/try-account.ts";
import type { Db } from "../db/database.ts";
import { deliveryProblems } from "../delivery/delivery.ts";
import * as recipientDomains from "../delivery/recipient-domains.ts";
import * as sendingDomains from "../domains/domains.ts";
import { openContext, type Context } from "./context.ts";
import { RUNNING } from "./doctor-running.ts";
import { inWords, table } from "./output.ts";
import type { Common, Run } from "./program.ts";

/** `look` may be better, and nothing is broken: it does not fail the command. */
type Result = "good" | "look" | "bad";
type Finding = { readonly check: string; readonly result: Result; readonly detail: string };
export type Check = (context: Context) => Promise<readonly [Result, string]>;

const LEAST_NODE = 26;
const LEAST_POSTGRESQL = 150_000;
const LONGEST_HEARING_MS = 3000;
const MOST_ACCOUNTS = 20;
const MOST_DOMAINS = 20;

const CHECKS: Readonly<Record<string, Check>> = {
  "data folder": async ({ config }) => {
    await access(config.dataDir, constants.R_OK | constants.W_OK);
    return ["good", `${config.dataDir} can be written.`];
  },
  secret: async ({ config, secrets }) => {
    const works = secrets.decrypt(secrets.encrypt("x")) === "x";
    if (!works) return ["bad", "What it encrypts it cannot decrypt."];
    const kept = config.secret === undefined;
    return [
      "good",
      kept ? "Kept in the data folder: back it up, apart from the database." : "Given by TIDINGS_SECRET.",
    ];
  },
  database: async ({ config, database: { pool } }) => {
    const { rows } = await pool.query<{ number: string; version: string }>(
      "select current_setting('server_version_num') as number, current_setting('server_version') as version",
    );
    const { number = "0", version = "" } = rows[0] ?? {};
    const where = config.databaseUrl === undefined ? "in the data folder" : "at DATABASE_URL";
    if (Number(number) < LEAST_POSTGRESQL)
      return ["bad", `PostgreSQL ${version} ${where} is too old: 15 or newer is needed.`];
    return ["good", `PostgreSQL ${version} ${where} answers.`];
  },
  "database sessions": async ({ database: { db, sessions }, config }) => {
    if (await hears(db, sessions)) return ["good", "What is announced is heard: mail leaves the moment it is due."];
    const todo =
      config.databaseSessionUrl === undefined
        ? "If DATABASE_URL leads to a pooler, set TIDINGS_DATABASE_SESSION_URL to the database behind it."
        : "TIDINGS_DATABASE_SESSION_URL must lead to the same database as DATABASE_URL, and past any pooler.";
    return ["bad", `What is announced is not heard, so mail leaves up to 5 seconds late. ${todo}`];
  },
  migrations: async ({ migrations }) => [
    "good",
    migrations.length === 0 ? "The schema is up to date." : `Brought up to date now: ${migrations.join(", ")}.`,
  ],
  "public address": async ({ config: { publicUrl } }) => {
    const { protocol, hostname } = new URL(publicUrl);
    if (hostname === "localhost" || hostname === "127.0.0.1")
      return ["look", `Links in mails lead to ${publicUrl}, which works on this machine only. Set TIDINGS_PUBLIC_URL.`];
    if (protocol === "http:") return ["look", `${publicUrl} is not https: one-click unsubscribe needs it (RFC 8058).`];
    return ["good", `Links in mails lead to ${publicUrl}.`];
  },
  "postal address": async ({ database: { db }, secrets, config }) => {
    const { postalAddress } = await workspace(db);
    if (postalAddress) return ["good", postalAddress.replaceAll(/\s+/g, " ")];
    const account = await accountFor(db, null, { seal: secrets, smtpUrl: config.smtpUrl });
    const detail = "There is none. Set postalAddress with PATCH /api/v1/workspace; the law asks for one in every mail.";
    return [account.kind === "smtp" ? "bad" : "look", detail];
  },
  sender: async ({ database: { db } }) => {
    const found = (await senders.list(db, { limit: 500 })).filter((sender) => sender.disabledAt === null);
    if (found.length === 0)
      return [
        "look",
        "There is none: mails come from the email account's own address. Add one with POST /api/v1/senders.",
      ];
    return ["good", `${found.length} can be sent from; the first is ${found[0]?.name}.`];
  },
  "email account": async ({ database: { db }, secrets, config, clock }) => {
    const vault = { seal: secrets, smtpUrl: config.smtpUrl };
    const listed = await emailAccounts.list(db, { limit: MOST_ACCOUNTS });
    const wanted = listed.length > 0 ? listed.map(({ id }) => ({ emailAccountId: id })) : [null];
    const bad: string[] = [];
    let reached = "";
    for (const one of wanted) {
      const account = await accountFor(db, one, vault);
      if (account.kind === "mailbox")
        return ["look", "There is none: mails go to the built-in mailbox, and to nobody else."];
      const name = new URL(config.publicUrl).hostname;
      const { ok, detail } = await tryAccount(account, { name, tokens: tokensOf(db, vault), at: clock });
      if (ok) reached = detail;
      else bad.push(`${account.name}: ${detail}`);
    }
    return bad.length > 0 ? ["bad", bad.join(" ")] : ["good", reached];
  },
  "what waits": async ({ database: { db }, secrets, config }) => {
    // What has a check of its own is not told twice.
    const problems = await deliveryProblems(db, { seal: secrets, smtpUrl: config.smtpUrl });
    const others = problems.filter(({ code }) => code !== "postal-address-missing");
    if (others.length === 0) return ["good", "Every email account and Campaign may send, and no mail is in doubt."];
    return ["look", others.map(({ text }) => text).join(" ")];
  },
  "several accounts": async ({ database: { db } }) => {
    const found = (await senders.list(db, { limit: 500 })).filter(({ furtherAccounts }) => furtherAccounts.length > 0);
    if (found.length === 0)
      return ["good", "Each sender has one email account; a second one takes over when it cannot send."];
    const accounts = new Map((await emailAccounts.list(db, { limit: 500 })).map((one) => [one.id, one]));
    const stuck = found.filter(({ emailAccountId, furtherAccounts }) =>
      [emailAccountId, ...furtherAccounts.map((one) => one.emailAccountId)].every(
        (id) => id !== null && accounts.get(id)?.pausedAt,
      ),
    );
    if (stuck.length === 0)
      return ["good", `${found.length} senders have more than one email account, and one at least that works.`];
    return ["bad", `None of their email accounts can send: ${stuck.map(({ name }) => name).join(", ")}.`];
  },
  "recipient domains": async ({ database: { db }, clock }) => {
    const now = clock();
    const resting = (await recipientDomains.list(db, { limit: 500 })).filter(
      ({ restsUntil }) => restsUntil && Temporal.Instant.compare(restsUntil, now) > 0,
    );
    if (resting.length === 0) return ["good", "No domain has asked for patience."];
    return ["look", resting.map(({ domain, restsReason }) => `${domain} rests: ${restsReason ?? ""}`).join(" ")];
  },
  "sending domains": async ({ database: { db }, config, clock }) => {
    const domains = await sendingDomains.list(db, { limit: MOST_DOMAINS });
    if (domains.length === 0)
      return [
        "look",
        "There is none: unless your provider signs, mail has no DKIM. Add one with POST /api/v1/sending-domains.",
      ];
    const resolver = sendingDomains.systemResolver(config.dnsServers);
    const said: string[] = [];
    let worst: Result = "good";
    for (const { id } of domains) {
      const found = await sendingDomains.check(db, id, { resolver, smtpUrl: config.smtpUrl }, clock());
      const open = found.checks.filter(({ ok, todo }) => ok === false || (ok === null && todo !== null));
      for (const { check, ok, text, todo } of open) {
        // Where nobody signs or the signature cannot be verified, mail is lost; the rest makes it worse.
        if (ok === false && check === "dkim" && found.mode === "sign") worst = "bad";
        else if (worst === "good") worst = "look";
        said.push(`${found.domain} ${check.toUpperCase()}: ${text}${todo ? ` ${todo}` : ""}`);
      }
      if (open.length === 0) said.push(`${found.domain}: DKIM, SPF, DMARC, alignment, MX and PTR are right.`);
    }
    return [worst, said.join(" ")];
  },
};

export const doctor = (run: Run): Command =>
  new Command("doctor").description("check that everything is right, and say what to do where it is not").action(
    run<Common>(async (options, output) => {
      const findings = await examine(options);
      const marks: Record<Result, string> = { good: "ok", look: "look", bad: "WRONG" };
      const rows = findings.map(({ check, result, detail }) => [marks[result], check, detail]);
      const ok = !findings.some(({ result }) => result === "bad");
      output.answer(table(["", "CHECK", "FINDING"], rows), { ok, checks: findings });
      if (!ok) process.exitCode = 1;
    }),
  );

/** Whether an announcement over one way arrives by the other. */
async function hears(db: Db, sessions: pg.Pool): Promise<boolean> {
  const channel = `tidings_doctor_${process.pid}`;
  const client = await sessions.connect();
  try {
    const heard = once(client, "notification", { signal: AbortSignal.timeout(LONGEST_HEARING_MS) }).then(
      () => true,
      () => false,
    );
    await client.query(`listen ${channel}`);
    await sql`select pg_notify(${channel}, '')`.execute(db);
    return await heard;
  } finally {
    client.release(true);
  }
}

async function examine(options: Common): Promise<readonly Finding[]> {
  const major = Number.parseInt(process.versions.node, 10);
  const findings: Finding[] = [
    major >= LEAST_NODE
      ? { check: "Node.js", result: "good", detail: `Version ${process.versions.node}.` }
      : {
          check: "Node.js",
          result: "bad",
          detail: `Version ${process.versions.node}; ${LEAST_NODE} is needed. Start it with bin/tidings.`,
        },
  ];
  let context: Context;
  try {
    context = await openContext(options);
  } catch (error) {
    return [...findings, { check: "start", result: "bad", detail: inWords(error).detail }];
  }
  try {
    for (const [check, look] of Object.entries({ ...CHECKS, ...RUNNING })) {
      try {
        const [result, detail] = await look(context);
        findings.push({ check, result, detail });
      } catch (error) {
        findings.push({ check, result: "bad", detail: inWords(error).detail });
      }
    }
  } finally {
    await context.close();
  }
  return findings;
}
