/** Gathers single calls into batches: one statement and one commit for whoever asks at the same time. Keeps no results. */

type Waiting<Item, Result> = {
  readonly item: Item;
  readonly resolve: (result: Result) => void;
  readonly reject: (error: unknown) => void;
};

/**
 * Makes a function for one item out of one for many. While as many batches as may be are under way the next one gathers,
 * so that a slow database gets larger batches, not more of them.
 * @param work gets the items in the order they came and answers in that order.
 * @param side how many batches may be under way side by side.
 */
export function gather<Item, Result>(
  work: (items: readonly Item[]) => Promise<readonly Result[]>,
  mostAtOnce: number,
  side = 1,
): (item: Item) => Promise<Result> {
  let waiting: Waiting<Item, Result>[] = [];
  let running = 0;

  async function run(): Promise<void> {
    while (waiting.length > 0) {
      const batch = waiting.slice(0, mostAtOnce);
      waiting = waiting.slice(mostAtOnce);
      try {
        const results = await work(batch.map(({ item }) => item));
        batch.forEach(({ resolve }, at) => resolve(results[at]!));
      } catch (error) {
        for (const { reject } of batch) reject(error);
      }
    }
    running -= 1;
  }

  return (item) =>
    new Promise((resolve, reject) => {
      waiting.push({ item, resolve, reject });
      if (running >= side) return;
      running += 1;
      // Whoever is ready in this turn of the event loop comes along.
      setImmediate(() => void run());
    });
}
