import { expect, it } from "vitest";
import { createTurns } from "./turns.ts";

const settled = () => new Promise((resolve) => void setImmediate(resolve));

it("so many of a key have their turn, the others in the order they asked, and other keys do not wait", async () => {
  const turn = createTurns(2);
  const begun: string[] = [];
  const ends = new Map<string, () => void>();
  const ask = async (key: number, name: string) => {
    const end = await turn(key);
    begun.push(name);
    ends.set(name, end);
  };
  for (const name of ["a", "b", "c", "d"]) void ask(1, name);
  void ask(2, "other");
  await settled();
  expect(begun).toEqual(["a", "b", "other"]);
  ends.get("b")!();
  void ask(1, "e");
  await settled();
  expect(begun).toEqual(["a", "b", "other", "c"]);
  for (const name of ["a", "c"]) ends.get(name)!();
  await settled();
  expect(begun).toEqual(["a", "b", "other", "c", "d", "e"]);
  for (const name of ["d", "e", "other"]) ends.get(name)!();
  void ask(1, "f");
  void ask(1, "g");
  void ask(1, "h");
  await settled();
  expect(begun.slice(6)).toEqual(["f", "g"]);
});
