import { resolve } from "node:path";
import { describe, expect, it } from "vitest";
import { readConfig } from "./config.ts";
import type { Refusal } from "./core/problem.ts";

function problemsOf(environment: Record<string, string>): string[] {
  try {
    readConfig(environment);
  } catch (error) {
    return (error as Refusal).faults.map(({ detail }) => detail);
  }
  return [];
}

describe("the configuration", () => {
  it("needs nothing: it answers on this machine alone, with the embedded database in ./data", () => {
    expect(readConfig({})).toEqual({
      port: 3000,
      host: "127.0.0.1",
      publicUrl: "http://localhost:3000",
      trackingUrl: "http://localhost:3000",
      databaseUrl: undefined,
      databaseSessionUrl: undefined,
      dataDir: resolve("data"),
      secret: undefined,
      smtpUrl: undefined,
      imapUrl: undefined,
      inboundSmtpPort: null,
      inboundLmtpPort: null,
      inboundHost: "0.0.0.0",
      inboundTls: null,
      logLevel: "info",
      trustProxy: false,
    });
  });

  it("the address behind a pooler makes no sense without the pooler", () => {
    const databaseSessionUrl = "postgresql://tidings@db.example/tidings";
    const DATABASE_URL = "postgresql://tidings@pooler.example/tidings";
    const good = readConfig({ DATABASE_URL, TIDINGS_DATABASE_SESSION_URL: databaseSessionUrl });
    expect(good).toMatchObject({ databaseUrl: DATABASE_URL, databaseSessionUrl });
    expect(() => readConfig({ TIDINGS_DATABASE_SESSION_URL: databaseSessionUrl })).toThrow(/DATABASE_URL/);
  });

  it("takes a socket directory in DATABASE_URL, and the public address without its last slash", () => {
    const databaseUrl = "postgresql://tidings@/tidings?host=%2Frun%2Fpostgresql";
    const config = readConfig({ DATABASE_URL: databaseUrl, TIDINGS_PUBLIC_URL: "https://mail.example.com/" });
    expect(config).toMatchObject({ databaseUrl, publicUrl: "https://mail.example.com" });
  });

  it("cannot be changed afterwards", () => {
    expect(Object.isFrozen(readConfig({}))).toBe(true);
  });

  it("takes where mail comes back to, with a certificate and its key or with neither", () => {
    const both = { TIDINGS_INBOUND_TLS_CERT: "/c.pem", TIDINGS_INBOUND_TLS_KEY: "/k.pem" };
    expect(readConfig({ TIDINGS_INBOUND_SMTP_PORT: "2525", ...both })).toMatchObject({
      inboundSmtpPort: 2525,
      inboundLmtpPort: null,
      inboundTls: { certificate: "/c.pem", key: "/k.pem" },
    });
    expect(problemsOf({ TIDINGS_INBOUND_LMTP_PORT: "x", TIDINGS_INBOUND_TLS_CERT: "/c.pem" })).toEqual([
      "TIDINGS_INBOUND_TLS_KEY is missing: certificate and key go together.",
      "TIDINGS_INBOUND_LMTP_PORT is not a number from 0 to 65535.",
    ]);
  });

  it("treats an empty variable as absent", () => {
    expect(readConfig({ PORT: "", DATABASE_URL: " " })).toEqual(readConfig({}));
  });

  it("reports everything that is wrong at once", () => {
    const problems = problemsOf({
      PORT: "80a",
      LOG_LEVEL: "loud",
      DATABASE_URL: "mysql://h/d",
      TIDINGS_SMTP_URL: "mail.example.com:25",
      TIDINGS_IMAP_URL: "http://h",
      TIDINGS_PUBLIC_URL: "mail.example.com",
      TIDINGS_SECRET: "short",
    });
    const named = ["PORT", "LOG_LEVEL", "TIDINGS_SECRET", "TIDINGS_PUBLIC_URL"];
    expect(problems.map((problem) => problem.split(" ")[0])).toEqual([
      ...named,
      "DATABASE_URL",
      "TIDINGS_SMTP_URL",
      "TIDINGS_IMAP_URL",
    ]);
  });

  it("does not repeat a password or secret in what it reports", () => {
    const problems = problemsOf({ DATABASE_URL: "mysql://u:hunter2@h/d", TIDINGS_SECRET: "hunter2" });
    expect(problems).toHaveLength(2);
    expect(problems.join()).not.toContain("hunter2");
  });

  it("wants every one of several secrets to be long", () => {
    const long = "x".repeat(32);
    expect(problemsOf({ TIDINGS_SECRET: `${long},${long}` })).toEqual([]);
    expect(problemsOf({ TIDINGS_SECRET: `${long},short` })).toHaveLength(1);
    expect(problemsOf({ TIDINGS_SECRET: `${long},` })).toHaveLength(1);
  });
});
