/**
 * The strict subset of Jinja that campaign mails use, parsed once and rendered by walking the tree: own properties only,
 * nothing is ever executed, and what a template may make is bounded. Beyond the subset there is the sandbox.
 */
import { type Expression, type Node, type Problem, type Variable, parse } from "./template-parser.ts";
import { FILTERS, type Value, escapeHtml, isSafe, textOf, truthy } from "./template-values.ts";

export type { Problem, Variable } from "./template-parser.ts";

export type Template = {
  readonly source: string;
  readonly nodes: readonly Node[];
  /** The names a template asks for at the top (`doc.x` counts as `x`), and where first. */
  readonly variables: readonly Variable[];
};

/** How much one rendering may do (attack 2). */
export const MAX_OUTPUT = 1_000_000;
const MAX_ITERATIONS = 10_000;

/** A template went over a limit, or used a value in a way that makes no sense. Its message is for the author. */
export class TemplateLimit extends Error {
  override name = "TemplateLimit";
}

/** Parses a template; problems carry line and column. `beyondSubset`: it may be right, but only the sandbox knows. */
export function parseTemplate(
  source: string,
):
  | { readonly template: Template }
  | { readonly problems: readonly Problem[]; readonly beyondSubset: boolean; readonly variables: readonly Variable[] } {
  const parsed = parse(source);
  return "problems" in parsed ? parsed : { template: { source, ...parsed } };
}

type Run = { readonly escape: boolean; scopes: Map<string, Value>[]; size: number; iterations: number };

/** A rendered piece: what stood in the template, or what a variable gave (already escaped). */
export type Piece = { readonly text: string; readonly fixed: boolean };

/**
 * Renders for one record. `doc.name` and `name` are the same (E71); values are escaped for HTML where asked (E74).
 * What is missing is empty text.
 * @throws TemplateLimit over a limit.
 */
export function renderTemplate(
  template: Template,
  variables: Record<string, unknown>,
  escape: "html" | "none",
): string {
  return renderPieces(template, variables, escape)
    .map((piece) => piece.text)
    .join("");
}

/** As {@link renderTemplate}, in pieces: the fixed ones are the same for everybody, so their encoding can be kept. */
export function renderPieces(template: Template, variables: Record<string, unknown>, escape: "html" | "none"): Piece[] {
  const globals = new Map<string, Value>(Object.entries(variables) as [string, Value][]);
  globals.set("doc", variables as Value);
  const run: Run = { escape: escape === "html", scopes: [globals], size: 0, iterations: 0 };
  const pieces: Piece[] = [];
  renderNodes(template.nodes, run, pieces);
  return pieces;
}

function renderNodes(nodes: readonly Node[], run: Run, out: Piece[]): void {
  for (const node of nodes)
    switch (node.kind) {
      case "text":
        add(run, out, { text: node.text, fixed: true });
        break;
      case "output": {
        const value = evaluate(node.expression, run);
        const text = run.escape && !isSafe(value) ? escapeHtml(textOf(value)) : textOf(value);
        add(run, out, { text, fixed: false });
        break;
      }
      case "if": {
        const branch = node.branches.find((candidate) => truthy(evaluate(candidate.test, run)));
        renderNodes(branch?.body ?? node.otherwise, run, out);
        break;
      }
      case "for":
        renderLoop(node, run, out);
        break;
      case "set":
        run.scopes.at(-1)!.set(node.name, evaluate(node.value, run));
        break;
    }
}

function add(run: Run, out: Piece[], piece: Piece): void {
  run.size += piece.text.length;
  if (run.size > MAX_OUTPUT) throw new TemplateLimit("The template makes more than a million characters.");
  if (piece.text !== "") out.push(piece);
}

function renderLoop(node: Extract<Node, { kind: "for" }>, run: Run, out: Piece[]): void {
  const items = itemsOf(evaluate(node.items, run));
  if (items.length === 0) renderNodes(node.otherwise, run, out);
  for (const [index, item] of items.entries()) {
    run.iterations += 1;
    if (run.iterations > MAX_ITERATIONS) throw new TemplateLimit("The template's loops run more than 10,000 times.");
    const loop = {
      index: index + 1,
      index0: index,
      first: index === 0,
      last: index === items.length - 1,
      length: items.length,
      revindex: items.length - index,
    };
    const scope = new Map<string, Value>([["loop", loop]]);
    if (node.names.length === 1) scope.set(node.names[0]!, item);
    else
      for (const [at, name] of node.names.entries()) scope.set(name, Array.isArray(item) ? (item[at] as Value) : null);
    run.scopes.push(scope);
    renderNodes(node.body, run, out);
    run.scopes.pop();
  }
}

function itemsOf(value: Value): Value[] {
  if (Array.isArray(value)) return value as Value[];
  if (value !== null && typeof value === "object" && !isSafe(value)) return Object.keys(value);
  if (typeof value === "string") return [...value];
  return [];
}

