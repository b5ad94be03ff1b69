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
 * @param worthwhile fewer than this wait for the batch under way to end: a commit costs nearly the same for one as for ten.
 */
export function gather<Item, Result>(
  work: (items: readonly Item[]) => Promise<readonly Result[]>,
  mostAtOnce: number,
  { side = 1, worthwhile = 1 } = {},
): (item: Item) => Promise<Result> {
  let waiting: Waiting<Item, Result>[] = [];
  let running = 0;
  const isWorthwhile = (alone: boolean) => waiting.length >= (alone ? 1 : worthwhile);

  async function run(): Promise<void> {
    while (isWorthwhile(running === 1)) {
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
      if (running >= side || !isWorthwhile(running === 0)) return;
      running += 1;
      // Whoever is ready in this turn of the event loop comes along.
      setImmediate(() => void run());
    });
}
