/** Changes to a document of blocks, each giving a new document: the editor's deeds without its looks. Chooses no ids. */
import type { Block, BlocksDocument, Columns, Leaf, Loop } from "./document.ts";

/** `root`, or the inside of a block: `<id>/0` is a first column, `<id>/blocks` and `<id>/otherwise` a loop's. */
export type Container = string;
export type Place = { readonly container: Container; readonly index: number };
type Blocks = readonly Block[];

export const ROOT: Container = "root";

/** What stands in a container, in order; null when there is none of this name. */
export function blocksIn({ blocks }: Pick<BlocksDocument, "blocks">, container: Container): Blocks | null {
  if (container === ROOT) return blocks;
  const [id = "", part = ""] = container.split("/");
  const one = find(blocks, id);
  if (one?.type === "columns") return one.columns[Number(part)]?.blocks ?? null;
  if (one?.type === "loop") return part === "blocks" ? one.blocks : (one.otherwise ?? []);
  return null;
}

/** A block by its id, wherever it stands. */
export function find(blocks: Blocks, id: string): Block | null {
  for (const one of blocks) {
    if (one.id === id) return one;
    const inside = find(
      insideOf(one).flatMap(([, inner]) => inner),
      id,
    );
    if (inside) return inside;
  }
  return null;
}

/** The containers a block has, by name. */
export function insideOf(one: Block): readonly (readonly [container: Container, blocks: Blocks])[] {
  if (one.type === "columns") return one.columns.map(({ blocks }, at) => [`${one.id}/${at}`, blocks] as const);
  if (one.type !== "loop") return [];
  return [
    [`${one.id}/blocks`, one.blocks],
    [`${one.id}/otherwise`, one.otherwise ?? []],
  ];
}

/** Where a block stands. */
export function placeOf(document: BlocksDocument, id: string): Place | null {
  const look = (container: Container, blocks: Blocks): Place | null => {
    const index = blocks.findIndex((one) => one.id === id);
    if (index >= 0) return { container, index };
    for (const one of blocks)
      for (const [name, inner] of insideOf(one)) {
        const found = look(name, inner);
        if (found) return found;
      }
    return null;
  };
  return look(ROOT, document.blocks);
}

/** Whether a block of a kind may stand in a container: columns hold no columns, a loop no loop. */
export function mayStand(type: Block["type"], container: Container, { blocks }: BlocksDocument): boolean {
  if (container === ROOT) return true;
  const [id = "", part] = container.split("/");
  if (type === "loop") return false;
  return type !== "columns" || (find(blocks, id)?.type === "loop" && part === "blocks");
}

/** Puts a block somewhere; the document as it was where it may not stand there. */
export function insert(document: BlocksDocument, { container, index }: Place, block: Block): BlocksDocument {
  const there = blocksIn(document, container);
  if (!there || !mayStand(block.type, container, document)) return document;
  return withBlocks(document, container, there.toSpliced(Math.min(index, there.length), 0, block));
}

export function remove(document: BlocksDocument, id: string): BlocksDocument {
  const place = placeOf(document, id);
  if (!place) return document;
  return withBlocks(document, place.container, blocksIn(document, place.container)!.toSpliced(place.index, 1));
}

/** Puts another in the place of a block. */
export function replace(document: BlocksDocument, id: string, block: Block): BlocksDocument {
  const place = placeOf(document, id);
  if (!place) return document;
  return withBlocks(document, place.container, blocksIn(document, place.container)!.with(place.index, block));
}

/**
 * Moves a block. `index` counts the places as they are once it has been taken out.
 * The document as it was where it may not stand there, or would stand in itself.
 */
export function move(document: BlocksDocument, id: string, to: Place): BlocksDocument {
  const block = find(document.blocks, id);
  if (!block || to.container.startsWith(`${id}/`) || !mayStand(block.type, to.container, document)) return document;
  const [without] = [remove(document, id)];
  if (!blocksIn(without, to.container)) return document;
  return insert(without, to, block);
}

/** One step up or down: within its container, and out of it at its end. */
export function nudge(document: BlocksDocument, id: string, by: -1 | 1): BlocksDocument {
  const place = placeOf(document, id);
  if (!place) return document;
  const there = blocksIn(document, place.container)!;
  const index = place.index + by;
  if (index >= 0 && index < there.length) return move(document, id, { ...place, index });
  if (place.container === ROOT) return document;
  const outer = placeOf(document, place.container.split("/")[0]!)!;
  return move(document, id, { container: outer.container, index: by < 0 ? outer.index : outer.index + 1 });
}

/** A copy right behind the block, with ids of its own. */
export function duplicate(document: BlocksDocument, id: string, newId: () => string): BlocksDocument {
  const place = placeOf(document, id);
  if (!place) return document;
  return insert(document, { ...place, index: place.index + 1 }, withNewIds(find(document.blocks, id)!, newId));
}

/** The same block, and all inside it, under new ids. */
export function withNewIds<Kind extends Block>(one: Kind, newId: () => string): Kind {
  const inner = <Some extends Block>(blocks: readonly Some[]) => blocks.map((some) => withNewIds(some, newId));
  const copy: Block = { ...one, id: newId() };
  if (copy.type === "columns")
    return { ...copy, columns: copy.columns.map((column) => ({ ...column, blocks: inner(column.blocks) })) } as never;
  if (copy.type === "loop")
    return {
      ...copy,
      blocks: inner(copy.blocks),
      ...(copy.otherwise ? { otherwise: inner(copy.otherwise) } : {}),
    } as never;
  return copy as Kind;
}

function withBlocks(document: BlocksDocument, container: Container, blocks: Blocks): BlocksDocument {
  if (container === ROOT) return { ...document, blocks: [...blocks] };
  const [id = "", part = ""] = container.split("/");
  const change = (one: Block): Block => {
    if (one.id === id && one.type === "columns")
      return {
        ...one,
        columns: one.columns.map((column, at) =>
          at === Number(part) ? { ...column, blocks: blocks as Leaf[] } : column,
        ),
      };
    if (one.id === id && one.type === "loop")
      return part === "blocks" ? { ...one, blocks: blocks as Loop["blocks"] } : { ...one, otherwise: blocks as Leaf[] };
    if (one.type === "loop") return { ...one, blocks: one.blocks.map((inner) => change(inner) as Leaf | Columns) };
    return one;
  };
  return { ...document, blocks: document.blocks.map(change) };
}
