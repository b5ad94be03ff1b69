/** The parts a template is made of once it is read. Data only. */

/** Where a template is wrong; line and column count from 1. */
export type Problem = {
  readonly line: number;
  readonly column: number;
  readonly code: string;
  readonly message: string;
};

/** A name a template asks for, as a dotted path without a leading `doc.`. */
export type Variable = {
  readonly path: string;
  readonly line: number;
  readonly column: number;
  /** The template says itself what to do without it: `default(…)`, `or`, `is defined`. */
  readonly hasDefault: boolean;
};

export type Expression =
  | { readonly kind: "literal"; readonly value: unknown }
  | { readonly kind: "list"; readonly items: readonly Expression[] }
  | { readonly kind: "name"; readonly name: string; readonly local: boolean }
  | { readonly kind: "member"; readonly of: Expression; readonly key: Expression }
  | { readonly kind: "not" | "minus" | "plus"; readonly operand: Expression }
  | { readonly kind: "and" | "or"; readonly left: Expression; readonly right: Expression }
  | { readonly kind: "arithmetic"; readonly operator: Operator; readonly left: Expression; readonly right: Expression }
  | {
      readonly kind: "compare";
      readonly first: Expression;
      readonly rest: readonly (readonly [Comparison, Expression])[];
    }
  | { readonly kind: "choice"; readonly test: Expression; readonly yes: Expression; readonly no: Expression }
  | { readonly kind: "filter"; readonly name: string; readonly of: Expression; readonly given: readonly Argument[] }
  | { readonly kind: "test"; readonly name: string; readonly of: Expression; readonly negated: boolean }
  /** Good Jinja that only the sandbox renders. */
  | { readonly kind: "beyond" };

export type Operator = "+" | "-" | "*" | "/" | "//" | "%" | "~";
export type Comparison = "==" | "!=" | "<" | "<=" | ">" | ">=" | "in" | "not in";
export type Argument = { readonly name: string | null; readonly value: Expression };

export type Statement =
  | { readonly kind: "text"; readonly text: string }
  | { readonly kind: "output"; readonly value: Expression }
  | { readonly kind: "if"; readonly branches: readonly Branch[]; readonly otherwise: readonly Statement[] }
  | {
      readonly kind: "for";
      readonly name: string;
      readonly items: Expression;
      readonly where: Expression | null;
      readonly body: readonly Statement[];
      readonly otherwise: readonly Statement[];
    }
  | { readonly kind: "set"; readonly name: string; readonly value: Expression };

export type Branch = { readonly test: Expression; readonly body: readonly Statement[] };
