/** Holds the rules of the architecture that a linter cannot; every check first asserts that it saw files. Changes nothing. */
import { execFileSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { dirname, join, relative } from "node:path";
import { describe, expect, it } from "vitest";

const root = join(import.meta.dirname, "..");
const tracked = execFileSync("git", ["ls-files", "--cached", "--others", "--exclude-standard"], {
  cwd: root,
  encoding: "utf8",
})
  .split("\n")
  .filter(Boolean);
const sources = tracked.filter((path) => path.startsWith("src/") && path.endsWith(".ts"));
const product = sources.filter((path) => !path.endsWith(".test.ts"));
const text = (path: string) => readFileSync(join(root, path), "utf8");

/** Modules from the ground up: each may import those before it, none of those after it. */
const order = [
  "accounts",
  "domains",
  "workspace",
  "jobs",
  "sign-in",
  "suppressions",
  "people",
  "email-groups",
  "templates",
  "images",
  "campaigns",
  "email-campaigns",
  "automatic-starts",
  "delivery",
  "publishing",
  "deliverability",
  "continuity",
  "communications",
  "unsubscribe",
  "tracking",
  "events",
  "variants",
  "conversations",
  "inbound",
  "directory",
  "insights",
];

/** Who writes which table. */
const owners: Record<string, string> = {
  recipientDomains: "delivery",
  rateLedger: "delivery",
  continuity: "continuity",
  workspace: "workspace",
  users: "accounts",
  userSecrets: "sign-in",
  recoveryCodes: "sign-in",
  sessions: "sign-in",
  passkeys: "sign-in",
  passkeyChallenges: "sign-in",
  signInLinks: "sign-in",
  signInAttempts: "sign-in",
  setupLinks: "accounts",
  apiKeys: "accounts",
  emailAccounts: "accounts",
  senders: "accounts",
  senderEmailAccounts: "accounts",
  auditEntries: "accounts",
  sendingDomains: "domains",
  sendingDomainKeys: "domains",
  personFields: "people",
  people: "people",
  personAddresses: "people",
  mergedPeople: "people",
  sampleItems: "campaigns",
  emailGroups: "email-groups",
  emailGroupMembers: "email-groups",
  suppressions: "suppressions",
  softBounces: "suppressions",
  emailTemplates: "templates",
  contentVersions: "templates",
  savedBlocks: "templates",
  images: "images",
  campaigns: "campaigns",
  steps: "campaigns",
  emailCampaigns: "email-campaigns",
  conditionFindings: "email-campaigns",
  pendingFacts: "email-campaigns",
  automaticStarts: "automatic-starts",
  startRules: "automatic-starts",
  startRuleMatches: "automatic-starts",
  pendingStarts: "automatic-starts",
  startRefusals: "automatic-starts",
  scheduleVersions: "publishing",
  campaignDrafts: "publishing",
  backfills: "publishing",
  fileKeys: "campaign-files",
  messages: "delivery",
  messageContents: "delivery",
  deliveryAttempts: "delivery",
  timelineEntries: "communications",
  engagements: "tracking",
  events: "events",
  eventNames: "events",
  variantDecisions: "variants",
  deliverabilityHours: "deliverability",
  deliverabilityDays: "deliverability",
  deliverabilityMark: "deliverability",
  guardFindings: "deliverability",
  conversations: "conversations",
  conversationMails: "conversations",
  answers: "conversations",
  mailboxMessages: "mail",
  receivedMails: "inbound",
  imapMailboxes: "inbound",
  imapCursors: "inbound",
  inboundWebhooks: "inbound",
  inboundWebhookTokens: "inbound",
  jobs: "jobs",
  idempotentRequests: "http",
  deedsLately: "http",
};

const moduleOf = (path: string) => /^src\/([^/]+)\//.exec(path)?.[1];

function importsOf(path: string): string[] {
  return [...text(path).matchAll(/from "(\.[^"]+)"/g)].map(([, target]) =>
    relative(root, join(root, dirname(path), target ?? "")),
  );
}

/** Asserts that no file breaks a rule, and that there were files to look at. */
function none(files: readonly string[], broken: (path: string) => readonly string[]): void {
  expect(files.length).toBeGreaterThan(0);
  expect(files.flatMap((path) => broken(path).map((what) => `${path}: ${what}`))).toEqual([]);
}

