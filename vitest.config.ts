/** Three suites: unit (pure, no database), integration (beside the code, real PostgreSQL), scenarios (the real program). */
import { defineConfig } from "vitest/config";

const pure = ["src/core/**/*.test.ts", "src/mail/**/*.test.ts", "test/*.test.ts"];

export default defineConfig({
  test: {
    projects: [
      { test: { name: "unit", include: pure, testTimeout: 30_000 } },
      {
        test: {
          name: "integration",
          include: ["src/**/*.test.ts"],
          exclude: pure,
          globalSetup: "test/database-server.ts",
          testTimeout: 60_000,
          hookTimeout: 60_000,
        },
      },
      // Installs what it asks: see npm run interop.
      {
        test: {
          name: "interop",
          include: ["test/interop/**/*.test.ts"],
          globalSetup: "test/database-server.ts",
          testTimeout: 120_000,
          hookTimeout: 300_000,
        },
      },
      {
        test: {
          name: "scenarios",
          include: ["test/scenarios/**/*.test.ts"],
          globalSetup: "test/database-server.ts",
          fileParallelism: false,
          testTimeout: 600_000,
          hookTimeout: 120_000,
        },
      },
    ],
  },
});
