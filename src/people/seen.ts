/** Remembers which of a million keys were there before, in 16 bytes a key. Forgets nothing and holds no key itself. */

const FIRST_SLOTS = 1 << 12;

/**
 * A set of 64-bit hashes: open addressing, at most half full. Two of a million keys share a hash once in some thirty
 * million files; the later of such two would be taken for a repetition and reported as one.
 */
export class SeenKeys {
  #high = new Uint32Array(FIRST_SLOTS);
  #low = new Uint32Array(FIRST_SLOTS);
  #count = 0;

  /** Adds a key. @returns whether it was there before. */
  add(key: string): boolean {
    // FNV-1a over two lanes with different seeds and primes.
    let high = 0x811c9dc5;
    let low = 0x9747b28c;
    for (let index = 0; index < key.length; index += 1) {
      const code = key.charCodeAt(index);
      high = Math.imul(high ^ code, 0x01000193);
      low = Math.imul(low ^ code, 0x85ebca6b);
      low ^= low >>> 13;
    }
    high = Math.imul(high ^ (high >>> 15), 0x2c1b3c6d) >>> 0;
    // Zero in both marks an empty slot.
    low = (low >>> 0) | 1;
    if (this.#place(high, low)) return true;
    this.#count += 1;
    if (this.#count * 2 > this.#low.length) this.#grow();
    return false;
  }

  #place(high: number, low: number): boolean {
    const mask = this.#low.length - 1;
    let slot = (high ^ (low >>> 1)) & mask;
    while (this.#low[slot] !== 0) {
      if (this.#low[slot] === low && this.#high[slot] === high) return true;
      slot = (slot + 1) & mask;
    }
    this.#low[slot] = low;
    this.#high[slot] = high;
    return false;
  }

  #grow(): void {
    const [high, low] = [this.#high, this.#low];
    this.#high = new Uint32Array(low.length * 2);
    this.#low = new Uint32Array(low.length * 2);
    for (let slot = 0; slot < low.length; slot += 1) if (low[slot] !== 0) this.#place(high[slot] ?? 0, low[slot] ?? 0);
  }
}
