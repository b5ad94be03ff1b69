/** Renders templates beyond the subset in a watched worker thread: limits on time, memory and output. Keeps nothing. */
import type { Content } from "../core/message.ts";

/**
 * Renders all parts of a general template for one person. Throws TemplateLimit with a sentence for the author.
 * The worker starts at the first call and holds no process open.
 */
export async function renderInSandbox(
  _content: Content,
  _variables: Readonly<Record<string, unknown>>,
): Promise<Content> {
  throw new Error("not yet");
}

/** Ends the worker; the next call starts a new one. */
export async function closeSandbox(): Promise<void> {}
