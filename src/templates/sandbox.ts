/** Renders templates beyond the subset in a watched worker thread: limits on time, memory and output. Keeps nothing. */
import { once } from "node:events";
import { Worker } from "node:worker_threads";
import type { Content } from "../core/message.ts";
import { TemplateLimit } from "../core/template-budget.ts";
import type { Reply, Task } from "./sandbox-worker.ts";

/** All parts of one mail. */
const TIME_LIMIT_MS = 1000;
const MAX_WAITING = 1000;

/** The worker, once it has loaded what it needs: that time is not the template's. */
let worker: Promise<Worker> | null = null;
let queue: Promise<unknown> = Promise.resolve();
let waiting = 0;

/**
 * Renders all parts of a general template for one person. The worker starts at the first call and holds no process open.
 * @throws TemplateLimit with a sentence for the author.
 */
export async function renderInSandbox(
  { subject, html, text }: Content,
  variables: Readonly<Record<string, unknown>>,
): Promise<Content> {
  const parts = [
    { source: subject, escape: false },
    { source: html, escape: true },
    { source: text, escape: false },
  ];
  const reply = await ask({ kind: "render", parts, variables: known(variables) });
  if ("problem" in reply) {
    const place = reply.line === null ? "" : ` (line ${reply.line} of what is sent)`;
    throw new TemplateLimit(`The template cannot be rendered${place}: ${reply.problem}`);
  }
  return { subject: reply.texts[0]!, html: reply.texts[1]!, text: reply.texts[2]! };
}

/** The mistake in a template beyond the subset, with its line; null when it parses. */
export async function checkInSandbox(source: string): Promise<{ line: number; message: string } | null> {
  const reply = await ask({ kind: "check", source });
  return "problem" in reply ? { line: reply.line ?? 1, message: reply.problem } : null;
}

/** Ends the worker; the next call starts a new one. */
export async function closeSandbox(): Promise<void> {
  const closing = worker;
  worker = null;
  await (await closing)?.terminate();
}

/** Only data goes to the worker. What is not known is left out, so that it is missing there too. */
const known = (variables: Readonly<Record<string, unknown>>) =>
  JSON.parse(JSON.stringify(variables, (_, value: unknown) => value ?? undefined)) as Record<string, unknown>;

/** One task at a time; those behind it wait. */
function ask(task: Task): Promise<Reply> {
  if (waiting >= MAX_WAITING) return Promise.reject(new TemplateLimit("Too many templates wait to be rendered."));
  waiting += 1;
  const answer = queue.then(() => run(task)).finally(() => (waiting -= 1));
  queue = answer.catch(() => undefined);
  return answer;
}

async function run(task: Task): Promise<Reply> {
  worker ??= newWorker();
  const current = await worker;
  const limit = new AbortController();
  const timer = setTimeout(() => limit.abort(), TIME_LIMIT_MS);
  try {
    const answered = once(current, "message", { signal: limit.signal });
    current.postMessage(task);
    const [reply] = (await answered) as [Reply];
    if (reply.spent) await closeSandbox();
    return reply;
  } catch (error) {
    // It took too long, or the thread ended of itself: there is nothing left to ask.
    await closeSandbox();
    const problem = limit.signal.aborted ? "It takes longer than a second." : `Its renderer ended (${String(error)}).`;
    return { problem, line: null, spent: true };
  } finally {
    clearTimeout(timer);
  }
}

function newWorker(): Promise<Worker> {
  const made = new Worker(new URL("sandbox-worker.ts", import.meta.url), {
    // Nothing to find there (attack 1), and a heap of its own.
    env: {},
    execArgv: [],
    resourceLimits: { maxOldGenerationSizeMb: 96, maxYoungGenerationSizeMb: 16 },
  });
  // Whoever waits hears of an error through `once`; a thread that ended is not asked again.
  made.on("error", () => undefined);
  made.once("exit", () => {
    if (worker === ready) worker = null;
  });
  const ready = once(made, "message").then(() => {
    made.unref();
    return made;
  });
  return ready;
}
