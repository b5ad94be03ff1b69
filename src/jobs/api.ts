/** The contract of jobs. What a job was given is not shown: it is for its handler alone. */
import { z } from "zod";
import { contract, idParams, instant, listOf, page } from "../http/contract.ts";

const state = z.enum(["queued", "running", "succeeded", "failed"]);

export const job = z.object({
  id: z.number(),
  kind: z.string(),
  state,
  done: z.number().describe("How many are done."),
  total: z.number().nullable().describe("Of how many; null when that is not known."),
  result: z.record(z.string(), z.unknown()).nullable(),
  error: z.string().nullable(),
  createdBy: z.string().nullable(),
  createdAt: instant,
  startedAt: instant.nullable(),
  finishedAt: instant.nullable(),
});

/** What a request answers that starts long work. */
export const accepted = z.object({ jobId: z.number().describe("Ask GET /jobs/:id how it goes.") });

export const jobs = contract({
  list: {
    method: "GET",
    path: "/jobs",
    summary: "Long work, newest first",
    tag: "Jobs",
    access: "viewer",
    query: z.object({ ...page, state: state.optional(), kind: z.string().max(100).optional() }),
    success: { status: 200, body: listOf(job) },
  },
  get: {
    method: "GET",
    path: "/jobs/:id",
    summary: "One job and how far it is",
    tag: "Jobs",
    access: "viewer",
    params: idParams,
    success: { status: 200, body: job },
  },
  events: {
    method: "GET",
    path: "/jobs/:id/events",
    summary: "A job's progress as it happens",
    description: "Server-sent events named `progress`, each with the job as JSON; the stream ends with the job.",
    tag: "Jobs",
    access: "viewer",
    params: idParams,
    produces: "text/event-stream",
    success: { status: 200 },
  },
});
