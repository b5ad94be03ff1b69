/** The tables as TypeScript sees them (camelCase, Temporal); migrations/*.sql say what they are. Holds no logic. */
import type { ColumnType, Generated, JSONColumnType } from "kysely";
import type { AccountChoice } from "../core/account-choice.ts";
import type { HoldReason } from "../core/continuity.ts";
import type { StartedBy, StartKind, Way } from "../core/automatic-start.ts";
import type { Condition } from "../core/conditions.ts";
import type { DkimAlgorithm, Signed } from "../core/dkim.ts";
import type { InboundEvent } from "../core/inbound/event.ts";
import type { InboundKind, Verdict } from "../core/inbound/classify.ts";
import type { Provider } from "../core/inbound/provider-events.ts";
import type { Measuring } from "../core/person.ts";
import type { Ledger } from "../core/rates.ts";
import type { Measured, Tracking } from "../core/tracked-content.ts";
import type { Letter, VariantDecision, VariantFigures, Variants, WinnerRule } from "../core/variants.ts";
import type { CampaignTiming, FrequencyCap, OwnHoliday, QuietText, StepTimingText } from "../core/timing.ts";

type Instant = Temporal.Instant;
type Defaulted<Type> = ColumnType<Type, Type | undefined, Type>;
type Fixed<Type> = ColumnType<Type, never, never>;
/** jsonb: read as the value, written as JSON text. */
type Json<Type extends object | null> = JSONColumnType<Type, string | null | undefined, string | null>;

export type Role = "administrator" | "manager" | "user" | "viewer";
export type PersonKind = "lead" | "contact";
export type Attributes = Record<string, string | number | boolean | null>;
export type SuppressionScope = "campaign" | "campaigns" | "everything";
export type SuppressionReason =
  | "unsubscribed"
  | "hard-bounce"
  | "soft-bounces"
  | "complaint"
  | "do-not-contact"
  | "manual"
  | "imported"
  | "erased";
export type EmailCampaignStatus = "Scheduled" | "In Progress" | "Completed" | "Unsubscribed" | "Stopped" | "Paused";
export type StopReason =
  | "replied"
  | "bounced"
  | "complained"
  | "converted"
  | "cancelled"
  | "erased"
  | "do-not-contact"
  | "condition";
export type MessageState =
  | "planned"
  | "claimed"
  | "in_data"
  | "accepted"
  | "deferred"
  | "refused"
  | "unknown"
  | "skipped";
export type ContentFormat = "html" | "mjml" | "markdown" | "blocks";
export type FieldType = "text" | "number" | "boolean" | "date" | "url" | "choice";
export type EntryKind =
  | "unsubscribed"
  | "resubscribed"
  | "note"
  | "status"
  | "bounce"
  | "complaint"
  | "reply"
  | "answer"
  | "auto-reply"
  | "converted"
  | "opened"
  | "clicked"
  | "suppressed"
  | "event"
  | "measuring";

export type EngagementKind = "opened" | "clicked";

/** How received mail comes in. */
export type InboundWay = "imap" | "smtp" | "upload" | "webhook" | "command-line";

/** What a message's bytes are made of besides its content version; erased with the person. */
export type Composed = {
  variables: Record<string, unknown>;
  from: { name: string | null; address: string };
  replyTo: { name: string | null; address: string } | null;
  toName: string | null;
  date: string;
  boundary: string;
  unsubscribeUrl: string;
  unsubscribeMailto: string | null;
  listLabel: string;
  /** What is measured in it; absent when nothing is. */
  tracking?: Tracking;
  /** The DKIM signatures it left with; absent when it left without. */
  signed?: Signed;
};

/** What a draft holds, as the contract of Campaigns has it: rows of steps, and the settings beside them. */
export type DraftContent = { steps: Record<string, unknown>[]; settings: Record<string, unknown> };