const matches = (pattern: RegExp) => (path: string) => [...text(path).matchAll(pattern)].map(([what]) => what);

describe("the architecture", () => {
  it("modules import in one direction", () => {
    none(
      product.filter((path) => order.includes(moduleOf(path) ?? "")),
      (path) =>
        importsOf(path).filter((target) => {
          const [own, other] = [order.indexOf(moduleOf(path) ?? ""), order.indexOf(moduleOf(target) ?? "")];
          return other > own;
        }),
    );
  });

  it("modules knock at each other's front door, never at a store", () => {
    none(sources, (path) =>
      importsOf(path).filter((target) => /\/[\w-]*store\.ts$/.test(target) && moduleOf(target) !== moduleOf(path)),
    );
  });

  it("core decides and touches nothing: no database, network, clock or chance", () => {
    // A parser of bytes, or a check of data, is as pure as what calls it.
    const pure = ["node:crypto", "node:url", "node:buffer", "postal-mime", "zod"];
    none(
      product.filter((path) => path.startsWith("src/core/")),
      (path) => [
        ...importsOf(path).filter((target) => moduleOf(target) !== "core"),
        ...[...text(path).matchAll(/from "([^."][^"]*)"/g)]
          .map(([, name]) => name ?? "")
          .filter((name) => !pure.includes(name)),
        ...matches(/Math\.random|randomBytes|randomUUID|setTimeout|fetch\(/g)(path),
      ],
    );
  });

  it("contracts are data: they import zod, other contracts and core alone, so that the browser may read them", () => {
    none(
      product.filter((path) => path.endsWith("/api.ts")),
      (path) => importsOf(path).filter((target) => !/\/api\.ts$|^src\/core\/|^src\/http\/contract\.ts$/.test(target)),
    );
  });

  it("only config.ts reads the environment", () => {
    none(
      product.filter((path) => path !== "src/config.ts"),
      matches(/process\.env\b/g),
    );
  });

  it("nobody reads the time but the clock", () => {
    none(
      product.filter((path) => path !== "src/clock.ts"),
      matches(/new Date\(\)|Date\.now\(|Temporal\.Now\b/g),
    );
  });

  it("a module writes its own tables only", () => {
    none(product, (path) =>
      [...text(path).matchAll(/\b(?:insertInto|updateTable|deleteFrom)\("(\w+)/g)]
        .map(([, table]) => table ?? "")
        .filter((table) => owners[table] !== undefined && owners[table] !== moduleOf(path)),
    );
  });

  it("there are no drawers for everything", () => {
    none(sources, (path) => (/\b(?:utils?|helpers?|services?|types|index|misc|common)\.ts$/.test(path) ? [path] : []));
  });

  it("every file opens by saying what it is", () => {
    none(product, (path) => (/^(?:#!.*\n)?\/\*\*/.test(text(path)) ? [] : ["no opening comment"]));
  });

  it("no test is left out or alone", () => {
    none(
      tracked.filter((path) => path.endsWith(".test.ts") && path !== "test/tidy.test.ts"),
      matches(/\b(?:it|test|describe)\.(?:skip|only|todo|fails)\b|\bx(?:it|describe)\(/g),
    );
  });

  it("the lock file names no registry", () => {
    none(["package-lock.json"], matches(/"resolved":/g));
  });

  it("the lock file knows every optional package, so that npm ci takes it on any machine", () => {
    type Lock = { packages: Record<string, { optionalDependencies?: Record<string, string> }> };
    const { packages } = JSON.parse(text("package-lock.json")) as Lock;
    const wanted = Object.values(packages).flatMap((one) => Object.keys(one.optionalDependencies ?? {}));
    expect(wanted.length).toBeGreaterThan(0);
    const known = new Set(Object.keys(packages).map((path) => path.slice(path.lastIndexOf("node_modules/") + 13)));
    expect(wanted.filter((name) => !known.has(name))).toEqual([]);
  });

  it("migrations are numbered without gaps", () => {
    const numbers = tracked.flatMap((path) => /^src\/db\/migrations\/(\d{4})_[a-z0-9_]+\.sql$/.exec(path)?.[1] ?? []);
    expect(numbers.length).toBeGreaterThan(0);
    expect(numbers.map(Number)).toEqual(numbers.map((_, index) => index + 1));
  });
});