function evaluate(expression: Expression, run: Run): Value {
  switch (expression.kind) {
    case "literal":
      return expression.value as Value;
    case "list":
      return expression.items.map((item) => evaluate(item, run));
    case "name": {
      for (let at = run.scopes.length - 1; at >= 0; at -= 1) {
        const scope = run.scopes[at]!;
        if (scope.has(expression.name)) return scope.get(expression.name);
      }
      return undefined;
    }
    case "member": {
      const of = evaluate(expression.of, run);
      const key = evaluate(expression.key, run);
      return member(of, key);
    }
    case "not":
      return !truthy(evaluate(expression.operand, run));
    case "negative":
      return -numberOf(evaluate(expression.operand, run));
    case "and": {
      const left = evaluate(expression.left, run);
      return truthy(left) ? evaluate(expression.right, run) : left;
    }
    case "or": {
      const left = evaluate(expression.left, run);
      return truthy(left) ? left : evaluate(expression.right, run);
    }
    case "choice":
      return truthy(evaluate(expression.test, run))
        ? evaluate(expression.yes, run)
        : expression.no && evaluate(expression.no, run);
    case "test": {
      const value = evaluate(expression.operand, run);
      return test(expression.name, value) !== expression.negated;
    }
    case "operation":
      return operate(expression.operator, evaluate(expression.left, run), evaluate(expression.right, run), run);
    case "filter": {
      const filter = FILTERS[expression.name]!;
      const given = expression.arguments.map((argument) => evaluate(argument, run));
      return bounded(filter(evaluate(expression.operand, run), ...given), run);
    }
  }
}

/** An own property of a record, or an item of a list; never what a prototype has (attack 1). */
function member(of: Value, key: Value): Value {
  if (of === null || of === undefined || typeof of !== "object" || isSafe(of)) return undefined;
  if (Array.isArray(of)) return typeof key === "number" ? (of.at(key) as Value) : undefined;
  return Object.hasOwn(of, String(key)) ? ((of as Record<string, unknown>)[String(key)] as Value) : undefined;
}

function test(name: string, value: Value): boolean {
  switch (name) {
    case "defined":
      return value !== undefined;
    case "undefined":
      return value === undefined;
    case "none":
      return value === null;
    case "string":
      return typeof value === "string";
    case "number":
      return typeof value === "number";
    case "even":
      return numberOf(value) % 2 === 0;
    default:
      return Math.abs(numberOf(value) % 2) === 1;
  }
}

function operate(operator: string, left: Value, right: Value, run: Run): Value {
  switch (operator) {
    case "==":
      return same(left, right);
    case "!=":
      return !same(left, right);
    case "<":
      return compare(left, right) < 0;
    case "<=":
      return compare(left, right) <= 0;
    case ">":
      return compare(left, right) > 0;
    case ">=":
      return compare(left, right) >= 0;
    case "in":
      return contains(right, left);
    case "not in":
      return !contains(right, left);
    case "~":
      return bounded(textOf(left) + textOf(right), run);
    case "+":
      return typeof left === "string" && typeof right === "string"
        ? bounded(left + right, run)
        : numberOf(left) + numberOf(right);
    case "-":
      return numberOf(left) - numberOf(right);
    case "*":
      return numberOf(left) * numberOf(right);
    case "/":
      return divided(numberOf(left), numberOf(right));
    case "//":
      return Math.floor(divided(numberOf(left), numberOf(right)));
    default: {
      const by = numberOf(right);
      return numberOf(left) - by * Math.floor(divided(numberOf(left), by));
    }
  }
}

function divided(left: number, right: number): number {
  if (right === 0) throw new TemplateLimit("The template divides by zero.");
  return left / right;
}

/** A value can be no larger than what a template may make in all. */
function bounded(value: Value, run: Run): Value {
  const length = typeof value === "string" ? value.length : isSafe(value) ? value.html.length : 0;
  if (length > MAX_OUTPUT || run.size > MAX_OUTPUT)
    throw new TemplateLimit("The template makes more than a million characters.");
  return value;
}

function same(left: Value, right: Value): boolean {
  return (left ?? null) === (right ?? null);
}

function compare(left: Value, right: Value): number {
  if (typeof left === "string" && typeof right === "string") return left < right ? -1 : left > right ? 1 : 0;
  return numberOf(left) - numberOf(right);
}

function contains(container: Value, item: Value): boolean {
  if (typeof container === "string") return container.includes(textOf(item));
  if (Array.isArray(container)) return container.some((candidate) => same(candidate as Value, item));
  return (
    container !== null && typeof container === "object" && !isSafe(container) && Object.hasOwn(container, textOf(item))
  );
}

function numberOf(value: Value): number {
  if (typeof value === "number") return value;
  if (typeof value === "boolean") return Number(value);
  const read = Number(typeof value === "string" && value.trim() !== "" ? value : Number.NaN);
  if (Number.isNaN(read))
    throw new TemplateLimit(`The template calculates with “${textOf(value).slice(0, 40)}”, which is no number.`);
  return read;
}

/**
 * Names a template asks for that nobody knows, with a guess at what was meant. A typo is found when saving (E75).
 */
export function unknownVariables(
  template: { readonly variables: readonly Variable[] },
  known: ReadonlySet<string>,
): Problem[] {
  return template.variables
    .filter(({ path }) => !known.has(path))
    .map(({ path, line, column }) => {
      const near = nearest(path, known);
      const message = `There is no variable “${path}”${near ? `; did you mean “${near}”?` : "."}`;
      return { line, column, code: "unknown-variable", message };
    });
}

function nearest(name: string, known: ReadonlySet<string>): string | null {
  let best: { name: string; distance: number } | null = null;
  for (const candidate of known) {
    const distance = edits(name.toLowerCase(), candidate.toLowerCase());
    if (distance <= 3 && distance < candidate.length && (!best || distance < best.distance))
      best = { name: candidate, distance };
  }
  return best?.name ?? null;
}

/** Levenshtein's distance. */
function edits(one: string, other: string): number {
  let row = Array.from({ length: other.length + 1 }, (_, at) => at);
  for (let i = 1; i <= one.length; i += 1) {
    const next = [i];
    for (let j = 1; j <= other.length; j += 1)
      next.push(Math.min(next[j - 1]! + 1, row[j]! + 1, row[j - 1]! + (one[i - 1] === other[j - 1] ? 0 : 1)));
    row = next;
  }
  return row[other.length]!;
}
