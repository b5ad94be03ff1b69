/** What starts a Campaign by itself as its file has it: groups, fields, Campaigns and the sender by their names. Starts nobody. */
import { z } from "zod";
import { findSender, findSenderByEmail } from "../accounts/accounts.ts";
import type { Acting } from "../accounts/ownership.ts";
import { type AutomaticStartInput, MAX_RULES, startSettings } from "../automatic-starts/api.ts";
import * as automaticStarts from "../automatic-starts/automatic-starts.ts";
import { writtenCondition } from "../campaigns/campaign-file.ts";
import type { Writer } from "../campaigns/written-conditions.ts";
import { type Way, WAYS } from "../core/automatic-start.ts";
import { parseAddress } from "../core/address.ts";
import { Refusal, refuse } from "../core/problem.ts";
import type { Db, Tx } from "../db/database.ts";
import * as emailGroups from "../email-groups/email-groups.ts";
import { line } from "../http/contract.ts";

/** One rule: what it waits for stands under its kind. */
const ruleInFile = z
  .strictObject({
    joined: line().optional(),
    matches: writtenCondition.optional(),
    created: z.array(z.enum(WAYS)).min(1).optional(),
    on: z.boolean().default(true),
  })
  .refine(
    ({ joined, matches, created }) => [joined, matches, created].filter((one) => one !== undefined).length === 1,
    "A rule waits for one thing: `joined` a group, `matches` a condition, or `created` by some ways.",
  );
type RuleInFile = z.output<typeof ruleInFile>;

/** What is left out is as it is by default, but for the rules: to have none is said by an empty list. */
export const automaticStartInFile = z
  .object(startSettings)
  .omit({ senderId: true })
  .extend({
    sender: z
      .string()
      .refine((text) => "key" in parseAddress(text), "Name a sender by its address.")
      .nullable()
      .default(null),
    rules: z.array(ruleInFile).max(MAX_RULES),
  })
  .strict();
export type AutomaticStartInFile = z.output<typeof automaticStartInFile>;

const SETTINGS = ["sender", "again", "againAfterDays", "askAbove"] as const;
const DEFAULTS = automaticStartInFile.parse({ rules: [] });

/** What bringing a file changes of its Campaign's automatic start. */
export type StartChanges = {
  readonly rules: readonly {
    readonly change: "added" | "removed" | "switched-on" | "switched-off";
    readonly rule: RuleInFile;
    /** Of how many people it is so already: they are not started. Null where that is no question. */
    readonly alreadySo: number | null;
    /** Who waited for a yes and is forgotten. */
    readonly forgotten: number;
  }[];
  readonly reordered: boolean;
  readonly settings: readonly {
    readonly field: (typeof SETTINGS)[number];
    readonly before: string | number | null;
    readonly after: string | number | null;
  }[];
};

type Known = Awaited<ReturnType<typeof automaticStarts.get>>;
type KnownRule = Known["rules"][number];

/** As a file says it, in full. */
async function inFile(db: Db, known: Known, writer: Writer): Promise<AutomaticStartInFile> {
  const { senderId, again, againAfterDays, askAbove } = known;
  const sender = senderId === null ? null : (await findSender(db, senderId))!.email;
  return { sender, again, againAfterDays, askAbove, rules: known.rules.map((rule) => ruleOf(rule, writer)) };
}

function ruleOf({ emailGroupId, condition, ways, on }: KnownRule, writer: Writer): RuleInFile {
  if (emailGroupId !== null) return { joined: writer.groupName(emailGroupId), on };
  // No rule asks for a mail: nobody has had one before it starts.
  return condition ? { matches: writer.write(condition, String), on } : { created: waysOf(ways), on };
}

const waysOf = (ways: readonly Way[] | null) => automaticStarts.inOrder(ways) ?? [];

/** What the file of a Campaign has under `automaticStart`: what is as by default is left out, the rules never. */
export async function writtenStart(db: Db, campaignId: number, writer: Writer): Promise<Record<string, unknown>> {
  const whole = await inFile(db, await automaticStarts.get(db, campaignId), writer);
  const settings = SETTINGS.filter((field) => whole[field] !== DEFAULTS[field]).map((field) => [field, whole[field]]);
  const rules = whole.rules.map(({ on, ...rule }) => (on ? rule : { ...rule, on }));
  return { ...Object.fromEntries(settings), rules };
}

/** Where something under `automaticStart` stands in its file: `line 7: `. */
type Place = (path: readonly (string | number)[]) => string;

/**
 * Sets the rules as the file has them, by the same door and with the same checks as the API: they count from now, and
 * nobody of whom it is so already is started. A rule that waits for the same thing stays the rule it was.
 * @returns null: nothing differs.
 */
