/** Reads a condition from the English words it is written in. Refuses what it does not understand, with its place. */
import { type Condition, conditionSchema, type Leaf, type Operator, type Which } from "./conditions.ts";
import { type Status, STATUSES } from "./email-campaign.ts";

/** Which numbers the names in the text stand for; null: there is no such thing. */
export type Resolve = {
  readonly group: (name: string) => number | null;
  readonly campaign: (name: string) => number | null;
  readonly step: (name: string) => number | null;
};

/** Read, or what is wrong with it in one sentence. */
export type Parsed = { readonly condition: Condition } | { readonly problem: string };

/** `has not replied and (is in group "Customers" or plan is "gold")`. */
export function parseCondition(text: string, resolve: Resolve): Parsed {
  try {
    const reader = new Reader(tokensOf(text), resolve);
    const condition = reader.either();
    reader.end();
    const checked = conditionSchema.safeParse(condition);
    return checked.success ? { condition } : { problem: checked.error.issues[0]?.message ?? "It is no condition." };
  } catch (error) {
    if (error instanceof NotUnderstood) return { problem: error.message };
    throw error;
  }
}

class NotUnderstood extends Error {}

type Token = { readonly kind: "word" | "text" | "number" | "mark" | "end"; readonly text: string; readonly at: number };

