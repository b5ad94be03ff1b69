/** Loaded before the program (`node --import`): a machine whose clock the suite sets. The program is none the wiser. */
let offsetMs = Number(process.env["CLOCK_OFFSET_MS"] ?? 0);
const now = Temporal.Now.instant.bind(Temporal.Now);
Temporal.Now.instant = () => now().add({ milliseconds: offsetMs });
process.on("message", (message: { offsetMs?: number }) => {
  if (message.offsetMs !== undefined) ({ offsetMs } = message as { offsetMs: number });
});
process.channel?.unref();
