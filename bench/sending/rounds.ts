/** A worker of the bench: does its round as often as it is told and says what each took, until nobody is there to tell it. */

/** @param round answers how many mails were sent. One that fails ends the process. */
export function serveRounds(round: () => Promise<number>, end: () => void): void {
  const measured = async (): Promise<void> => {
    const before = process.cpuUsage();
    const begun = performance.now();
    const sent = await round();
    const ms = performance.now() - begun;
    const { user, system } = process.cpuUsage(before);
    process.send?.({ ms, cpuMicros: user + system, sent, rss: process.resourceUsage().maxRSS / 1024 });
  };
  process.on("message", () => void measured());
  process.once("disconnect", end);
  process.send?.("ready");
}