/** One thing a check of a sending domain looked at. `ok` is null where nothing can be said. */
export type DomainCheck = {
  check: "dkim" | "spf" | "dmarc" | "alignment" | "mx" | "ptr";
  ok: boolean | null;
  found: string | null;
  text: string;
  todo: string | null;
};

type Limits = {
  maxPerSecond: number | null;
  maxPerMinute: number | null;
  maxPerHour: number | null;
  maxPerDay: number | null;
};
/** How a workspace's mails made of blocks look: colours, fonts, corners, and its logo. */
export type Brand = {
  primary: string;
  background: string;
  surface: string;
  text: string;
  headingFont: string;
  bodyFont: string;
  cornerRadius: number;
  logo: { src: string; alt: string } | null;
};
type Stamps = { createdAt: Instant; changedAt: Instant };
type Id = Generated<number>;

export type Tables = {
  workspace: {
    id: Generated<number>;
    name: Defaulted<string>;
    timeZone: Defaulted<string>;
    language: Defaulted<string>;
    postalAddress: string | null;
    timeOfDay: Defaulted<Temporal.PlainTime>;
    expiresAfterDays: Defaulted<number>;
    burstGuard: Defaulted<number>;
    approvalBeforePublishing: Defaulted<boolean>;
    trackOpens: Defaulted<boolean>;
    trackClicks: Defaulted<boolean>;
    brand: Json<Brand | null>;
    /** Months the bytes of sent mail are kept; null: for ever. */
    keepContentsMonths: number | null;
    country: string | null;
    ownHolidays: Json<readonly OwnHoliday[]>;
    quietHours: Json<QuietText | null>;
    frequencyCap: Json<FrequencyCap | null>;
    setUpAt: Instant | null;
    changedAt: Instant | null;
  };
  deedsLately: { deed: string; caller: string; moments: Json<number[]> };
  numberSeries: { series: string; lastNumber: number };
  users: {
    id: Id;
    name: string;
    email: string;
    emailKey: string;
    role: Role;
    disabledAt: Instant | null;
    language: Defaulted<string>;
    lastSignInAt: Instant | null;
  } & Stamps;
  userSecrets: {
    userId: number;
    passwordHash: string | null;
    totpSecretEncrypted: string | null;
    totpConfirmedAt: Instant | null;
    totpLastStep: number | null;
    changedAt: Instant;
  };
  recoveryCodes: { userId: number; codeHash: Buffer; usedAt: Instant | null };
  sessions: {
    id: Id;
    tokenHash: Buffer;
    userId: number;
    role: Role;
    method: "password" | "password-and-code" | "passkey" | "link";
    userAgent: string | null;
    ip: string | null;
    createdAt: Instant;
    lastSeenAt: Instant;
    expiresAt: Instant;
  };
  passkeys: {
    id: Id;
    userId: number;
    credentialId: string;
    publicKey: Buffer;
    counter: number;
    transports: string[];
    name: string;
    createdAt: Instant;
    lastUsedAt: Instant | null;
  };
  passkeyChallenges: { challengeHash: Buffer; userId: number | null; expiresAt: Instant };
  signInLinks: {
    id: Id;
    tokenHash: Buffer;
    purpose: "password-reset" | "invitation";
    userId: number | null;
    email: string;
    name: string | null;
    role: Role | null;
    createdBy: string | null;
    createdAt: Instant;
    expiresAt: Instant;
    usedAt: Instant | null;
  };
  signInAttempts: { key: string; count: number; since: Instant; lockedUntil: Instant | null };
  setupLinks: { tokenHash: Buffer; createdAt: Instant; usedAt: Instant | null };
  apiKeys: {
    id: Id;
    name: string;
    userId: number | null;
    role: Role;
    scopes: Defaulted<string[]>;
    keyHash: Buffer;
    prefix: string;
    createdAt: Instant;
    lastUsedAt: Instant | null;
    revokedAt: Instant | null;
  };
  emailAccounts: {
    id: Id;
    name: string;
    nameKey: Fixed<string>;
    kind: Defaulted<"smtp" | "mailbox">;
    email: string | null;
    smtpHost: string | null;
    smtpPort: number | null;
    smtpSecurity: "tls" | "starttls" | "none" | null;
    smtpUser: string | null;
    smtpPasswordEncrypted: string | null;
    connections: Defaulted<number>;
    forceAddress: Defaulted<boolean>;
    forceName: Defaulted<boolean>;
    holdUnknown: Defaulted<boolean>;
    isDefault: Defaulted<boolean>;
    pausedAt: Instant | null;
    pausedReason: string | null;
    resumesByHand: Defaulted<boolean>;
    rampFromPerDay: number | null;
    rampDays: number | null;
    rampStartedAt: Instant | null;
    imapHost: string | null;
    imapPort: number | null;
    imapSecurity: "tls" | "starttls" | "none" | null;
    imapAuth: Defaulted<"password" | "oauth2">;
    imapUser: string | null;
    imapPasswordEncrypted: string | null;
    imapFolders: Defaulted<string[]>;
    oauthTokenUrl: string | null;
    oauthClientId: string | null;
    oauthClientSecretEncrypted: string | null;
    oauthRefreshTokenEncrypted: string | null;
    oauthScope: string | null;
    smtpAuth: Defaulted<"password" | "oauth2">;
    chunking: Defaulted<"auto" | "always" | "never">;
    chunkingWindow: Defaulted<number>;
    reportsNotify: Defaulted<("failure" | "delay" | "success" | "never")[]>;
    reportsReturn: Defaulted<"headers" | "full">;
    bounceDomain: string | null;
    plusAddressing: Defaulted<boolean>;
  } & Limits &
    Stamps;
  imapMailboxes: {
    mailbox: string;
    emailAccountId: number | null;
    claimedBy: string | null;
    claimedUntil: Instant | null;
    state: Defaulted<"waiting" | "connecting" | "watching" | "failed">;
    trouble: string | null;
    todo: string | null;
    failures: Defaulted<number>;
    nextTryAt: Instant | null;
    connectedAt: Instant | null;
    lookedAt: Instant | null;
    changedAt: Instant;
  };
  imapCursors: { mailbox: string; folder: string; uidValidity: number; lastUid: number; changedAt: Instant };
  inboundWebhooks: {
    id: Id;
    name: string;
    provider: Provider;
    pathKey: string;
    secretEncrypted: string | null;
    formerSecretEncrypted: string | null;
    formerSecretUntil: Instant | null;
    topic: string | null;
    confirmedAt: Instant | null;
    lastEventAt: Instant | null;
    lastRefusedAt: Instant | null;
    lastRefusal: string | null;
  } & Stamps;
  inboundWebhookTokens: { webhookId: number; tokenHash: Buffer; bodyHash: Buffer; usedAt: Instant };
  receivedMails: {
    id: Id;
    way: InboundWay;
    emailAccountId: number | null;
    dedupeKey: string;
    folder: string | null;
    uidValidity: number | null;
    uid: number | null;
    envelopeFrom: string | null;
    envelopeTo: string | null;
    raw: Buffer | null;
    event: Json<InboundEvent | null>;
    receivedAt: Instant;
    state: Defaulted<"stored" | "handled" | "set-aside">;
    attempts: Defaulted<number>;
    claimedUntil: Instant | null;
    error: string | null;
    handledAt: Instant | null;
    kind: InboundKind | null;
    verdict: Json<Verdict[] | null>;
    personId: number | null;
    emailCampaignId: number | null;
    messageId: number | null;
  };
  recipientDomains: {
    id: Id;
    domain: string;
    restsUntil: Instant | null;
    restsReason: string | null;
  } & Limits &
    Stamps;
  rateLedger: { key: string; counts: Json<Ledger> };
  sendingDomains: {
    id: Id;
    domain: string;
    mode: "sign" | "relay-signs" | "off";
    checkedAt: Instant | null;
    checks: Json<DomainCheck[]>;
  } & Stamps;
  sendingDomainKeys: {
    id: Id;
    sendingDomainId: number;
    selector: string;
    algorithm: DkimAlgorithm;
    state: "new" | "signing" | "retired";
    publicKey: string;
    privateKeyEncrypted: string;
    publishedAt: Instant | null;
  } & Stamps;
  senders: {
    id: Id;
    userId: number | null;
    name: string;
    email: string;
    emailKey: string;
    replyTo: string | null;
    signatureHtml: string | null;
    signatureText: string | null;
    emailAccountId: number | null;
    accountChoice: Defaulted<AccountChoice>;
    accountWeight: Defaulted<number>;
    disabledAt: Instant | null;
  } & Stamps;
  senderEmailAccounts: { senderId: number; emailAccountId: number; position: number; weight: Defaulted<number> };
  personFields: {
    id: Id;
    key: string;
    label: string;
    type: FieldType;
    choices: Json<string[] | null>;
    createdAt: Instant;
  };
  people: {
    id: Id;
    kind: PersonKind;
    salutation: string | null;
    firstName: string | null;
    middleName: string | null;
    lastName: string | null;
    fullName: string;
    email: string | null;
    emailKey: string | null;
    company: string | null;
    jobTitle: string | null;
    phone: string | null;
    mobile: string | null;
    website: string | null;
    city: string | null;
    state: string | null;
    country: string | null;
    source: string | null;
    status: string;
    owner: string | null;
    ownerId: number | null;
    language: string | null;
    timeZone: string | null;
    notes: string | null;
    attributes: ColumnType<Attributes, string | undefined, string>;
    measuring: Defaulted<Measuring>;
    /** When the person said never themself. */
    measuringRefusedAt: Instant | null;
    disabledAt: Instant | null;
    erasedAt: Instant | null;
    /** Null: it was not noted. */
    cameBy: Defaulted<Way | null>;
  } & Stamps;
  personAddresses: { id: Id; personId: number; email: string; emailKey: string };
  mergedPeople: { formerId: number; personId: number; mergedBy: string; mergedAt: Instant };
  sampleItems: {
    kind: "campaign" | "email-template" | "email-group" | "person" | "sender";
    itemId: number;
    position: number;
    createdAt: Instant;
  };
  emailGroups: {
    id: Id;
    ownerId: Defaulted<number | null>;
    title: string;
    titleKey: Fixed<string>;
    description: string | null;
  } & Stamps;
  emailGroupMembers: {
    emailGroupId: number;
    personId: number;
    joinedAt: Instant;
    unsubscribedAt: Instant | null;
  };
  suppressions: {
    id: Id;
    emailKey: string | null;
    emailHash: Buffer | null;
    scope: SuppressionScope;
    campaignId: number | null;
    reason: SuppressionReason;
    origin: string | null;
    personId: number | null;
    createdAt: Instant;
    liftedAt: Instant | null;
    liftedBy: string | null;
  };
  emailTemplates: {
    id: Id;
    ownerId: Defaulted<number | null>;
    name: string;
    nameKey: Fixed<string>;
    currentVersionId: number | null;
  } & Stamps;
  savedBlocks: {
    id: Id;
    name: string;
    nameKey: Generated<string>;
    blocks: Json<object[]>;
    createdBy: string | null;
  } & Stamps;
  images: {
    id: Id;
    name: string;
    alt: string;
    hash: string;
    extension: "png" | "jpg" | "gif";
    width: number;
    height: number;
    sizeBytes: number;
    createdBy: string | null;
  } & Stamps;
  contentVersions: {
    id: Id;
    emailTemplateId: number;
    number: number;
    format: ContentFormat;
    subject: string;
    preheader: string | null;
    body: string;
    text: string | null;
    compiledSubject: string;
    compiledHtml: string;
    compiledText: string;
    variables: ColumnType<string[], string, never>;
    general: boolean;
    contentHash: Buffer;
    createdBy: string | null;
    createdAt: Instant;
  };
  campaigns: {
    id: Id;
    ownerId: Defaulted<number | null>;
    name: string;
    nameKey: Fixed<string>;
    description: string | null;
    timeOfDay: Temporal.PlainTime | null;
    expiresAfterDays: number | null;
    evergreen: Defaulted<boolean>;
    pauseKind: "hold" | "freeze" | null;
    pausedAt: Instant | null;
    pausedBy: string | null;
    resumedAt: Instant | null;
    stopOnReply: Defaulted<boolean>;
    stopCompanyOnReply: Defaulted<boolean>;
    waitForReturn: Defaulted<boolean>;
    /** Null: as the workspace has it. */
    trackOpens: Defaulted<boolean | null>;
    trackClicks: Defaulted<boolean | null>;
    timing: Json<CampaignTiming | null>;
    stopIf: Json<Condition | null>;
    goal: Json<Condition | null>;
    pausedReason: string | null;
    createdBy: string | null;
  } & Stamps;
  scheduleVersions: {
    id: Id;
    campaignId: number;
    number: number;
    campaign: Json<Record<string, unknown>>;
    steps: Json<Record<string, unknown>[]>;
    publishedAt: Instant;
    publishedBy: string;
    choice: "everyone" | "new-only" | "stop" | null;
  };
  campaignDrafts: {
    campaignId: number;
    content: Json<DraftContent>;
    base: Json<DraftContent>;
    changedBy: string;
    approvalAskedBy: string | null;
    approvalAskedById: number | null;
    approvalAskedAt: Instant | null;
    approvedBy: string | null;
    approvedAt: Instant | null;
  } & Stamps;
  conditionFindings: {
    emailCampaignId: number;
    stepId: number;
    asked: "only-if" | "stop-if" | "goal";
    condition: Json<Condition>;
    answers: Json<readonly boolean[]>;
    foundAt: Instant;
  };
  automaticStarts: {
    campaignId: number;
    senderId: number | null;
    again: Defaulted<"never" | "after-end">;
    againAfterDays: Defaulted<number>;
    /** Null: nobody is asked. */
    askAbove: Defaulted<number | null>;
    changedAt: Instant;
  };
  startRules: {
    id: Id;
    campaignId: number;
    kind: StartKind;
    emailGroupId: number | null;
    condition: Json<Condition | null>;
    ways: Way[] | null;
    isOn: boolean;
    /** Its place among the rules of the Campaign, from 0. */
    position: Defaulted<number>;
    createdAt: Instant;
  };
  startRuleMatches: { startRuleId: number; personId: number };
  pendingStarts: {
    id: Id;
    startRuleId: number;
    personId: number;
    state: Defaulted<"new" | "asking" | "agreed">;
  };
  startRefusals: { startRuleId: number; personId: number; reason: string; refusedAt: Instant };
  pendingFacts: {
    id: Id;
    personId: number;
    kind: "changed" | "joined" | "left" | "replied" | "engaged" | "campaign" | "event";
    emailGroupId: number | null;
  };
  fileKeys: { kind: "campaign" | "step" | "email-template"; key: string; itemId: number };
  backfills: {
    emailCampaignId: number;
    stepId: number;
    dueAt: Instant;
    madeBy: string;
    madeAt: Instant;
  };
  steps: {
    id: Id;
    campaignId: number;
    position: number;
    emailTemplateId: number;
    sendAfterDays: number;
    timeOfDay: Temporal.PlainTime | null;
    expiresAfterDays: number | null;
    timing: Json<StepTimingText | null>;
    onlyIf: Json<Condition | null>;
    stopIf: Json<Condition | null>;
    variants: Json<Variants | null>;
    addedAt: Instant;
    removedAt: Instant | null;
  };
  emailCampaigns: {
    id: Id;
    ownerId: Defaulted<number | null>;
    number: string;
    campaignId: number;
    personId: number;
    senderId: number | null;
    batchId: number | null;
    emailGroupId: number | null;
    restartedFromId: number | null;
    startOn: Temporal.PlainDate;
    endOn: Temporal.PlainDate;
    status: EmailCampaignStatus;
    stopReason: StopReason | null;
    nextDueAt: Instant | null;
    scheduleVersionId: number | null;
    shiftedDays: Defaulted<number>;
    waitsUntil: Temporal.PlainDate | null;
    /** The rule that started it; null: somebody did. */
    startedBy: Json<StartedBy | null>;
    createdBy: string | null;
    finishedAt: Instant | null;
  } & Stamps;
  variantDecisions: {
    id: Id;
    stepId: number;
    outcome: VariantDecision["outcome"];
    winner: Letter | null;
    templates: Json<VariantDecision["templates"]>;
    rule: Json<WinnerRule | null>;
    figures: Json<readonly VariantFigures[]>;
    decidedAt: Instant;
    /** Null: by the rule. */
    decidedBy: string | null;
    takenBackAt: Instant | null;
    takenBackBy: string | null;
  };
  messages: {
    id: Id;
    emailCampaignId: number;
    stepId: number;
    personId: number;
    campaignId: number;
    state: MessageState;
    reason: string | null;
    dueAt: Instant;
    plannedAt: Instant;
    plannedOn: Temporal.PlainDate;
    openUntil: Instant | null;
    contentVersionId: number | null;
    emailAccountId: number | null;
    address: string | null;
    messageId: string | null;
    attempts: Defaulted<number>;
    nextAttemptAt: Instant | null;
    claimedBy: string | null;
    claimedUntil: Instant | null;
    fence: Defaulted<number>;
    firstAttemptAt: Instant | null;
    finishedAt: Instant | null;
    replyCode: number | null;
    replyEnhanced: string | null;
    replyText: string | null;
    bouncedAt: Instant | null;
    bounceReason: string | null;
    complainedAt: Instant | null;
    plannedVariant: Letter | null;
    variant: Letter | null;
    /** Of one that was accepted; null: nothing was. */
    measured: Measured | null;
    /** The state, once it is final; kept by the database. */
    outcome: ColumnType<"accepted" | "refused" | "skipped" | null, never, never>;
  };
  /** By the month: what the bytes of a message are made of. */
  messageContents: {
    messageId: number;
    madeOn: Temporal.PlainDate;
    composed: ColumnType<Composed, string, string>;
  };
  softBounces: { emailKey: string; points: number; countedAt: Instant };
  deliveryAttempts: {
    id: Id;
    messageId: number;
    attempt: number;
    at: Instant;
    outcome: string;
    stage: string | null;
    replyCode: number | null;
    replyEnhanced: string | null;
    replyText: string | null;
  };
  timelineEntries: {
    id: Id;
    personId: number;
    emailCampaignId: number | null;
    kind: EntryKind;
    subject: string;
    detail: ColumnType<Record<string, unknown>, string | undefined, string>;
    at: Instant;
    /** Of the kind `event` alone. */
    eventId: Defaulted<number | null>;
  };
  events: {
    id: Id;
    personId: number;
    name: string;
    happenedAt: Instant;
    receivedAt: Instant;
    /** The caller's own id for it; null: they gave none. */
    externalId: string | null;
    properties: Json<Record<string, string | number | boolean>>;
  };
  eventNames: { name: string; firstAt: Instant };
  engagements: {
    id: Id;
    messageId: number;
    emailCampaignId: number | null;
    personId: number;
    campaignId: number | null;
    stepId: number | null;
    kind: EngagementKind;
    /** The address as its author wrote it; null when opened. */
    link: string | null;
    happenedAt: Instant;
    /** By a scanner, a prefetcher or a privacy proxy. */
    automatic: Defaulted<boolean>;
  };
  deliverabilityHours: {
    hour: Instant;
    emailAccountId: number;
    campaignId: number;
    mails: Defaulted<number>;
    bounced: Defaulted<number>;
    complained: Defaulted<number>;
  };
  deliverabilityDays: {
    day: Temporal.PlainDate;
    domain: string;
    accepted: Defaulted<number>;
    deferred: Defaulted<number>;
    refused: Defaulted<number>;
    bounced: Defaulted<number>;
    complained: Defaulted<number>;
  };
  deliverabilityMark: { one: Defaulted<boolean>; countedUntil: Instant };
  guardFindings: {
    subject: string;
    level: "warn" | "pause" | null;
    about: "bounced" | "complained" | null;
    text: string | null;
    foundAt: Instant;
    countedFrom: Instant | null;
  };
  conversations: {
    id: Id;
    personId: number;
    emailCampaignId: number | null;
    subject: string;
    state: Defaulted<"open" | "done">;
    assignedTo: number | null;
    openedAt: Instant;
    lastReceivedAt: Instant;
    lastAnsweredAt: Instant | null;
    seenAt: Instant | null;
    doneAt: Instant | null;
    doneBy: string | null;
    notifyAt: Instant | null;
  };
  conversationMails: {
    id: Id;
    conversationId: number;
    receivedMailId: number | null;
    fromName: string | null;
    fromAddress: string | null;
    subject: string;
    text: string;
    messageIdHeader: string | null;
    referenceIds: Defaulted<string[]>;
    receivedAt: Instant;
  };
  answers: {
    id: Id;
    conversationId: number;
    writtenBy: string;
    userId: number | null;
    senderId: number | null;
    toAddress: string | null;
    subject: string;
    text: string;
    messageIdHeader: string;
    bytes: Buffer | null;
    envelopeFrom: string | null;
    state: Defaulted<"planned" | "in_data" | "accepted" | "deferred" | "refused" | "unknown">;
    reason: string | null;
    reply: string | null;
    attempts: Defaulted<number>;
    nextAttemptAt: Instant | null;
    claimedUntil: Instant | null;
    fence: Defaulted<number>;
    firstAttemptAt: Instant | null;
    createdAt: Instant;
    finishedAt: Instant | null;
  };
  continuity: {
    id: Id;
    installation: string;
    pulse: number;
    aliveAt: Instant | null;
    place: string | null;
    timeline: number | null;
    heldAt: Instant | null;
    heldReason: HoldReason | null;
    heldSince: Instant | null;
  };
  mailboxMessages: {
    id: Id;
    messageId: number | null;
    envelopeFrom: string;
    envelopeTo: string;
    subject: string;
    bytes: Buffer;
    receivedAt: Instant;
  };
  auditEntries: {
    id: Id;
    at: Instant;
    actor: string;
    action: string;
    subjectType: string;
    subjectId: string;
    before: Json<Record<string, unknown> | null>;
    after: Json<Record<string, unknown> | null>;
  };
  jobs: {
    id: Id;
    kind: string;
    state: "queued" | "running" | "succeeded" | "failed";
    done: Defaulted<number>;
    total: number | null;
    input: ColumnType<Record<string, unknown>, string | undefined, string>;
    result: Json<Record<string, unknown> | null>;
    error: string | null;
    attempt: Defaulted<number>;
    heartbeatAt: Instant | null;
    createdBy: string | null;
    createdAt: Instant;
    startedAt: Instant | null;
    finishedAt: Instant | null;
  };
  idempotentRequests: {
    key: string;
    actor: string;
    requestHash: Buffer;
    status: number | null;
    body: string | null;
    createdAt: Instant;
  };
};
