/** Shows how far long work is: a bar where somebody watches, nothing where a program reads. */
import { progress as bar } from "@clack/prompts";
import type { Output } from "./output.ts";

export type Progress = {
  /** How much is done, of how much if that is known. */
  readonly at: (done: number, total?: number) => void;
  readonly end: (text: string) => void;
};

/** Begins a bar on standard error, so that the answer on standard output stays clean. */
export function begin(output: Output, title: string): Progress {
  if (output.json || !process.stderr.isTTY) return { at: () => undefined, end: () => undefined };
  const size = 100;
  const shown = bar({ max: size, output: process.stderr });
  let before = 0;
  shown.start(title);
  return {
    at(done, total) {
      const text = total ? `${title}: ${done} of ${total}` : `${title}: ${done}`;
      const now = total ? Math.floor((done / total) * size) : before;
      shown.advance(now - before, text);
      before = now;
    },
    end: (text) => shown.stop(text),
  };
}
