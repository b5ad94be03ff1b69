/** What one rendering may use up: output, iterations, steps, text made on the way. Counts; decides nothing else. */

/** A mail beyond 1 MB is not a mail. */
export const MAX_OUTPUT = 1_000_000;
/** All loops of one rendering together. */
const MAX_ITERATIONS = 10_000;
/** Tags executed; keeps a large body inside a loop below a few tens of milliseconds. */
const MAX_STEPS = 500_000;
/** Characters that filters and joins may make in all, shown or not. */
const MAX_MADE = 4_000_000;

/** Thrown when a template asks for more than it may have; the message is a sentence for its author. */
export class TemplateLimit extends Error {
  override name = "TemplateLimit";
}

export class Budget {
  #iterations = 0;
  #output = 0;
  #steps = 0;
  #made = 0;

  step(): void {
    if (++this.#steps > MAX_STEPS) throw new TemplateLimit("The template does too much work for one mail.");
  }

  iterate(): void {
    if (++this.#iterations > MAX_ITERATIONS)
      throw new TemplateLimit(`The loops of the template run more than ${MAX_ITERATIONS} times in all.`);
  }

  output(characters: number): void {
    this.#output += characters;
    if (this.#output > MAX_OUTPUT) throw new TemplateLimit("The template makes more than 1 MB of text.");
  }

  /** To be asked before text of that length is made, so that it never is. */
  make(characters: number): void {
    this.#made += characters;
    if (characters > MAX_OUTPUT || !(this.#made <= MAX_MADE))
      throw new TemplateLimit("The template makes a text of more than 1 MB.");
  }
}
