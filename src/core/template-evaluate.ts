/** Turns what was read into closures that render; within a budget, without generated code. Reads no source. */
import type { Budget } from "./template-budget.ts";
import { FILTERS, formatted } from "./template-filters.ts";
import type { Argument, Comparison, Expression, Operator, Statement } from "./template-syntax.ts";
import { Markup, contains, isEqual, isMissing, isTrue, itemsOf, member, order, printed } from "./template-values.ts";

/** Where the output goes; `Chunk` is the template's own text, prepared once. */
export type Writer<Chunk> = {
  text(chunk: Chunk): void;
  /** Returns the length of what it wrote. */
  value(value: unknown): number;
};

export type Run<Chunk> = {
  readonly variables: Readonly<Record<string, unknown>>;
  readonly writer: Writer<Chunk>;
  readonly budget: Budget;
  /** The names set by the template itself, innermost loop first. */
  names: Names;
};
export type Names = { readonly own: Map<string, unknown>; readonly outer: Names | null };

type Evaluate = (run: Run<never>) => unknown;
type Execute<Chunk> = (run: Run<Chunk>) => void;

/** @param prepare makes of each text of the template what the writer takes. */
export function executable<Chunk>(statements: readonly Statement[], prepare: (text: string) => Chunk): Execute<Chunk> {
  const all = statements.map((statement) => execute(statement, prepare));
  return (run) => {
    for (const each of all) each(run);
  };
}

function execute<Chunk>(statement: Statement, prepare: (text: string) => Chunk): Execute<Chunk> {
  switch (statement.kind) {
    case "text": {
      const { length } = statement.text;
      const chunk = prepare(statement.text);
      return ({ budget, writer }) => {
        budget.output(length);
        writer.text(chunk);
      };
    }
    case "output": {
      const value = evaluable(statement.value);
      return (run) => {
        run.budget.step();
        run.budget.output(run.writer.value(value(run)));
      };
    }
    case "set": {
      const { name } = statement;
      const value = evaluable(statement.value);
      return (run) => {
        run.budget.step();
        run.names.own.set(name, value(run));
      };
    }
    case "if":
      return conditional(statement, prepare);
    default:
      return loop(statement, prepare);
  }
}

function conditional<Chunk>(
  { branches, otherwise }: Extract<Statement, { kind: "if" }>,
  prepare: (text: string) => Chunk,
): Execute<Chunk> {
  const tried = branches.map(({ test, body }) => ({ test: evaluable(test), body: executable(body, prepare) }));
  const last = executable(otherwise, prepare);
  return (run) => {
    for (const { test, body } of tried) {
      run.budget.step();
      if (isTrue(test(run))) return body(run);
    }
    return last(run);
  };
}

function loop<Chunk>(
  { name, items, where, body, otherwise }: Extract<Statement, { kind: "for" }>,
  prepare: (text: string) => Chunk,
): Execute<Chunk> {
  const source = evaluable(items);
  const wanted = where && evaluable(where);
  const each = executable(body, prepare);
  const none = executable(otherwise, prepare);
  return (run) => {
    run.budget.step();
    const outer = run.names;
    const all = itemsOf(unmarked(source(run)));
    const chosen =
      wanted === null
        ? all
        : all.filter((item) => {
            run.budget.iterate();
            run.names = { own: new Map([[name, item]]), outer };
            const keep = isTrue(wanted(run));
            run.names = outer;
            return keep;
          });
    if (chosen.length === 0) return none(run);
    for (const [index, item] of chosen.entries()) {
      run.budget.iterate();
      run.names = {
        own: new Map([
          [name, item],
          ["loop", about(index, chosen.length)],
        ]),
        outer,
      };
      each(run);
    }
    run.names = outer;
  };
}

const about = (index: number, length: number) => ({
  index: index + 1,
  index0: index,
  revindex: length - index,
  revindex0: length - index - 1,
  first: index === 0,
  last: index === length - 1,
  length,
});

function evaluable(expression: Expression): Evaluate {
  switch (expression.kind) {
    case "literal": {
      const { value } = expression;
      return () => value;
    }
    case "list": {
      const items = expression.items.map(evaluable);
      return (run) => items.map((item) => item(run));
    }
    case "name":
      return named(expression.name, expression.local);
    case "member": {
      const of = evaluable(expression.of);
      const key = evaluable(expression.key);
      return (run) => member(of(run), unmarked(key(run)));
    }
    case "not": {
      const operand = evaluable(expression.operand);
      return (run) => !isTrue(operand(run));
    }
    case "minus":
    case "plus": {
      const operand = evaluable(expression.operand);
      const sign = expression.kind === "minus" ? -1 : 1;
      return (run) => {
        const value = numeric(operand(run));
        return value === null ? undefined : sign * value;
      };
    }
    case "and":
    case "or": {
      const [left, right] = [evaluable(expression.left), evaluable(expression.right)];
      const goesOn = expression.kind === "and";
      return (run) => {
        const first = left(run);
        return isTrue(first) === goesOn ? right(run) : first;
      };
    }
    case "arithmetic": {
      const [left, right] = [evaluable(expression.left), evaluable(expression.right)];
      const apply = ARITHMETIC[expression.operator];
      return (run) => apply(left(run), right(run), run.budget);
    }
    case "compare":
      return comparison(expression);
    case "choice": {
      const [test, yes, no] = [evaluable(expression.test), evaluable(expression.yes), evaluable(expression.no)];
      return (run) => (isTrue(test(run)) ? yes(run) : no(run));
    }
    case "filter":
      return filtered(expression);
    case "test": {
      const of = evaluable(expression.of);
      const test = TESTS[expression.name]!;
      const { negated } = expression;
      return (run) => test(unmarked(of(run))) !== negated;
    }
    default:
      throw new Error("A template beyond the subset is not for this renderer.");
  }
}

