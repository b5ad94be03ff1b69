import pino from "pino";
import { afterAll, describe, expect, it } from "vitest";
import type { Account } from "../accounts/accounts.ts";
import { openDatabase } from "../db/database.ts";
import { createTransports } from "./transports.ts";

const now = Temporal.Instant.from("2026-12-01T12:00:00Z");
/** A port of loopback where nobody listens. */
const away = openDatabase("postgresql://nobody@127.0.0.1:1/none");
afterAll(() => away.close());

describe("while the database is away", () => {
  const said: string[] = [];
  const log = pino({ level: "warn" }, { write: (line: string) => void said.push(JSON.parse(line).msg) });
  const transports = createTransports({ db: away.db, hostName: "here", log, tokens: {} as never });
  const account = { id: 7, name: "News", kind: "smtp", pausedAt: now } as Account;

  it("an account that sends again keeps no result from being written down", async () => {
    await expect(transports.succeeded(account)).resolves.toBeUndefined();
    expect(said).toContain("how an email account fares could not be noted");
  });

  it("neither does one in trouble, and it waits all the same", async () => {
    await expect(transports.failed(account, { kind: "server", text: "away" }, now)).resolves.toBeUndefined();
    await expect(transports.waiting(now)).rejects.toThrow();
  });
});
