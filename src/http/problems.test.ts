import { expect, test } from "vitest";
import { isDatabaseLoss } from "./problems.ts";

test.each([
  new Error("Connection terminated unexpectedly"),
  new Error("Client has encountered a connection error and is not queryable"),
  new Error("Client was closed and is not queryable"),
  new Error("timeout exceeded when trying to connect"),
  Object.assign(new Error("terminating connection due to administrator command"), { code: "57P01" }),
  Object.assign(new Error("cannot execute UPDATE in a read-only transaction"), { code: "25006" }),
  Object.assign(new Error("server conn crashed?"), { code: "08P01" }),
  Object.assign(new Error("connect ECONNREFUSED"), { code: "ECONNREFUSED" }),
])("a lost database is told from a wrong query: $message", (error) => {
  expect(isDatabaseLoss(error)).toBe(true);
});

test.each([
  new Error("Cannot read properties of undefined"),
  Object.assign(new Error("duplicate key value"), { code: "23505" }),
  "nothing",
])("what is no loss of the database is not taken for one: %s", (error) => {
  expect(isDatabaseLoss(error)).toBe(false);
});
