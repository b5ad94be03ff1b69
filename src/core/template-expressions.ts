/** Reads the expressions of tags, with Jinja's precedence, and notes the variables they ask for. Evaluates nothing. */
import { FILTERS, SANDBOX_FILTERS } from "./template-filters.ts";
import { Mistake, type Token } from "./template-lexer.ts";
import { nearest } from "./template-names.ts";
import type { Argument, Comparison, Expression, Operator } from "./template-syntax.ts";
import { isForbidden } from "./template-values.ts";

/** A use of a variable while it is read: the path grows with each `.name`. */
type Use = { path: string[]; readonly at: number; hasDefault: boolean };

/** What is known while a template is read; the names in `scopes` are set by the template itself. */
export type Reading = {
  readonly scopes: Set<string>[];
  readonly uses: Use[];
  /** Good Jinja that only the sandbox renders. */
  readonly beyond: Mistake[];
};

/** Nesting of brackets; deeper is an attack. */
const MAX_DEPTH = 50;
const TESTS = new Set(["defined", "undefined", "none", "string", "number", "even", "odd"]);
const SANDBOX_TESTS = new Set(
  "boolean divisibleby endingwith eq equalto escaped false filter float ge gt greaterthan in integer iterable le lessthan lower lt mapping ne safe sameas sequence startingwith test true upper".split(
    " ",
  ),
);
const LITERALS: ReadonlyMap<string, unknown> = new Map<string, unknown>([
  ["true", true],
  ["True", true],
  ["false", false],
  ["False", false],
  ["none", null],
  ["None", null],
]);
const KEYWORDS = new Set(["and", "or", "not", "if", "else", "in", "is"]);
/** Functions that Jinja itself brings; only the sandbox has them. */
const FUNCTIONS = new Set(["range", "dict", "namespace"]);
const BEYOND: Expression = { kind: "beyond" };
/** What a loop tells about itself; the rest of Jinja's only in the sandbox. */
const LOOP = new Set(["index", "index0", "revindex", "revindex0", "first", "last", "length"]);

/** The words of one tag, read from left to right. */
export class ExpressionReader {
  readonly #tokens: readonly Token[];
  readonly #reading: Reading;
  #index: number;
  #depth = 0;

  constructor(tokens: readonly Token[], reading: Reading, index = 0) {
    this.#tokens = tokens;
    this.#reading = reading;
    this.#index = index;
  }

  get next(): Token {
    return this.#tokens[this.#index]!;
  }

  /** Steps over a word or sign if it comes next. */
  accept(text: string): boolean {
    const { kind } = this.next;
    if (this.next.text !== text || kind === "string" || kind === "end") return false;
    this.#index++;
    return true;
  }

  expect(text: string): void {
    if (!this.accept(text)) this.fail(`“${text}” is expected here, not ${shown(this.next)}.`);
  }

  name(): Token {
    if (this.next.kind !== "name" || KEYWORDS.has(this.next.text))
      this.fail(`A name is expected here, not ${shown(this.next)}.`);
    this.#permit(this.next);
    return this.#tokens[this.#index++]!;
  }

  end(): void {
    if (this.next.kind !== "end") this.fail(`${shown(this.next)} cannot stand here.`);
  }

  fail(message: string, at = this.next.at): never {
    throw new Mistake("syntax", at, message);
  }

  beyond(what: string, at: number): Expression {
    this.#reading.beyond.push(new Mistake("beyond-subset", at, `${what} needs the general renderer.`));
    return BEYOND;
  }

  expression(): Expression {
    if (++this.#depth > MAX_DEPTH) this.fail("This expression is nested too deeply.");
    const yes = this.#or();
    let read = yes;
    if (this.accept("if")) {
      const test = this.#or();
      const no: Expression = this.accept("else") ? this.expression() : { kind: "literal", value: undefined };
      read = { kind: "choice", test, yes, no };
    }
    this.#depth--;
    return read;
  }

  /** One level below a conditional, so that the `if` of a `for` is left to it. */
  condition(): Expression {
    return this.#or();
  }

  #or(): Expression {
    const first = this.#reading.uses.length;
    let left = this.#and();
    while (this.accept("or")) {
      // `{{ first_name or "there" }}`: what stands before an `or` need not be there.
      for (const use of this.#reading.uses.slice(first)) use.hasDefault = true;
      left = { kind: "or", left, right: this.#and() };
    }
    return left;
  }

  #and(): Expression {
    let left = this.#not();
    while (this.accept("and")) left = { kind: "and", left, right: this.#not() };
    return left;
  }

  #not(): Expression {
    if (!this.accept("not")) return this.#compare();
    return this.#nested(() => ({ kind: "not", operand: this.#not() }));
  }

  #compare(): Expression {
    const first = this.#sum();
    const rest: [Comparison, Expression][] = [];
    for (;;) {
      const operator = this.#comparison();
      if (!operator) break;
      rest.push([operator, this.#sum()]);
    }
    return rest.length === 0 ? first : { kind: "compare", first, rest };
  }

  #comparison(): Comparison | null {
    for (const sign of ["==", "!=", "<=", ">=", "<", ">", "in"] as const) if (this.accept(sign)) return sign;
    const { kind, text } = this.next;
    if (kind !== "name" || text !== "not" || this.#tokens[this.#index + 1]?.text !== "in") return null;
    this.#index += 2;
    return "not in";
  }

  #sum(): Expression {
    return this.#chain(["+", "-"], () => this.#concatenation());
  }

  // In Jinja “~” binds tighter than “+”.
  #concatenation(): Expression {
    return this.#chain(["~"], () => this.#product());
  }

