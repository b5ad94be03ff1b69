import fc from "fast-check";
import { expect, it } from "vitest";
import { type LinkPurpose, sign, verify } from "./links.ts";

const keys = [Buffer.alloc(32, 1), Buffer.alloc(32, 2)];
const id = fc.integer({ min: 1, max: Number.MAX_SAFE_INTEGER });
const claim = fc.record({ emailCampaignId: id, personId: id, messageId: id });

it("E87 a token says what it was made for, however large the numbers", () => {
  fc.assert(
    fc.property(claim, (about) => {
      expect(verify(keys, "unsubscribe", sign(keys, "unsubscribe", about))).toEqual(about);
    }),
  );
});

it("E87 any change of any character, a cut or an addition is refused", () => {
  fc.assert(
    fc.property(
      claim,
      fc.nat(),
      fc.constantFrom("a", "b", "z", "0", ".", "-", "_", "=", "A"),
      (about, where, character) => {
        const token = sign(keys, "unsubscribe", about);
        const index = where % token.length;
        const changed = token.slice(0, index) + character + token.slice(index + 1);
        if (changed !== token) expect(verify(keys, "unsubscribe", changed)).toBeNull();
        expect(verify(keys, "unsubscribe", token.slice(0, index))).toBeNull();
        expect(verify(keys, "unsubscribe", token + character)).toBeNull();
      },
    ),
  );
});

it("a token for one purpose is none for another", () => {
  const token = sign(keys, "unsubscribe", { emailCampaignId: 1, personId: 2, messageId: 3 });
  expect(verify(keys, "preferences" as LinkPurpose, token)).toBeNull();
});

it("old links go on working after the key was changed, and a stranger's key opens nothing", () => {
  const token = sign([keys[1]!], "unsubscribe", { emailCampaignId: 1, personId: 2, messageId: 3 });
  expect(verify(keys, "unsubscribe", token)).not.toBeNull();
  expect(verify([Buffer.alloc(32, 9)], "unsubscribe", token)).toBeNull();
});

it("garbage never throws", () => {
  fc.assert(
    fc.property(fc.string({ unit: "binary" }), (garbage) => {
      expect(verify(keys, "unsubscribe", garbage)).toBeNull();
    }),
  );
});
