/** Reads a template: its statements, the variables it asks for, and what is wrong with it. Renders nothing. */
import { ExpressionReader, type Reading } from "./template-expressions.ts";
import { Mistake, type Segment, type Token, locator, segmentsOf } from "./template-lexer.ts";
import type { Branch, Problem, Statement, Variable } from "./template-syntax.ts";

type Read = {
  readonly statements: readonly Statement[];
  readonly variables: readonly Variable[];
  /** Empty when the template is within the subset. */
  readonly beyond: readonly Problem[];
};

/** Blocks within blocks; deeper is no mail. */
const MAX_NESTING = 20;

/** Throws a {@link Mistake} for what is no Jinja, or Jinja that reaches for files or the program. */
export function read(source: string): Read {
  const reading: Reading = { scopes: [new Set()], uses: [], beyond: [] };
  const statements = new StatementReader(segmentsOf(source), reading).template();
  const place = locator(source);
  return {
    statements,
    variables: reading.uses.map(({ path, at, hasDefault }) => ({
      // E71: the record is `doc` and the top level alike.
      path: (path.length > 1 && path[0] === "doc" ? path.slice(1) : path).join("."),
      ...place(at),
      hasDefault,
    })),
    beyond: reading.beyond.map(({ code, at, message }) => ({ ...place(at), code, message })),
  };
}

const BEYOND_BLOCKS = new Set(["macro", "call", "filter", "with", "autoescape"]);
const REFUSED: Readonly<Record<string, string>> = Object.fromEntries(
  ["include", "import", "from", "extends", "block"].map((word) => [
    word,
    `A template has no other files, so there is nothing to “${word}”.`,
  ]),
);

class StatementReader {
  readonly #segments: readonly Segment[];
  readonly #reading: Reading;
  #index = 0;
  #nesting = 0;

  constructor(segments: readonly Segment[], reading: Reading) {
    this.#segments = segments;
    this.#reading = reading;
  }

  template(): Statement[] {
    const statements = this.#until([], -1);
    return statements;
  }

  /** Reads up to a tag that begins with one of the words, and leaves that tag. */
  #until(words: readonly string[], openedAt: number): Statement[] {
    const statements: Statement[] = [];
    for (; this.#index < this.#segments.length; this.#index++) {
      const segment = this.#segments[this.#index]!;
      if (segment.kind === "text") statements.push(segment);
      else if (segment.kind === "output") statements.push(this.#output(segment.tokens));
      else {
        const word = wordOf(segment.tokens);
        if (words.includes(word)) return statements;
        const statement = this.#statement(word, segment.tokens, segment.at, words);
        if (statement) statements.push(statement);
      }
    }
    if (words.length === 0) return statements;
    throw new Mistake("unclosed-block", openedAt, `This block has no “${words.at(-1)}”.`);
  }

  #output(tokens: readonly Token[]): Statement {
    const reader = new ExpressionReader(tokens, this.#reading);
    if (reader.next.kind === "end") reader.fail("This tag is empty.");
    const value = reader.expression();
    reader.end();
    return { kind: "output", value };
  }

  #statement(word: string, tokens: readonly Token[], at: number, open: readonly string[]): Statement | null {
    if (++this.#nesting > MAX_NESTING)
      throw new Mistake("too-deep", at, `Blocks can stand ${MAX_NESTING} deep in each other, not deeper.`);
    const reader = new ExpressionReader(tokens, this.#reading, 1);
    const statement = this.#read(word, reader, at, open);
    this.#nesting--;
    return statement;
  }

  #read(word: string, reader: ExpressionReader, at: number, open: readonly string[]): Statement | null {
    if (word === "if") return this.#if(reader, at);
    if (word === "for") return this.#for(reader, at);
    if (word === "set") return this.#set(reader, at);
    if (word === "do") {
      reader.expression();
      reader.end();
      reader.beyond("“do”", at);
      return null;
    }
    if (BEYOND_BLOCKS.has(word)) return this.#beyondBlock(word, reader, at);
    if (Object.hasOwn(REFUSED, word)) throw new Mistake("no-files", at, REFUSED[word]!);
    const known = /^(?:end\w+|else|elif)$/.test(word);
    const expected = open.length > 0 ? ` “${open.at(-1)}” is expected before it.` : "";
    throw new Mistake(
      known ? "unexpected-tag" : "unknown-tag",
      at,
      known ? `“${word}” closes nothing here.${expected}` : `There is no tag “${word}”.`,
    );
  }

