/** The thread in which templates beyond the subset render: MiniJinja in WebAssembly, without files, network or clock. */
import { readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { parentPort } from "node:worker_threads";
import { Environment, initSync } from "minijinja-js/dist/web/minijinja_js.js";
import { Budget, MAX_OUTPUT, TemplateLimit } from "../core/template-budget.ts";
import { FILTERS } from "../core/template-filters.ts";
import { isMissing } from "../core/template-values.ts";

export type Part = { readonly source: string; readonly escape: boolean };
export type Task =
  | { readonly kind: "render"; readonly parts: readonly Part[]; readonly variables: Readonly<Record<string, unknown>> }
  | { readonly kind: "check"; readonly source: string };
/** `spent`: this thread has grown or broken and wants to be replaced. */
export type Reply = (
  | { readonly texts: readonly string[] }
  | { readonly problem: string; readonly line: number | null }
) & {
  readonly spent: boolean;
};

/** Steps MiniJinja may take for one part; a campaign mail takes some hundreds. */
const FUEL = 500_000;
/** WebAssembly memory is never given back and no resource limit of a thread counts it, so it gets its own: 64 MB. */
const MAX_PAGES = 1024;
/** Beyond 16 MB the thread is replaced afterwards, so that the process has its memory back. */
const SPENT_BYTES = 16 * 1024 * 1024;
const MAX_KEPT_TEMPLATES = 100;

const bytes = readFileSync(fileURLToPath(import.meta.resolve("minijinja-js/dist/web/minijinja_js_bg.wasm")));
const { memory } = initSync({ module: withMemoryLimit(bytes, MAX_PAGES) });
const kept = new Map<string, string>();
let budget = new Budget();
let environment = newEnvironment();

parentPort!.on("message", (task: Task) => {
  parentPort!.postMessage(answer(task));
});
parentPort!.postMessage("ready");

function answer(task: Task): Reply {
  try {
    const texts = task.kind === "check" ? check(task.source) : render(task.parts, task.variables);
    return { texts, spent: memory.buffer.byteLength > SPENT_BYTES };
  } catch (error) {
    // A trap (no memory left) leaves the engine in a state nobody knows.
    const trapped = error instanceof Error && ["RuntimeError", "RangeError"].includes(error.name);
    const problem = trapped
      ? "It needs too much memory."
      : sentence(error instanceof Error ? error.message : String(error));
    const line = /\(in part\d+\.\w+:(\d+)\)/.exec(String(error))?.[1];
    return { problem, line: line ? Number(line) : null, spent: trapped || memory.buffer.byteLength > SPENT_BYTES };
  }
}

function check(source: string): string[] {
  environment.addTemplate("part0.html", source);
  environment.removeTemplate("part0.html");
  return [];
}

function render(parts: readonly Part[], variables: Readonly<Record<string, unknown>>): string[] {
  // E71: the record is `doc` and the top level alike.
  const context = { doc: variables, ...variables };
  return parts.map(({ source, escape }) => {
    budget = new Budget();
    environment.fuel = FUEL;
    const text = environment.renderTemplate(nameOf(source, escape), context);
    if (text.length > MAX_OUTPUT) throw new TemplateLimit("It makes more than 1 MB of text.");
    // The same two characters are escaped as in the subset.
    return escape ? text.replaceAll("&#x27;", "&#39;").replaceAll("&#x2f;", "/") : text;
  });
}

/** Templates are read once; their name decides about escaping, as it does in Jinja. */
function nameOf(source: string, escape: boolean): string {
  const key = `${escape ? "html" : "txt"} ${source}`;
  let name = kept.get(key);
  if (name) return name;
  if (kept.size >= MAX_KEPT_TEMPLATES) {
    kept.clear();
    environment.free();
    environment = newEnvironment();
  }
  name = `part${kept.size + 1}.${escape ? "html" : "txt"}`;
  environment.addTemplate(name, source);
  kept.set(key, name);
  return name;
}

function newEnvironment(): Environment {
  const made = new Environment();
  made.enablePyCompat();
  made.undefinedBehavior = "chainable";
  // The same filters and tests as in the subset, but for the two that mark text as HTML.
  for (const [name, { parameters, apply }] of Object.entries(FILTERS))
    if (!["safe", "escape", "e"].includes(name))
      made.addFilter(name, (value: unknown, ...given: unknown[]) =>
        apply(budget, plain(value), ...inOrder(given, parameters)),
      );
  made.addTest("defined", (value: unknown) => !isMissing(value));
  made.addTest("undefined", isMissing);
  made.addTest("none", isMissing);
  return made;
}

/** Named arguments come as a Map behind the others. */
function inOrder(given: readonly unknown[], parameters: readonly string[]): unknown[] {
  const named = given.at(-1);
  if (!(named instanceof Map)) return given.map(plain);
  const ordered: unknown[] = given.slice(0, -1).map(plain);
  for (const [name, value] of named) if (parameters.includes(name)) ordered[parameters.indexOf(name)] = plain(value);
  return Array.from(ordered);
}

function plain(value: unknown): unknown {
  if (value instanceof Map) return Object.fromEntries([...value].map(([key, each]) => [String(key), plain(each)]));
  return Array.isArray(value) ? value.map(plain) : value;
}

/** What the engine says, for an author. */
function sentence(message: string): string {
  const [first = ""] = message.replace(/^(?:Error: )?/, "").split("\n");
  if (/fuel/.test(first)) return "It does too much work for one mail.";
  const said = first
    .replace(/ \(in part\d+\.\w+:\d+\)/, "")
    .replace(/^(?:syntax error|invalid operation|error while calling \w+): /, "");
  return `${said.slice(0, 1).toUpperCase()}${said.slice(1)}${/[.!?]$/.test(said) ? "" : "."}`;
}

/**
 * The same program with a limit to its memory (WebAssembly core specification 5.5.8: flag 0 has only a minimum, flag 1
 * a maximum too). A template that asks for more traps, whatever it does.
 */
function withMemoryLimit(program: Uint8Array, pages: number): Uint8Array<ArrayBuffer> {
  const MEMORY_SECTION = 5;
  for (let at = 8; at < program.length;) {
    const [length, start] = leb(program, at + 1);
    if (program[at] === MEMORY_SECTION && program[start] === 1 && program[start + 1] === 0) {
      const [minimum] = leb(program, start + 2);
      const limited = [1, 1, ...lebOf(minimum), ...lebOf(pages)];
      const section = [MEMORY_SECTION, ...lebOf(limited.length), ...limited];
      return Uint8Array.from([...program.subarray(0, at), ...section, ...program.subarray(start + length)]);
    }
    at = start + length;
  }
  throw new Error("The template engine has no memory to limit.");
}

function leb(program: Uint8Array, from: number): [value: number, next: number] {
  let value = 0;
  for (let at = from, shift = 0; ; at++, shift += 7) {
    const octet = program[at]!;
    value |= (octet & 127) << shift;
    if (octet < 128) return [value, at + 1];
  }
}

function lebOf(value: number): number[] {
  return value < 128 ? [value] : [(value & 127) | 128, ...lebOf(value >>> 7)];
}
