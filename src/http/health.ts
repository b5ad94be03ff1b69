/** Whether the process is alive and can work, for everybody; its measurements for holders of a key. */
import { collectDefaultMetrics, Histogram, Registry } from "prom-client";
import type { FastifyInstance } from "fastify";
import type { MayMeasure } from "./measuring-keys.ts";
import { problem, sendProblem } from "./problems.ts";

/** Each check answers in time or the program is not ready; null is good, a sentence is not. */
export type Readiness = { readonly check: () => Promise<string | null> };

export function health(
  http: FastifyInstance,
  { check, mayMeasure }: Readiness & { readonly mayMeasure: MayMeasure },
): Registry {
  const registry = new Registry();
  collectDefaultMetrics({ register: registry });
  const durations = new Histogram({
    name: "tidings_http_request_duration_seconds",
    help: "How long requests took, by route.",
    labelNames: ["method", "route", "status"],
    buckets: [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5],
    registers: [registry],
  });
  http.addHook("onResponse", async (request, reply) => {
    // The route, never the address: it may hold a token, and each would be a series of its own.
    const route = request.routeOptions.url ?? "none";
    durations.observe({ method: request.method, route, status: reply.statusCode }, reply.elapsedTime / 1000);
  });

  http.get("/healthz", async () => ({ status: "alive" }));
  http.get("/readyz", async (_request, reply) => {
    const problem = await check();
    return problem === null ? { status: "ready" } : reply.code(503).send({ status: "not ready", detail: problem });
  });
  http.get("/metrics", async ({ headers }, reply) => {
    if (await mayMeasure(headers)) return reply.type(registry.contentType).send(await registry.metrics());
    void reply.header("www-authenticate", 'Bearer realm="tidings"');
    return sendProblem(reply, problem("unauthenticated", "Send an API key: Authorization: Bearer tdg_…"));
  });
  return registry;
}