function named(name: string, local: boolean): Evaluate {
  const variable: Evaluate = ({ variables }) => {
    if (Object.hasOwn(variables, name)) return variables[name];
    return name === "doc" ? variables : undefined;
  };
  if (!local) return variable;
  return (run) => {
    for (let names: Names | null = run.names; names; names = names.outer)
      if (names.own.has(name)) return names.own.get(name);
    return variable(run);
  };
}

function comparison({ first, rest }: Extract<Expression, { kind: "compare" }>): Evaluate {
  const start = evaluable(first);
  const steps = rest.map(([operator, operand]) => ({ holds: COMPARE[operator], operand: evaluable(operand) }));
  return (run) => {
    let left = start(run);
    // 1 < x < 5 is 1 < x and x < 5.
    for (const { holds, operand } of steps) {
      const right = operand(run);
      if (!holds(left, right, run.budget)) return false;
      left = right;
    }
    return true;
  };
}

function filtered({ name, of, given }: Extract<Expression, { kind: "filter" }>): Evaluate {
  const { parameters, apply } = FILTERS[name]!;
  const value = evaluable(of);
  const values = inOrder(given, parameters).map((argument) => argument && evaluable(argument));
  return (run) => apply(run.budget, value(run), ...values.map((argument) => argument?.(run)));
}

/** The arguments at the places of their parameters; a gap keeps the filter's own default. */
function inOrder(given: readonly Argument[], parameters: readonly string[]): (Expression | undefined)[] {
  const ordered: (Expression | undefined)[] = given.filter(({ name }) => name === null).map(({ value }) => value);
  for (const { name, value } of given) if (name !== null) ordered[parameters.indexOf(name)] = value;
  return Array.from(ordered);
}

const TESTS: Readonly<Record<string, (value: unknown) => boolean>> = {
  defined: (value) => !isMissing(value),
  undefined: isMissing,
  none: isMissing,
  string: (value) => typeof value === "string",
  number: (value) => typeof value === "number",
  even: (value) => typeof value === "number" && value % 2 === 0,
  odd: (value) => typeof value === "number" && Math.abs(value % 2) === 1,
};

type Compare = (left: unknown, right: unknown, budget: Budget) => boolean;
const COMPARE: Readonly<Record<Comparison, Compare>> = {
  "==": isEqual,
  "!=": (left, right) => !isEqual(left, right),
  "<": (left, right) => order(left, right) < 0,
  "<=": (left, right) => order(left, right) <= 0,
  ">": (left, right) => order(left, right) > 0,
  ">=": (left, right) => order(left, right) >= 0,
  in: (left, right, budget) => isIn(left, right, budget),
  "not in": (left, right, budget) => !isIn(left, right, budget),
};

function isIn(item: unknown, container: unknown, budget: Budget): boolean {
  const within = unmarked(container);
  if (typeof within === "string" || Array.isArray(within)) budget.make(within.length);
  return contains(within, unmarked(item));
}

type Apply = (left: unknown, right: unknown, budget: Budget) => unknown;
/** What is no number where one is needed makes the result missing, which prints as nothing. */
const calculate =
  (with_: (left: number, right: number) => number): Apply =>
  (left, right) => {
    const [a, b] = [numeric(left), numeric(right)];
    const result = a === null || b === null ? Number.NaN : with_(a, b);
    return Number.isFinite(result) ? result : undefined;
  };

const concatenate: Apply = (left, right, budget) => {
  const [a, b] = [printed(left), printed(right)];
  budget.make(a.length + b.length);
  return a + b;
};

const remainder = calculate((left, right) => left - right * Math.floor(left / right));
const add = calculate((left, right) => left + right);
const multiply = calculate((left, right) => left * right);

const ARITHMETIC: Readonly<Record<Operator, Apply>> = {
  "~": concatenate,
  "+": (left, right, budget) =>
    isText(left) && isText(right) ? concatenate(left, right, budget) : add(left, right, budget),
  "-": calculate((left, right) => left - right),
  "*": (left, right, budget) =>
    isText(left) && typeof right === "number" ? repeat(printed(left), right, budget) : multiply(left, right, budget),
  "/": calculate((left, right) => left / right),
  "//": calculate((left, right) => Math.floor(left / right)),
  "%": (left, right, budget) =>
    isText(left)
      ? formatted(budget, printed(left), Array.isArray(right) ? right : [right])
      : remainder(left, right, budget),
};

function repeat(text: string, count: number, budget: Budget): string {
  const times = Math.max(0, Math.trunc(count));
  budget.make(text.length * times);
  return text.repeat(times);
}

const isText = (value: unknown) => typeof value === "string" || value instanceof Markup;
const unmarked = (value: unknown) => (value instanceof Markup ? value.html : value);

function numeric(value: unknown): number | null {
  if (typeof value === "boolean") return Number(value);
  return typeof value === "number" ? value : null;
}