  #if(reader: ExpressionReader, at: number): Statement {
    const branches: Branch[] = [];
    for (let word = "if", next = reader; word !== "else" && word !== "endif";) {
      const test = next.expression();
      next.end();
      const body = this.#body(["elif", "else", "endif"], at);
      branches.push({ test, body });
      [word, next] = this.#tag();
    }
    const otherwise = wordOf(this.#current()) === "else" ? this.#else("endif", at) : [];
    return { kind: "if", branches, otherwise };
  }

  #for(reader: ExpressionReader, at: number): Statement | null {
    const names = [reader.name().text];
    while (reader.accept(",")) names.push(reader.name().text);
    reader.expect("in");
    const items = reader.condition();
    this.#reading.scopes.push(new Set([...names, "loop"]));
    const where = reader.accept("if") ? reader.expression() : null;
    if (reader.accept("recursive")) reader.beyond("A recursive loop", at);
    reader.end();
    const body = this.#body(["else", "endfor"], at);
    this.#reading.scopes.pop();
    const otherwise = this.#tag()[0] === "else" ? this.#else("endfor", at) : [];
    if (names.length > 1) {
      reader.beyond("A loop with two names", at);
      return null;
    }
    return { kind: "for", name: names[0]!, items, where, body, otherwise };
  }

  #set(reader: ExpressionReader, at: number): Statement | null {
    const { text: name } = reader.name();
    const simple = reader.accept("=");
    if (!simple && (reader.next.text === "." || reader.next.text === ",")) {
      while (reader.accept(".") || reader.accept(",")) reader.name();
      reader.beyond("“set” of this kind", at);
      reader.expect("=");
    } else if (!simple) {
      // {% set x %}…{% endset %}
      while (reader.next.kind !== "end") {
        reader.expect("|");
        reader.name();
      }
      this.#body(["endset"], at);
      reader.beyond("“set” with a block", at);
      this.#reading.scopes.at(-1)!.add(name);
      return null;
    }
    const value = reader.expression();
    reader.end();
    this.#reading.scopes.at(-1)!.add(name);
    return simple ? { kind: "set", name, value } : null;
  }

  #beyondBlock(word: string, reader: ExpressionReader, at: number): null {
    const inner = new Set<string>();
    if (word === "macro") {
      this.#reading.scopes.at(-1)!.add(reader.name().text);
      inner.add("caller").add("varargs").add("kwargs");
    }
    if (word === "filter") reader.name();
    if (word === "macro" || word === "call") parameters(reader, inner);
    else if (word === "with") assignments(reader, inner);
    if (word === "call" || word === "autoescape" || (word === "filter" && reader.accept("("))) {
      if (reader.next.text !== ")") reader.expression();
      reader.accept(")");
    }
    reader.end();
    this.#reading.scopes.push(inner);
    this.#body([`end${word}`], at);
    this.#reading.scopes.pop();
    reader.beyond(`“${word}”`, at);
    return null;
  }

  #body(words: readonly string[], at: number): Statement[] {
    this.#index++;
    return this.#until(words, at);
  }

  #else(end: string, at: number): Statement[] {
    const reader = new ExpressionReader(this.#current(), this.#reading, 1);
    reader.end();
    return this.#body([end], at);
  }

  /** The tag a body ended with. */
  #tag(): [string, ExpressionReader] {
    const tokens = this.#current();
    return [wordOf(tokens), new ExpressionReader(tokens, this.#reading, 1)];
  }

  #current(): readonly Token[] {
    const segment = this.#segments[this.#index];
    return segment && segment.kind !== "text" ? segment.tokens : [];
  }
}

/** `(a, b = 1)` of a macro or a call block; the names are known inside it. */
function parameters(reader: ExpressionReader, inner: Set<string>): void {
  if (!reader.accept("(")) return;
  while (!reader.accept(")")) {
    inner.add(reader.name().text);
    if (reader.accept("=")) reader.expression();
    if (!reader.accept(",")) {
      reader.expect(")");
      return;
    }
  }
}

function assignments(reader: ExpressionReader, inner: Set<string>): void {
  while (reader.next.kind !== "end") {
    const { text } = reader.name();
    reader.expect("=");
    reader.expression();
    inner.add(text);
    if (!reader.accept(",")) return;
  }
}

function wordOf(tokens: readonly Token[]): string {
  const [first] = tokens;
  return first && first.kind === "name" ? first.text : "";
}
