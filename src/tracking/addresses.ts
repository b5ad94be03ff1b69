/**
 * The public addresses of pictures and links in mails. What they answer follows from the signature alone; that somebody
 * asked is written down, as a server's log is, and nothing else changes.
 */
import type { FastifyInstance, FastifyReply, FastifyRequest } from "fastify";
import type { Clock } from "../clock.ts";
import { isAutomatic } from "../core/automatic.ts";
import { readClick, readOpen } from "../core/tracking-links.ts";
import { problem, sendProblem } from "../http/problems.ts";
import { wrongLink } from "../unsubscribe/pages.ts";
import type { Recorder } from "./recorder.ts";

/** One transparent pixel. */
const PICTURE = Buffer.from("R0lGODlhAQABAIAAAAAAAP///yH5BAEAAAAALAAAAAABAAEAAAIBRAA7", "base64");

export function addresses(
  http: FastifyInstance,
  { recorder, clock, linkKeys }: { recorder: Recorder; clock: Clock; linkKeys: readonly Uint8Array[] },
): void {
  http.get<{ Params: { token: string } }>("/o/:token.gif", async (request, reply) => {
    const messageId = readOpen(linkKeys, request.params.token);
    if (messageId === null) return sendProblem(reply, problem("not-found", "There is no such picture."));
    await recorder.take({ messageId, kind: "opened", destination: null, written: null, ...circumstances(request) });
    return answer(reply).header("cross-origin-resource-policy", "cross-origin").type("image/gif").send(PICTURE);
  });

  // The rest of the path, since an address is longer than a parameter may be.
  http.get<{ Params: { "*": string } }>("/c/*", async (request, reply) => {
    const click = readClick(linkKeys, request.params["*"]);
    if (click === null) return wrongLink(reply, request.headers["accept-language"]);
    await recorder.take({ ...click, kind: "clicked", ...circumstances(request) });
    return answer(reply).code(302).header("location", new URL(click.destination).href).send();
  });

  const circumstances = (request: FastifyRequest) => ({
    happenedAt: clock().round("millisecond"),
    automatic: isAutomatic(request),
  });
}

const answer = (reply: FastifyReply) => reply.header("x-robots-tag", "noindex, nofollow");