  #product(): Expression {
    return this.#chain(["*", "/", "//", "%"], () => this.#unary());
  }

  #chain(operators: readonly Operator[], operand: () => Expression): Expression {
    let left = operand();
    for (;;) {
      const operator = operators.find((each) => this.accept(each));
      if (!operator) return left;
      left = { kind: "arithmetic", operator, left, right: operand() };
    }
  }

  #unary(): Expression {
    const first = this.#reading.uses.length;
    const operand = this.#signed();
    return this.#filtered(operand, first);
  }

  #signed(): Expression {
    if (this.accept("-")) return this.#nested(() => ({ kind: "minus", operand: this.#signed() }));
    if (this.accept("+")) return this.#nested(() => ({ kind: "plus", operand: this.#signed() }));
    const base = this.#postfix(this.#primary());
    if (!this.accept("**")) return base;
    this.beyond("A power", this.next.at);
    this.#nested(() => this.#signed());
    return BEYOND;
  }

  #nested<Result>(read: () => Result): Result {
    if (++this.#depth > MAX_DEPTH) this.fail("This expression is nested too deeply.");
    const result = read();
    this.#depth--;
    return result;
  }

  #primary(): Expression {
    const token = this.next;
    if (token.kind === "string" || token.kind === "number") {
      this.#index++;
      let value = token.value;
      // As in Python, texts side by side are one.
      while (token.kind === "string" && this.next.kind === "string")
        value = `${value}${this.#tokens[this.#index++]!.value}`;
      return { kind: "literal", value };
    }
    if (token.kind === "name" && LITERALS.has(token.text)) {
      this.#index++;
      return { kind: "literal", value: LITERALS.get(token.text) };
    }
    if (token.kind === "name") return this.#variable();
    if (this.accept("(")) return this.#bracketed(token.at);
    if (this.accept("[")) return { kind: "list", items: this.#items("]") };
    if (this.accept("{")) return this.#record(token.at);
    return this.fail(token.kind === "end" ? "Something is missing in this tag." : `${shown(token)} cannot stand here.`);
  }

  #variable(): Expression {
    const { text: name, at } = this.name();
    const local = this.#reading.scopes.some((scope) => scope.has(name));
    if (!local && this.next.text === "(" && this.next.kind === "sign" && FUNCTIONS.has(name)) return BEYOND;
    if (!local) this.#reading.uses.push({ path: [name], at, hasDefault: false });
    return { kind: "name", name, local };
  }

  #bracketed(at: number): Expression {
    const items = this.#items(")");
    const [only] = items;
    // `(a)` is a, `(a,)` and `(a, b)` are lists.
    if (items.length === 1 && this.#tokens[this.#index - 2]?.text !== ",") return only!;
    return items.length === 0 ? this.beyond("An empty tuple", at) : { kind: "list", items };
  }

  #items(close: string): Expression[] {
    const items: Expression[] = [];
    while (!this.accept(close)) {
      items.push(this.expression());
      if (!this.accept(",")) {
        this.expect(close);
        break;
      }
    }
    return items;
  }

  #record(at: number): Expression {
    while (!this.accept("}")) {
      this.expression();
      this.expect(":");
      this.expression();
      if (!this.accept(",")) {
        this.expect("}");
        break;
      }
    }
    return this.beyond("A record", at);
  }

  #postfix(base: Expression): Expression {
    let read = base;
    // The use this chain grows: only while every step is a plain name.
    let use = base.kind === "name" && !base.local ? this.#reading.uses.at(-1) : undefined;
    for (;;) {
      const { at } = this.next;
      if (this.accept(".")) {
        const key = this.next.kind === "number" ? this.#number() : this.#key(this.next);
        if (typeof key === "string") use?.path.push(key);
        if (isLoop(read) && !LOOP.has(String(key)) && this.next.text !== "(") read = this.beyond(`“loop.${key}”`, at);
        read = read === BEYOND ? BEYOND : { kind: "member", of: read, key: { kind: "literal", value: key } };
      } else if (this.accept("[")) {
        const named = this.next.kind === "string" && this.#tokens[this.#index + 1]?.text === "]";
        if (named) use?.path.push(this.#permit(this.next, String(this.next.value)));
        else use = undefined;
        const key = this.#subscript(at);
        read = key === BEYOND || read === BEYOND ? BEYOND : { kind: "member", of: read, key };
      } else if (this.next.text === "(" && this.next.kind === "sign") {
        // `doc.get("x")`: the method is not part of the path.
        use?.path.pop();
        if (use?.path.length === 0) this.#unknownFunction(use);
        use = undefined;
        this.#arguments();
        read = this.beyond("A call", at);
      } else return read;
    }
  }

  #number(): number {
    return Number(this.#tokens[this.#index++]!.value);
  }

  #key(token: Token): string {
    if (token.kind !== "name") this.fail(`A name is expected here, not ${shown(token)}.`);
    this.#index++;
    return this.#permit(token);
  }

  #unknownFunction(use: Use): never {
    throw new Mistake("unknown-function", use.at, `There is no function “${this.#textAt(use.at)}” in templates.`);
  }

  #textAt(at: number): string {
    return this.#tokens.find((token) => token.at === at)?.text ?? "";
  }

  #subscript(at: number): Expression {
    if (this.accept(":")) return this.#slice(at);
    const key = this.expression();
    if (this.accept(":")) return this.#slice(at);
    this.expect("]");
    return key;
  }

  #slice(at: number): Expression {
    while (!this.accept("]")) if (!this.accept(":")) this.expression();
    return this.beyond("A slice", at);
  }

  #filtered(base: Expression, firstUse: number): Expression {
    let read = base;
    for (;;) {
      if (this.accept("|")) read = this.#filter(read, firstUse);
      else if (this.accept("is")) read = this.#test(read, firstUse);
      else return read;
    }
  }

  #filter(of: Expression, firstUse: number): Expression {
    const token = this.name();
    const { text: name, at } = token;
    const uses = this.#reading.uses.slice(firstUse);
    const given = this.next.text === "(" && this.next.kind === "sign" ? this.#arguments() : [];
    if (name === "default" || name === "d") for (const use of uses) use.hasDefault = true;
    if (!Object.hasOwn(FILTERS, name)) {
      if (SANDBOX_FILTERS.has(name)) return this.beyond(`The filter “${name}”`, at);
      const close = nearest(name, [...Object.keys(FILTERS), ...SANDBOX_FILTERS]);
      const hint = close ? ` Did you mean “${close}”?` : "";
      throw new Mistake("unknown-filter", at, `There is no filter “${name}”.${hint}`);
    }
    const { parameters } = FILTERS[name]!;
    const strange = given.find((argument) => argument.name !== null && !parameters.includes(argument.name));
    if (strange && name !== "format")
      throw new Mistake("unknown-argument", at, `The filter “${name}” takes no “${strange.name}”.`);
    if (name === "format" && strange) return this.beyond("A named value of a format", at);
    if (name !== "format" && given.length > parameters.length)
      throw new Mistake("too-many-arguments", at, `The filter “${name}” takes at most ${parameters.length} values.`);
    return of === BEYOND ? BEYOND : { kind: "filter", name, of, given };
  }

  #test(of: Expression, firstUse: number): Expression {
    const negated = this.accept("not");
    const { kind, text: name, at } = this.next;
    if (kind !== "name") this.fail(`A test is expected here, not ${shown(this.next)}.`);
    this.#index++;
    const test = name === "None" ? "none" : name;
    if (["defined", "undefined", "none"].includes(test))
      for (const use of this.#reading.uses.slice(firstUse)) use.hasDefault = true;
    if (TESTS.has(test)) return of === BEYOND ? BEYOND : { kind: "test", name: test, of, negated };
    if (!SANDBOX_TESTS.has(test)) throw new Mistake("unknown-test", at, `There is no test “${name}”.`);
    if (this.next.text === "(" && this.next.kind === "sign") this.#arguments();
    else if (this.next.kind === "string" || this.next.kind === "number") this.#primary();
    return this.beyond(`The test “${name}”`, at);
  }

  #arguments(): Argument[] {
    this.expect("(");
    const given: Argument[] = [];
    while (!this.accept(")")) {
      const named = this.next.kind === "name" && this.#tokens[this.#index + 1]?.text === "=";
      const name = named ? this.name().text : null;
      if (named) this.expect("=");
      given.push({ name, value: this.expression() });
      if (!this.accept(",")) {
        this.expect(")");
        break;
      }
    }
    return given;
  }

  /** E78: no way from a value to the program, in either language. */
  #permit({ at }: Token, name = this.#textAt(at)): string {
    if (isForbidden(name)) throw new Mistake("forbidden-name", at, `“${name}” is not a name a template may use.`);
    return name;
  }
}

const isLoop = (read: Expression) => read.kind === "name" && read.local && read.name === "loop";

function shown({ kind, text }: Token): string {
  return kind === "end" ? "the end of the tag" : `“${text.length > 40 ? `${text.slice(0, 40)}…` : text}”`;
}