const TOKEN =
  /\s*(?:(["“])((?:\\.|[^"“”\\])*)(["”])|(-?\d+(?:\.\d+)?(?:e[+-]?\d+)?)(?![\w])|([A-Za-z_][\w-]*)|([(),]))/uy;

function tokensOf(text: string): Token[] {
  const tokens: Token[] = [];
  TOKEN.lastIndex = 0;
  const end = text.trimEnd().length;
  while (TOKEN.lastIndex < end) {
    const at = TOKEN.lastIndex;
    const found = TOKEN.exec(text);
    if (!found)
      throw new NotUnderstood(`At character ${at + 1}: “${text.slice(at).trim().slice(0, 20)}” is not understood.`);
    const [, open, inner, , number, word, mark] = found;
    if (open) tokens.push({ kind: "text", text: (inner ?? "").replaceAll(/\\(.)/g, "$1"), at });
    else if (number) tokens.push({ kind: "number", text: number, at });
    else if (word) tokens.push({ kind: "word", text: word, at });
    else tokens.push({ kind: "mark", text: mark ?? "", at });
  }
  tokens.push({ kind: "end", text: "the end", at: end });
  return tokens;
}

/** What follows a field's name, longest first, and whether it says that it is not so. */
const COMPARISONS: readonly (readonly [string, Operator, boolean])[] = [
  ["is not filled in", "set", false],
  ["is filled in", "set", true],
  ["is not at least", "at-least", false],
  ["is at least", "at-least", true],
  ["is not at most", "at-most", false],
  ["is at most", "at-most", true],
  ["is not more than", "more-than", false],
  ["is more than", "more-than", true],
  ["is not less than", "less-than", false],
  ["is less than", "less-than", true],
  ["does not contain", "contains", false],
  ["contains", "contains", true],
  ["does not start with", "starts-with", false],
  ["starts with", "starts-with", true],
  ["is not", "is", false],
  ["is", "is", true],
];

class Reader {
  private readonly tokens: readonly Token[];
  private readonly resolve: Resolve;
  private next = 0;

  constructor(tokens: readonly Token[], resolve: Resolve) {
    this.tokens = tokens;
    this.resolve = resolve;
  }

  either(): Condition {
    const parts = [this.both()];
    while (this.eat("or")) parts.push(this.both());
    return parts.length === 1 ? parts[0]! : { any: parts };
  }

  end(): void {
    if (this.token().kind !== "end") this.wrong("“and” or “or”");
  }

  private both(): Condition {
    const parts = [this.one()];
    while (this.eat("and")) parts.push(this.one());
    return parts.length === 1 ? parts[0]! : { all: parts };
  }

  private one(): Condition {
    if (this.is("not") && this.tokens[this.next + 1]?.text === "(") {
      this.next += 1;
      return { not: this.one() };
    }
    if (this.mark("(")) {
      const inner = this.either();
      if (!this.mark(")")) this.wrong("“)”");
      return inner;
    }
    return this.thing();
  }

  private thing(): Condition {
    if (this.eat("has replied")) return { replied: true };
    if (this.eat("has not replied")) return { not: { replied: true } };
    for (const [so, begins] of [
      [true, "has opened"],
      [false, "has not opened"],
    ] as const)
      if (this.eat(begins)) return meant(so, { opened: this.which() });
    for (const [so, begins] of [
      [true, "has clicked"],
      [false, "has not clicked"],
    ] as const)
      if (this.eat(begins)) {
        const link = this.token().kind === "text" ? this.text("a link") : null;
        if (!this.eat("in")) this.wrong("“in any mail”");
        const clicked = this.which();
        return meant(so, link === null ? { clicked } : { clicked, link });
      }
    for (const [so, begins] of [
      [true, "has finished Campaign"],
      [false, "has not finished Campaign"],
    ] as const)
      if (this.eat(begins)) return meant(so, { finished: this.named("campaign") });
    for (const [so, begins] of [
      [true, "has had the event"],
      [false, "has not had the event"],
    ] as const)
      if (this.eat(begins)) return meant(so, this.event());
    for (const [so, begins] of [
      [true, "is in group"],
      [false, "is not in group"],
    ] as const)
      if (this.eat(begins)) return meant(so, { group: this.named("group") });
    for (const [so, begins] of [
      [true, "is in Campaign"],
      [false, "is not in Campaign"],
    ] as const)
      if (this.eat(begins)) {
        const campaign = this.named("campaign");
        if (!this.eat("with status")) this.wrong("“with status”");
        return meant(so, { campaign, statuses: this.list("a status").map(statusNamed) });
      }
    return this.field();
  }

  private event(): Leaf {
    const event = this.text("the name of an event").trim().toLowerCase();
    const times = this.eat("at least once") ? 1 : this.eat("at least") ? this.times() : null;
    const since = this.eat("since the start") ? ("start" as const) : null;
    return { event, ...(times === null ? {} : { times }), ...(since === null ? {} : { since }) };
  }

  private times(): number {
    const token = this.token();
    if (token.kind !== "number") this.wrong("how often, such as “2 times”");
    this.next += 1;
    if (!this.eat("times")) this.wrong("“times”");
    return Number(token.text);
  }

  private field(): Condition {
    const token = this.token();
    if (token.kind !== "word") this.wrong("what has to be so, such as “has replied” or a field and its value");
    this.next += 1;
    const field = token.text;
    if (this.eat("is one of")) return { field, op: "is", value: this.list("a value") };
    if (this.eat("is not one of")) return { not: { field, op: "is", value: this.list("a value") } };
    for (const [begins, op, so] of COMPARISONS)
      if (this.eat(begins)) return meant(so, op === "set" ? { field, op } : { field, op, value: this.value() });
    return this.wrong(`how “${field}” is compared: is, contains, is at least, is filled in`);
  }

  private value(): string | number | boolean {
    const token = this.token();
    if (token.kind === "text") return this.text("a value");
    if (token.kind === "number") {
      this.next += 1;
      return Number(token.text);
    }
    if (this.eat("yes")) return true;
    if (this.eat("no")) return false;
    return this.wrong("a value: text in quotation marks, a number, yes or no");
  }

  private which(): Which {
    if (this.eat("any mail")) return "any";
    if (this.eat("the mail before")) return "before";
    if (this.eat("the mail")) return this.named("step");
    return this.wrong("“any mail”, “the mail before” or “the mail” with its name");
  }

  private named(kind: keyof Resolve): number {
    const name = this.text(`the name of a ${kind}`);
    return this.resolve[kind](name) ?? refuse(`There is no ${KINDS[kind]} “${name}”.`);
  }

  private list(what: string): string[] {
    const values = [this.text(what)];
    while (this.mark(",")) values.push(this.text(what));
    return values;
  }

  private text(what: string): string {
    const token = this.token();
    if (token.kind !== "text") this.wrong(`${what} in quotation marks`);
    this.next += 1;
    return token.text;
  }

  private token(): Token {
    return this.tokens[this.next]!;
  }

  private is(word: string): boolean {
    const { kind, text } = this.token();
    return kind === "word" && text.toLowerCase() === word.toLowerCase();
  }

  /** Takes these words if they come next. */
  private eat(words: string): boolean {
    const from = this.next;
    for (const word of words.split(" ")) {
      if (!this.is(word)) {
        this.next = from;
        return false;
      }
      this.next += 1;
    }
    return true;
  }

  private mark(mark: string): boolean {
    const { kind, text } = this.token();
    if (kind !== "mark" || text !== mark) return false;
    this.next += 1;
    return true;
  }

  private wrong(expected: string): never {
    const { text, at } = this.token();
    return refuse(`At character ${at + 1}: expected ${expected}, and found “${text}”.`);
  }
}

const KINDS: Readonly<Record<keyof Resolve, string>> = {
  group: "Email Group",
  campaign: "Campaign",
  step: "mail of this Campaign",
};

const meant = (so: boolean, leaf: Leaf): Condition => (so ? leaf : { not: leaf });

function statusNamed(name: string): Status {
  return (
    STATUSES.find((status) => status === name) ?? refuse(`“${name}” is no status; there are: ${STATUSES.join(", ")}.`)
  );
}

function refuse(problem: string): never {
  throw new NotUnderstood(problem);
}
