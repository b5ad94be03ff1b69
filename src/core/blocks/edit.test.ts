/** What an author does to blocks: put in, move, copy, take out; and that nothing is ever lost or doubled by a move. */
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { DEFAULT_DESIGN } from "./design.ts";
import { type Block, type BlocksDocument, allBlocks, readBlocks } from "./document.ts";
import { blocksIn, duplicate, find, insert, insideOf, move, nudge, placeOf, remove, replace } from "./edit.ts";

const line = (id: string): Block => ({ type: "divider", id });
const document: BlocksDocument = {
  version: 1,
  design: DEFAULT_DESIGN,
  blocks: [
    line("a"),
    { type: "columns", id: "c", columns: [{ blocks: [line("c1") as never] }, { blocks: [] }] },
    {
      type: "loop",
      id: "l",
      over: "items",
      as: "item",
      blocks: [
        line("l1") as never,
        { type: "columns", id: "lc", columns: [{ blocks: [] }, { blocks: [line("lc2") as never] }] },
      ],
    },
    line("z"),
  ],
};
const ids = (of: BlocksDocument) => allBlocks(of.blocks).map(({ id }) => id);
const isWhole = (of: BlocksDocument) => "document" in readBlocks(JSON.stringify(of));

describe("a document of blocks", () => {
  it("is changed at any depth", () => {
    const put = insert(document, { container: "lc/0", index: 0 }, line("new"));
    expect(placeOf(put, "new")).toEqual({ container: "lc/0", index: 0 });
    expect(ids(remove(put, "lc2"))).not.toContain("lc2");
    expect(find(replace(document, "c1", { type: "spacer", id: "c1", height: 20 }).blocks, "c1")?.type).toBe("spacer");
    expect(blocksIn(insert(document, { container: "l/otherwise", index: 0 }, line("o")), "l/otherwise")).toHaveLength(
      1,
    );
  });

  it("refuses what may not stand somewhere, by staying as it is", () => {
    const columns = find(document.blocks, "c")!;
    expect(move(document, "c", { container: "c/1", index: 0 })).toBe(document);
    expect(move(document, "l", { container: "c/1", index: 0 })).toBe(document);
    expect(move(document, "c", { container: "lc/0", index: 0 })).toBe(document);
    expect(move(document, "l", { container: "l/blocks", index: 0 })).toBe(document);
    expect(insert(document, { container: "nowhere/0", index: 0 }, columns)).toBe(document);
    expect(placeOf(move(document, "c", { container: "l/blocks", index: 0 }), "c")?.container).toBe("l/blocks");
  });

  it("moves one step at a time, and out of a column at its end", () => {
    expect(ids(nudge(document, "z", -1)).slice(-1)).toEqual(["lc2"]);
    expect(placeOf(nudge(document, "c1", -1), "c1")).toEqual({ container: "root", index: 1 });
    expect(placeOf(nudge(document, "c1", 1), "c1")).toEqual({ container: "root", index: 2 });
    expect(nudge(document, "a", -1)).toBe(document);
  });

  it("copies a block with all inside it, under new ids", () => {
    let serial = 0;
    const copied = duplicate(document, "l", () => `n${++serial}`);
    expect(isWhole(copied)).toBe(true);
    expect(copied.blocks[3]).toMatchObject({ type: "loop", id: "n1" });
    expect(ids(copied)).toHaveLength(ids(document).length + 4);
  });

  it("loses and doubles nothing however it is moved about", () => {
    const containers = ["root", ...allBlocks(document.blocks).flatMap((one) => insideOf(one).map(([name]) => name))];
    const deed = fc.record({
      id: fc.constantFrom(...ids(document)),
      container: fc.constantFrom(...containers),
      index: fc.nat(5),
      step: fc.constantFrom(-1 as const, 1 as const, null),
    });
    fc.assert(
      fc.property(fc.array(deed, { maxLength: 12 }), (deeds) => {
        const end = deeds.reduce(
          (now, { id, step, ...place }) => (step ? nudge(now, id, step) : move(now, id, place)),
          document,
        );
        expect(ids(end).toSorted()).toEqual(ids(document).toSorted());
        expect(isWhole(end)).toBe(true);
      }),
    );
  });
});
