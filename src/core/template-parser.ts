/** Reads the Jinja subset into a tree, or says where and why it cannot. Renders nothing. */
import { FILTERS } from "./template-values.ts";

/** What is wrong, and where; line and column count from 1. */
export type Problem = {
  readonly line: number;
  readonly column: number;
  readonly code: string;
  readonly message: string;
};

export type Expression =
  | { readonly kind: "literal"; readonly value: string | number | boolean | null }
  | { readonly kind: "list"; readonly items: readonly Expression[] }
  | { readonly kind: "name"; readonly name: string }
  | { readonly kind: "member"; readonly of: Expression; readonly key: Expression }
  | { readonly kind: "not" | "negative"; readonly operand: Expression }
  | { readonly kind: "and" | "or"; readonly left: Expression; readonly right: Expression }
  | {
      readonly kind: "choice";
      readonly test: Expression;
      readonly yes: Expression;
      readonly no: Expression | undefined;
    }
  | { readonly kind: "test"; readonly operand: Expression; readonly name: string; readonly negated: boolean }
  | { readonly kind: "operation"; readonly operator: string; readonly left: Expression; readonly right: Expression }
  | {
      readonly kind: "filter";
      readonly operand: Expression;
      readonly name: string;
      readonly arguments: readonly Expression[];
    };

export type Node =
  | { readonly kind: "text"; readonly text: string }
  | { readonly kind: "output"; readonly expression: Expression }
  | {
      readonly kind: "if";
      readonly branches: readonly { readonly test: Expression; readonly body: readonly Node[] }[];
      readonly otherwise: readonly Node[];
    }
  | {
      readonly kind: "for";
      readonly names: readonly string[];
      readonly items: Expression;
      readonly body: readonly Node[];
      readonly otherwise: readonly Node[];
    }
  | { readonly kind: "set"; readonly name: string; readonly value: Expression };

/** A name a template asks for, without a leading `doc.`, and where first. */
export type Variable = { readonly path: string; readonly line: number; readonly column: number };

type Parsed =
  | { readonly nodes: Node[]; readonly variables: Variable[] }
  | { readonly problems: Problem[]; readonly beyondSubset: boolean; readonly variables: Variable[] };

const MAX_DEPTH = 40;
const TESTS = new Set(["defined", "undefined", "none", "string", "number", "even", "odd"]);
/** What Jinja has and the subset has not: the sandbox may know it. */
const BEYOND = new Set(["macro", "call", "filter", "block", "raw", "with", "autoescape", "do", "endraw"]);
/** What would read a file or another template: nowhere. */
const NEVER = new Set(["include", "import", "from", "extends"]);

class Stop extends Error {
  readonly at: number;
  readonly code: string;
  readonly beyond: boolean;

  constructor(at: number, code: string, message: string, beyond = false) {
    super(message);
    this.at = at;
    this.code = code;
    this.beyond = beyond;
  }
}

/** Parses a whole template. The first problem ends it. */
export function parse(source: string): Parsed {
  let parser: Parser | undefined;
  try {
    parser = new Parser(source);
    return parser.template();
  } catch (error) {
    if (!(error instanceof Stop)) throw error;
    return {
      problems: [{ ...place(source, error.at), code: error.code, message: error.message }],
      beyondSubset: error.beyond,
      variables: parser?.variables() ?? [],
    };
  }
}

/** Line and column of an offset. */
function place(source: string, at: number): { line: number; column: number } {
  const before = source.slice(0, at);
  return { line: before.split("\n").length, column: at - before.lastIndexOf("\n") };
}

type Token = { readonly kind: "name" | "number" | "text" | "sign" | "end"; readonly text: string; readonly at: number };
type Piece = { readonly kind: "text" | "output" | "tag"; readonly text: string; readonly at: number };

