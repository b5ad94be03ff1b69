/** The address at which `tidings work` is watched: alive, ready, and its measurements for holders of a key. Serves nothing else. */
import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import type { Registry } from "prom-client";
import type { Readiness } from "./health.ts";
import type { MayMeasure } from "./measuring-keys.ts";

export type Watch = { readonly address: string; close(): Promise<void> };

type Watched = Readiness & { readonly metrics: Registry; readonly mayMeasure: MayMeasure };

const json = (response: ServerResponse, status: number, body: object): void => {
  response.writeHead(status, { "content-type": "application/json; charset=utf-8" }).end(JSON.stringify(body));
};

/** What stands at each path; the same as with `tidings serve`. */
const PAGES: Readonly<
  Record<string, (response: ServerResponse, watched: Watched, request: IncomingMessage) => Promise<void>>
> = {
  "/healthz": async (response) => json(response, 200, { status: "alive" }),
  "/readyz": async (response, { check }) => {
    const problem = await check();
    if (problem === null) json(response, 200, { status: "ready" });
    else json(response, 503, { status: "not ready", detail: problem });
  },
  "/metrics": async (response, { metrics, mayMeasure }, { headers }) => {
    if (!(await mayMeasure(headers))) return json(response, 401, { status: "send an API key" });
    const text = await metrics.metrics();
    response.writeHead(200, { "content-type": metrics.contentType }).end(text);
  },
};

/** Listens; rejects when the port is taken. 0 takes any free one. */
export function startWatch({ port, host }: { port: number; host: string }, watched: Watched): Promise<Watch> {
  const server = createServer((request, response) => {
    const page = request.method === "GET" ? PAGES[(request.url ?? "").split("?")[0] ?? ""] : undefined;
    if (!page) return json(response, 404, { status: "not found" });
    page(response, watched, request).catch((error: unknown) =>
      json(response, 500, { status: "failed", detail: String(error) }),
    );
  });
  return new Promise((resolve, reject) => {
    server.once("error", reject);
    server.listen(port, host, () => {
      const { port: taken } = server.address() as AddressInfo;
      resolve({
        address: `http://${host.includes(":") ? `[${host}]` : host}:${taken}`,
        close: () =>
          new Promise((done) => {
            server.close(() => done());
            server.closeAllConnections();
          }),
      });
    });
  });
}
