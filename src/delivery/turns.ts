/** Turns by key: so many of one key at a time, whoever asked first goes first. Knows nothing of what they do. */

type Line = { inside: number; readonly waiting: (() => void)[] };

/**
 * @param most how many of one key may have their turn at the same time.
 * @returns asks for a turn. It resolves with what ends it, to be called once.
 */
export function createTurns(most: number): (key: number) => Promise<() => void> {
  const lines = new Map<number, Line>();

  return async (key) => {
    const line = lines.getOrInsertComputed(key, () => ({ inside: 0, waiting: [] }));
    if (line.inside < most) line.inside += 1;
    else await new Promise<void>((resolve) => void line.waiting.push(resolve));
    return () => {
      // The turn is handed on; nobody who asks meanwhile can come before.
      const next = line.waiting.shift();
      if (next) return next();
      line.inside -= 1;
      if (line.inside === 0) lines.delete(key);
    };
  };
}