/** Text, `{{ }}` and `{% %}` of a template; comments and the blanks that `-` strips are gone. */
function pieces(source: string): Piece[] {
  const found: Piece[] = [];
  let at = 0;
  let strip = false;
  const text = (from: number, to: number, stripEnd: boolean) => {
    let part = source.slice(from, to);
    if (strip) part = part.trimStart();
    if (stripEnd) part = part.trimEnd();
    if (part !== "") found.push({ kind: "text", text: part, at: from });
  };
  while (at < source.length) {
    const open = /\{[{%#]/g;
    open.lastIndex = at;
    const start = open.exec(source)?.index ?? -1;
    if (start < 0) break;
    const sign = source[start + 1]!;
    const close = sign === "{" ? "}}" : `${sign}}`;
    const end = sign === "#" ? source.indexOf(close, start + 2) : closing(source, start + 2, close);
    if (end < 0) throw new Stop(start, "not-closed", `“{${sign}” is never closed with “${close}”.`);
    const dashed = source[start + 2] === "-";
    text(at, start, dashed);
    strip = source[end - 1] === "-" && end - 1 > start + 1;
    const inside = source.slice(start + (dashed ? 3 : 2), strip ? end - 1 : end);
    if (sign !== "#") found.push({ kind: sign === "{" ? "output" : "tag", text: inside, at: start + (dashed ? 3 : 2) });
    at = end + 2;
  }
  text(at, source.length, false);
  return found;
}

/** The end of a tag, past any quoted text in it. */
function closing(source: string, from: number, close: string): number {
  let quote = "";
  for (let at = from; at < source.length; at += 1) {
    const sign = source[at]!;
    if (quote !== "") {
      if (sign === "\\") at += 1;
      else if (sign === quote) quote = "";
    } else if (sign === '"' || sign === "'") quote = sign;
    else if (source.startsWith(close, at)) return at;
  }
  // An odd quote must not swallow the rest of the template: the message then names the tag.
  return source.indexOf(close, from);
}

const SIGNS = /\/\/|==|!=|<=|>=|\*\*|[-+*/%~<>=|.,:()[\]{}]/y;

function tokens(text: string, offset: number): Token[] {
  const found: Token[] = [];
  let at = 0;
  while (at < text.length) {
    const rest = text.slice(at);
    const blank = /^\s+/.exec(rest);
    if (blank) {
      at += blank[0].length;
      continue;
    }
    const name = /^[\p{L}_][\p{L}\p{N}_]*/u.exec(rest);
    const digits = /^\d+(?:\.\d+)?/.exec(rest);
    const quoted = /^"(?:[^"\\]|\\[^])*"|^'(?:[^'\\]|\\[^])*'/.exec(rest);
    SIGNS.lastIndex = at;
    const sign = SIGNS.exec(text);
    const match = name ?? digits ?? quoted ?? sign;
    if (!match) throw new Stop(offset + at, "syntax", `“${rest.slice(0, 10).trim()}” makes no sense here.`);
    const kind = name ? "name" : digits ? "number" : quoted ? "text" : "sign";
    found.push({ kind, text: match[0], at: offset + at });
    at += match[0].length;
  }
  found.push({ kind: "end", text: "", at: offset + text.length });
  return found;
}

class Parser {
  readonly #source: string;
  #pieces: Piece[];
  #piece = 0;
  #tokens: Token[] = [];
  #token = 0;
  #depth = 0;
  #locals: Set<string>[] = [new Set()];
  #variables = new Map<string, Variable>();

  constructor(source: string) {
    this.#source = source;
    this.#pieces = pieces(source);
  }

  template(): { nodes: Node[]; variables: Variable[] } {
    const { nodes, ended, at } = this.#nodes([]);
    if (ended) throw new Stop(at, "unexpected-tag", `“${ended}” ends nothing that was begun.`);
    return { nodes, variables: this.variables() };
  }

  /** The names asked for so far. */
  variables(): Variable[] {
    return [...this.#variables.values()];
  }

  /** Nodes up to one of the tags named, or to the end. */
  #nodes(until: readonly string[]): { nodes: Node[]; ended: string | null; at: number } {
    const nodes: Node[] = [];
    while (this.#piece < this.#pieces.length) {
      const piece = this.#pieces[this.#piece]!;
      this.#piece += 1;
      if (piece.kind === "text") {
        nodes.push({ kind: "text", text: piece.text });
        continue;
      }
      this.#tokens = tokens(piece.text, piece.at);
      this.#token = 0;
      if (piece.kind === "output") {
        const expression = this.#whole();
        nodes.push({ kind: "output", expression });
        continue;
      }
      const word = this.#next();
      if (until.includes(word.text)) return { nodes, ended: word.text, at: word.at };
      nodes.push(this.#tag(word));
    }
    return { nodes, ended: null, at: this.#source.length };
  }

  #tag(word: Token): Node {
    this.#deeper(word.at);
    try {
      switch (word.text) {
        case "if":
          return this.#if(word);
        case "for":
          return this.#for(word);
        case "set":
          return this.#set();
        default:
          throw this.#unknownTag(word);
      }
    } finally {
      this.#depth -= 1;
    }
  }

  #unknownTag(word: Token): Stop {
    if (NEVER.has(word.text))
      return new Stop(word.at, "not-allowed", `“${word.text}” is not allowed: a template stands by itself.`);
    if (/^(?:end|el)/.test(word.text))
      return new Stop(word.at, "unexpected-tag", `“${word.text}” ends nothing that was begun.`);
    return new Stop(word.at, "unknown-tag", `There is no tag “${word.text}”.`, BEYOND.has(word.text));
  }

  #if(opened: Token): Node {
    const branches: { test: Expression; body: Node[] }[] = [];
    let otherwise: Node[] = [];
    let test = this.#whole();
    for (;;) {
      const { nodes, ended } = this.#nodes(["elif", "else", "endif"]);
      branches.push({ test, body: nodes });
      if (ended === "elif") {
        test = this.#whole();
        continue;
      }
      if (ended === "else") otherwise = this.#rest("endif", opened);
      else if (ended === null) throw new Stop(opened.at, "not-closed", "This “if” has no “endif”.");
      return { kind: "if", branches, otherwise };
    }
  }

  #for(opened: Token): Node {
    const names = [this.#name()];
    while (this.#take(",")) names.push(this.#name());
    if (!this.#take("in")) throw this.#unexpected("in");
    const items = this.#whole();
    this.#locals.push(new Set([...names, "loop"]));
    const { nodes: body, ended } = this.#nodes(["else", "endfor"]);
    this.#locals.pop();
    if (ended === null) throw new Stop(opened.at, "not-closed", "This “for” has no “endfor”.");
    const otherwise = ended === "else" ? this.#rest("endfor", opened) : [];
    return { kind: "for", names, items, body, otherwise };
  }

  #rest(end: string, opened: Token): Node[] {
    const { nodes, ended } = this.#nodes([end]);
    if (ended === null) throw new Stop(opened.at, "not-closed", `This “${opened.text}” has no “${end}”.`);
    return nodes;
  }

  #set(): Node {
    const name = this.#name();
    if (this.#peek().kind === "end")
      throw new Stop(this.#peek().at, "beyond-subset", "A block “set” needs the full language.", true);
    if (!this.#take("=")) throw this.#unexpected("=");
    const value = this.#whole();
    this.#locals.at(-1)!.add(name);
    return { kind: "set", name, value };
  }

  /** One expression that fills the rest of the tag. */
  #whole(): Expression {
    const expression = this.#choice();
    if (this.#peek().kind !== "end") throw this.#unexpected(null);
    return expression;
  }

  #choice(): Expression {
    const yes = this.#or();
    if (!this.#take("if")) return yes;
    const test = this.#or();
    const no = this.#take("else") ? this.#choice() : undefined;
    return { kind: "choice", test, yes, no };
  }

  #or(): Expression {
    let left = this.#and();
    while (this.#take("or")) left = { kind: "or", left, right: this.#and() };
    return left;
  }

  #and(): Expression {
    let left = this.#not();
    while (this.#take("and")) left = { kind: "and", left, right: this.#not() };
    return left;
  }

  #not(): Expression {
    if (!this.#take("not")) return this.#comparison();
    this.#deeper(this.#peek().at);
    const operand = this.#not();
    this.#depth -= 1;
    return { kind: "not", operand };
  }

  #comparison(): Expression {
    let left = this.#concatenation();
    for (;;) {
      const word = this.#peek().text;
      if (["==", "!=", "<", "<=", ">", ">=", "in"].includes(word) && this.#peek().kind !== "text") {
        this.#next();
        left = { kind: "operation", operator: word, left, right: this.#concatenation() };
      } else if (word === "not" && this.#tokens[this.#token + 1]?.text === "in") {
        this.#token += 2;
        left = { kind: "operation", operator: "not in", left, right: this.#concatenation() };
      } else if (word === "is" && this.#peek().kind === "name") {
        this.#next();
        const negated = this.#take("not");
        const name = this.#next();
        const test = name.text.toLowerCase();
        if (!TESTS.has(test)) throw new Stop(name.at, "unknown-test", `There is no test “${name.text}”.`, true);
        left = { kind: "test", operand: left, name: test, negated };
      } else return left;
    }
  }

  #concatenation(): Expression {
    return this.#chain(["~"], () =>
      this.#chain(["+", "-"], () => this.#chain(["*", "/", "//", "%"], () => this.#unary())),
    );
  }

  #chain(operators: readonly string[], operand: () => Expression): Expression {
    let left = operand();
    while (this.#peek().kind === "sign" && operators.includes(this.#peek().text)) {
      const operator = this.#next().text;
      left = { kind: "operation", operator, left, right: operand() };
    }
    return left;
  }

  #unary(): Expression {
    if (this.#peek().kind === "sign" && this.#take("-")) return { kind: "negative", operand: this.#unary() };
    return this.#filters(this.#postfix(this.#primary()));
  }

  #filters(operand: Expression): Expression {
    let value = operand;
    while (this.#peek().kind === "sign" && this.#take("|")) {
      const word = this.#next();
      if (word.kind !== "name") throw new Stop(word.at, "syntax", "After “|” stands the name of a filter.");
      if (!Object.hasOwn(FILTERS, word.text))
        throw new Stop(word.at, "unknown-filter", `There is no filter “${word.text}”.`, true);
      value = { kind: "filter", operand: value, name: word.text, arguments: this.#take("(") ? this.#list(")") : [] };
    }
    return value;
  }

  #postfix(primary: Expression): Expression {
    let value = primary;
    for (;;) {
      const token = this.#peek();
      if (token.kind === "sign" && this.#take(".")) {
        const key = this.#next();
        if (key.kind !== "name" && key.kind !== "number") throw new Stop(key.at, "syntax", "After “.” stands a name.");
        this.#refuseHidden(key);
        if (value.kind === "name" && value.name === "doc" && key.kind === "name") this.#uses(key.text, key.at);
        value = {
          kind: "member",
          of: value,
          key: { kind: "literal", value: key.kind === "number" ? Number(key.text) : key.text },
        };
      } else if (token.kind === "sign" && this.#take("[")) {
        const key = this.#choice();
        if (!this.#take("]")) throw this.#unexpected("]");
        if (key.kind === "literal" && typeof key.value === "string") this.#refuseHidden({ ...token, text: key.value });
        value = { kind: "member", of: value, key };
      } else if (token.kind === "sign" && token.text === "(")
        throw new Stop(token.at, "beyond-subset", "Calls need the full language.", true);
      else return value;
    }
  }

  /** `__class__`, `constructor` and their like lead out of the data (E78). */
  #refuseHidden(key: Token): void {
    if (/^__|^(?:constructor|prototype)$/.test(key.text))
      throw new Stop(key.at, "not-allowed", `“${key.text}” is not allowed in a template.`);
  }

  #primary(): Expression {
    const token = this.#next();
    this.#deeper(token.at);
    try {
      switch (token.kind) {
        case "number":
          return { kind: "literal", value: Number(token.text) };
        case "text":
          return { kind: "literal", value: unquoted(token.text) };
        case "name":
          return this.#named(token);
        default:
          if (token.text === "(") {
            const inner = this.#choice();
            if (!this.#take(")")) throw this.#unexpected(")");
            return inner;
          }
          if (token.text === "[") return { kind: "list", items: this.#list("]") };
          if (token.text === "{")
            throw new Stop(token.at, "beyond-subset", "Dictionaries need the full language.", true);
          throw new Stop(
            token.at,
            "syntax",
            token.kind === "end" ? "Something is missing here." : `“${token.text}” makes no sense here.`,
          );
      }
    } finally {
      this.#depth -= 1;
    }
  }

  #named(token: Token): Expression {
    const constants: Record<string, boolean | null> = {
      true: true,
      false: false,
      none: null,
      True: true,
      False: false,
      None: null,
    };
    if (Object.hasOwn(constants, token.text)) return { kind: "literal", value: constants[token.text]! };
    if (["if", "else", "and", "or", "not", "in", "is"].includes(token.text))
      throw new Stop(token.at, "syntax", `“${token.text}” makes no sense here.`);
    this.#refuseHidden(token);
    const called = this.#peek().kind === "sign" && this.#peek().text === "(";
    if (!called && !this.#locals.some((scope) => scope.has(token.text))) this.#uses(token.text, token.at);
    return { kind: "name", name: token.text };
  }

  #uses(name: string, at: number): void {
    if (name !== "doc" && !this.#variables.has(name))
      this.#variables.set(name, { path: name, ...place(this.#source, at) });
  }

  #list(end: string): Expression[] {
    const items: Expression[] = [];
    while (!this.#take(end)) {
      items.push(this.#choice());
      if (this.#peek().text === "=")
        throw new Stop(this.#peek().at, "beyond-subset", "Named arguments need the full language.", true);
      if (!this.#take(",") && this.#peek().text !== end) throw this.#unexpected(end);
    }
    return items;
  }

  #deeper(at: number): void {
    this.#depth += 1;
    if (this.#depth > MAX_DEPTH) throw new Stop(at, "too-deep", `Nested more than ${MAX_DEPTH} deep.`);
  }

  #name(): string {
    const token = this.#next();
    if (token.kind !== "name") throw new Stop(token.at, "syntax", "Here stands a name.");
    this.#refuseHidden(token);
    return token.text;
  }

  #peek(): Token {
    return this.#tokens[this.#token]!;
  }

  #next(): Token {
    const token = this.#tokens[this.#token]!;
    if (token.kind !== "end") this.#token += 1;
    return token;
  }

  #take(text: string): boolean {
    if (this.#peek().text !== text || this.#peek().kind === "text" || this.#peek().kind === "end") return false;
    this.#token += 1;
    return true;
  }

  #unexpected(wanted: string | null): Stop {
    const token = this.#peek();
    const found = token.kind === "end" ? "the end of the tag" : `“${token.text}”`;
    return new Stop(
      token.at,
      "syntax",
      wanted ? `Here stands ${found}, but “${wanted}” was expected.` : `${found} makes no sense here.`,
    );
  }
}

const ESCAPES: Readonly<Record<string, string>> = { n: "\n", t: "\t", r: "\r" };
const unquoted = (text: string) => text.slice(1, -1).replaceAll(/\\([^])/g, (_, sign: string) => ESCAPES[sign] ?? sign);
