/** Renders templates beyond the subset in a watched worker thread: limits on time, memory and output. Keeps nothing. */
import { once } from "node:events";
import { Worker } from "node:worker_threads";
import type { Content } from "../core/message.ts";
import { MAX_OUTPUT, TemplateLimit } from "../core/template-budget.ts";
import type { Reply, Task } from "./sandbox-worker.ts";

const TIME_LIMIT_MS = 1000;
/** How much the process may grow while one mail renders; looked at every few milliseconds. */
const MEMORY_LIMIT_BYTES = 256 * 1024 * 1024;
const WATCH_MS = 10;
const MAX_WAITING = 1000;

/** The worker, once it has loaded what it needs: that time is not the template's. */
let worker: Promise<Worker> | null = null;
let queue: Promise<unknown> = Promise.resolve();
let waiting = 0;

/**
 * Renders all parts of a general template for one person.
 * @throws TemplateLimit with a sentence for the author. The worker starts at the first call and holds no process open.
 */
export async function renderInSandbox(
  content: Content,
  variables: Readonly<Record<string, unknown>>,
): Promise<Content> {
  const parts = [
    { source: content.subject, escape: false },
    { source: content.html, escape: true },
    { source: content.text, escape: false },
  ];
  const texts = await ask({ kind: "render", parts, variables: plain(variables) });
  if (texts.some((text) => text.length > MAX_OUTPUT))
    throw new TemplateLimit("The template makes more than a million characters.");
  return { subject: texts[0]!, html: texts[1]!, text: texts[2]! };
}

/** The mistake in a template beyond the subset, with its line; null when it parses. */
export async function checkInSandbox(source: string): Promise<{ line: number; message: string } | null> {
  try {
    await ask({ kind: "check", source });
    return null;
  } catch (error) {
    if (!(error instanceof TemplateLimit)) throw error;
    const line = Number(/\(in checked:(\d+)\)/.exec(error.message)?.[1] ?? 1);
    return { line, message: error.message.replace(/^[a-z ]*error: /i, "").replace(/ \(in checked:\d+\)/, "") };
  }
}

/** Ends the worker; the next call starts a new one. */
export async function closeSandbox(): Promise<void> {
  const closing = worker;
  worker = null;
  await (await closing)?.terminate();
}

/** Only data goes to the worker: dates and the like as text. */
const plain = (variables: Readonly<Record<string, unknown>>) =>
  JSON.parse(JSON.stringify(variables)) as Record<string, unknown>;

function ask(task: Task): Promise<readonly string[]> {
  if (waiting >= MAX_WAITING) return Promise.reject(new TemplateLimit("Too many templates wait to be rendered."));
  waiting += 1;
  const answer = queue.then(() => run(task)).finally(() => (waiting -= 1));
  queue = answer.catch(() => undefined);
  return answer;
}

async function run(task: Task): Promise<readonly string[]> {
  worker ??= newWorker();
  const current = await worker;
  const { promise, resolve, reject } = Promise.withResolvers<readonly string[]>();
  const before = process.memoryUsage.rss();
  let left = TIME_LIMIT_MS / WATCH_MS;
  const watch = setInterval(() => {
    left -= 1;
    if (process.memoryUsage.rss() - before > MEMORY_LIMIT_BYTES) stop("The template needs too much memory.");
    else if (left <= 0) stop("The template takes longer than a second.");
  }, WATCH_MS);
  const settle = () => {
    clearInterval(watch);
    current.off("error", onError);
    current.off("message", onMessage);
  };
  const stop = (why: string) => {
    settle();
    void closeSandbox();
    reject(new TemplateLimit(why));
  };
  const onError = (error: Error) => stop(`The template cannot be rendered: ${error.message}`);
  const onMessage = (reply: Reply) => {
    settle();
    if ("texts" in reply) resolve(reply.texts);
    else reject(new TemplateLimit(reply.problem));
  };
  current.on("error", onError);
  current.on("message", onMessage);
  current.postMessage(task);
  return promise;
}

async function newWorker(): Promise<Worker> {
  const made = new Worker(new URL("sandbox-worker.ts", import.meta.url));
  await once(made, "message");
  made.unref();
  return made;
}
