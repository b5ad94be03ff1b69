import fc from "fast-check";
import { expect, it } from "vitest";
import { idInMessageId, messageIdFor } from "./message-id.ts";

it("the id of a message is found in its Message-ID, with and without brackets", () => {
  fc.assert(
    fc.property(fc.integer({ min: 1, max: Number.MAX_SAFE_INTEGER }), (id) => {
      const made = messageIdFor(id, "0123456789abcdef01234567", "example.com");
      expect(idInMessageId(made)).toBe(id);
      expect(idInMessageId(made.slice(1, -1))).toBe(id);
    }),
  );
});

it.each([
  "",
  "<@>",
  "<abc@example.com>",
  "<zzzzzzzzzzzz.0123456789abcdef01234567@x>",
  "<0.0123456789abcdef01234567@x>",
  "<a.short@x>",
])("%j is of no message of ours", (text) => expect(idInMessageId(text)).toBeNull());
