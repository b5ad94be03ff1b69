/** Finds the name that was probably meant. Knows no templates. */

/** The closest of some names, if it is at most a few letters away; null otherwise. */
export function nearest(name: string, names: Iterable<string>): string | null {
  let best: string | null = null;
  let distance = Math.max(1, Math.floor(name.length / 3)) + 1;
  for (const candidate of names) {
    if (Math.abs(candidate.length - name.length) >= distance) continue;
    const apart = lettersApart(name.toLowerCase(), candidate.toLowerCase());
    if (apart < distance) [best, distance] = [candidate, apart];
  }
  return best;
}

/** Letters to add, remove, change or swap with their neighbour. */
function lettersApart(left: string, right: string): number {
  let before: number[] = [];
  let last = Array.from({ length: right.length + 1 }, (_, index) => index);
  for (let row = 1; row <= left.length; row++) {
    const current = [row];
    for (let column = 1; column <= right.length; column++) {
      const same = left[row - 1] === right[column - 1];
      let least = Math.min(last[column]! + 1, current[column - 1]! + 1, last[column - 1]! + (same ? 0 : 1));
      if (row > 1 && column > 1 && left[row - 1] === right[column - 2] && left[row - 2] === right[column - 1])
        least = Math.min(least, before[column - 2]! + 1);
      current.push(least);
    }
    [before, last] = [last, current];
  }
  return last[right.length]!;
}
