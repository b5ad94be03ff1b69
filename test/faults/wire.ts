/** A wire between two programs that can be cut, mended, and led elsewhere. Changes no byte. */
import { connect, createServer, type Socket } from "node:net";

export type Wire = ReturnType<typeof wire>;

/** Passes bytes on until it is cut: with a reset, or by passing on nothing, and then with a reset. */
export function wire(to: string | number) {
  let target = to;
  const open = new Set<Socket>();
  let isCut = false;
  const server = createServer((near) => {
    if (isCut) {
      near.destroy();
      return;
    }
    const far = typeof target === "string" ? connect(target) : connect(target, "127.0.0.1");
    for (const [one, other] of [
      [near, far],
      [far, near],
    ] as const) {
      open.add(one);
      one.on("data", (bytes) => (isCut ? undefined : other.write(bytes)));
      one
        .on("error", () => undefined)
        .on("close", () => {
          open.delete(one);
          other.destroy();
        });
    }
  });
  return {
    server,
    cut(how: "reset" | "silent") {
      isCut = true;
      if (how === "reset") for (const socket of open) socket.destroy();
    },
    mend() {
      isCut = false;
      // What was lost on the way never comes: a stream with a hole in it is ended.
      for (const socket of open) socket.destroy();
    },
    /** Whoever connects from now on reaches this instead. */
    lead(elsewhere: string | number) {
      target = elsewhere;
    },
  };
}