export async function bringStart(
  tx: Tx,
  campaignId: number,
  wanted: AutomaticStartInFile,
  { writer, place }: { readonly writer: Writer; readonly place: Place },
  actor: Acting,
  now: Temporal.Instant,
): Promise<StartChanges | null> {
  const known = await automaticStarts.get(tx, campaignId);
  const before = await inFile(tx, known, writer);
  const input = await inputOf(tx, wanted, known, { writer, place });
  const kept = input.rules.map(({ id }) => known.rules.find((rule) => rule.id === id));
  const reordered = isOutOfOrder(kept.flatMap((rule) => (rule ? known.rules.indexOf(rule) : [])));
  const sender = input.senderId === null ? null : (await findSender(tx, input.senderId))!.email;
  const settings = SETTINGS.map((field) => ({
    field,
    before: before[field],
    after: field === "sender" ? sender : wanted[field],
  })).filter(({ before: old, after }) => old !== after);
  const removed = known.rules.filter((rule) => !kept.includes(rule));
  const touched = input.rules.some(({ on }, at) => kept[at]?.on !== on);
  if (!touched && !reordered && removed.length + settings.length === 0) return null;

  const saved = await located(place, () => automaticStarts.save(tx, campaignId, input, actor, now));
  const rules: StartChanges["rules"][number][] = removed.map((rule) => ({
    change: "removed",
    rule: ruleOf(rule, writer),
    alreadySo: null,
    forgotten: rule.waiting,
  }));
  for (const [at, rule] of saved.rules.entries()) {
    const old = kept[at];
    if (old?.on === rule.on) continue;
    rules.push({
      change: old ? (rule.on ? "switched-on" : "switched-off") : "added",
      rule: ruleOf(rule, writer),
      alreadySo: rule.on ? await alreadySo(tx, rule) : null,
      forgotten: old?.waiting ?? 0,
    });
  }
  return { rules, reordered, settings };
}

async function alreadySo(tx: Tx, { kind, emailGroupId, matching }: KnownRule): Promise<number | null> {
  if (kind === "created") return null;
  return emailGroupId === null ? matching : (await emailGroups.get(tx, emailGroupId)).subscribed;
}

/** What the API would be given. */
async function inputOf(
  tx: Tx,
  { sender, rules, ...settings }: AutomaticStartInFile,
  known: Known,
  { writer, place }: { readonly writer: Writer; readonly place: Place },
): Promise<AutomaticStartInput> {
  const found = sender === null ? null : await findSenderByEmail(tx, sender);
  if (found === undefined) refuse("sender-not-found", `${place(["sender"])}There is no sender ${sender}.`);
  const free = [...known.rules];
  return { ...settings, senderId: found?.id ?? null, rules: rules.map((rule, at) => ruleInput(rule, at)) };

  function ruleInput(rule: RuleInFile, at: number): AutomaticStartInput["rules"][number] {
    const what = waitsFor(rule, at);
    // The same thing said otherwise is the same: conditions are compared by their words.
    const same = free.findIndex((one) => meant(ruleOf(one, writer)) === meant(ruleOf({ ...one, ...what }, writer)));
    const [old] = same === -1 ? [] : free.splice(same, 1);
    if (!old) return { ...what, on: rule.on };
    const { id, kind, emailGroupId, condition, ways } = old;
    return { id, kind, emailGroupId, condition, ways, on: rule.on };
  }

  function waitsFor({ joined, matches, created }: RuleInFile, at: number) {
    const nothing = { emailGroupId: null, condition: null, ways: null };
    if (joined !== undefined) {
      const emailGroupId = writer.groupNamed(joined);
      if (emailGroupId === null)
        refuse("email-group-not-found", `${place(["rules", at, "joined"])}There is no Email Group “${joined}”.`);
      return { ...nothing, kind: "joined" as const, emailGroupId };
    }
    if (matches === undefined) return { ...nothing, kind: "created" as const, ways: waysOf(created ?? null) };
    const path = ["rules", at, "matches"];
    const where = `${place(path)}automaticStart.${path.join(".")}`;
    return { ...nothing, kind: "matches" as const, condition: writer.read(matches, () => null, where) };
  }
}

const meant = ({ joined, matches, created }: RuleInFile) => JSON.stringify([joined, matches, created]);

const isOutOfOrder = (places: readonly number[]) => places.some((place, at) => at > 0 && place < places[at - 1]!);

/** What is refused names a rule by its number; here it gets the line. */
async function located<Result>(place: Place, work: () => Promise<Result>): Promise<Result> {
  try {
    return await work();
  } catch (error) {
    if (!(error instanceof Refusal)) throw error;
    const [, part, at] = /^\/(rules|senderId)(?:\/(\d+))?/.exec(error.faults[0]?.pointer ?? "") ?? [];
    const path = part === "rules" ? ["rules", Number(at)] : part === undefined ? [] : ["sender"];
    return refuse(error.code, place(path) + error.message);
  }
}
