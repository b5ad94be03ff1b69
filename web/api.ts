/** The client of the API, typed by the same contracts the server is built from. Holds no endpoint of its own. */
import type { z } from "zod";
import type * as accounts from "../src/accounts/api.ts";
import type * as automaticStarts from "../src/automatic-starts/api.ts";
import type * as campaigns from "../src/campaigns/api.ts";
import type * as communications from "../src/communications/api.ts";
import type * as conversations from "../src/conversations/api.ts";
import type * as deliverability from "../src/deliverability/api.ts";
import type * as continuity from "../src/continuity/api.ts";
import type * as delivery from "../src/delivery/api.ts";
import type * as directory from "../src/directory/api.ts";
import type * as domains from "../src/domains/api.ts";
import type * as emailCampaigns from "../src/email-campaigns/api.ts";
import type * as emailGroups from "../src/email-groups/api.ts";
import type * as events from "../src/events/api.ts";
import type { Endpoint } from "../src/http/contract.ts";
import type * as images from "../src/images/api.ts";
import type * as inbound from "../src/inbound/api.ts";
import type * as insights from "../src/insights/api.ts";
import type * as jobs from "../src/jobs/api.ts";
import type * as mail from "../src/mail/api.ts";
import type * as people from "../src/people/api.ts";
import type * as publishing from "../src/publishing/api.ts";
import type * as signIn from "../src/sign-in/api.ts";
import type * as simulation from "../src/simulation/api.ts";
import type * as suppressions from "../src/suppressions/api.ts";
import type * as templates from "../src/templates/api.ts";
import type * as tracking from "../src/tracking/api.ts";
import type * as variants from "../src/variants/api.ts";
import type * as workspace from "../src/workspace/api.ts";

type Modules = [
  typeof accounts,
  typeof automaticStarts,
  typeof campaigns,
  typeof communications,
  typeof conversations,
  typeof deliverability,
  typeof continuity,
  typeof delivery,
  typeof directory,
  typeof domains,
  typeof emailCampaigns,
  typeof emailGroups,
  typeof events,
  typeof images,
  typeof inbound,
  typeof insights,
  typeof jobs,
  typeof mail,
  typeof people,
  typeof publishing,
  typeof signIn,
  typeof simulation,
  typeof suppressions,
  typeof templates,
  typeof tracking,
  typeof variants,
  typeof workspace,
][number];

/** Every endpoint of every contract: whatever a module exports that looks like a set of endpoints. */
type EndpointsOf<Module> = Module extends unknown
  ? {
      [Name in keyof Module]: Module[Name] extends Record<string, Endpoint> ? Module[Name][keyof Module[Name]] : never;
    }[keyof Module]
  : never;
type AnyEndpoint = EndpointsOf<Modules>;
type RouteOf<Of> = Of extends { method: infer Method extends string; path: infer Path extends string }
  ? `${Method} ${Path}`
  : never;
type ByRoute = { [Of in AnyEndpoint as RouteOf<Of>]: Of };

/** `GET /leads/:id` and its like. */
export type Route = keyof ByRoute;

type InputOf<Of, Part extends "query" | "body"> = Of extends { [Key in Part]: infer Schema extends z.ZodType }
  ? z.input<Schema>
  : undefined;

/** Names are checked here, values by the server: they come out of the address bar as text. */
type QueryOf<Input> = string extends keyof Input
  ? Readonly<Record<string, unknown>>
  : { readonly [Key in keyof Input]?: unknown };

/** What a call takes besides its route. */
export type Sent<Of extends Route> = {
  readonly params?: Readonly<Record<string, string | number>>;
  readonly query?: QueryOf<InputOf<ByRoute[Of], "query">>;
  readonly body?: InputOf<ByRoute[Of], "body">;
  /** The ETag of what was read: the edit is refused when somebody changed it since. */
  readonly ifMatch?: string;
  readonly signal?: AbortSignal;
};

/** What a call answers. */
export type Answer<Of extends Route> = ByRoute[Of] extends { success: { body: infer Schema extends z.ZodType } }
  ? z.output<Schema>
  : undefined;

/** One row of a list. */
export type Row<Of extends Route> = Answer<Of> extends { data: readonly (infer Item)[] } ? Item : never;

/** A refusal or failure of the API (RFC 9457), or of the network: `status` 0. */
export class Problem extends Error {
  readonly status: number;
  readonly code: string;
  readonly errors: readonly { readonly pointer: string; readonly detail: string }[];
  constructor(status: number, code: string, detail: string, errors: Problem["errors"] = []) {
    super(detail);
    this.status = status;
    this.code = code;
    this.errors = errors;
  }
}

const API = "/api/v1";

/** The address of an endpoint, for links, downloads and event streams. */
export function address(
  route: Route,
  { params = {}, query }: { params?: Sent<Route>["params"]; query?: object } = {},
): string {
  const path = route.slice(route.indexOf(" ") + 1);
  const filled = path.replaceAll(/:(\w+)/g, (_, name: string) => encodeURIComponent(String(params[name] ?? "")));
  const search = searchOf(query ?? {});
  return API + filled + (search ? `?${search}` : "");
}

/** Calls one endpoint. Throws a {@link Problem} for everything but success. */
export async function call<Of extends Route>(route: Of, sent: Sent<Of> = {}): Promise<Answer<Of>> {
  const method = route.slice(0, route.indexOf(" "));
  const headers: Record<string, string> = {
    accept: "application/json",
    "accept-language": document.documentElement.lang || "en",
  };
  if (sent.body !== undefined) headers["content-type"] = "application/json";
  if (sent.ifMatch !== undefined) headers["if-match"] = sent.ifMatch;
  return (await request(address(route, { params: sent.params, query: sent.query as object }), {
    method,
    headers,
    body: sent.body === undefined ? null : JSON.stringify(sent.body),
    ...(sent.signal ? { signal: sent.signal } : {}),
  })) as Answer<Of>;
}

/** Sends a file to an endpoint that takes one. */
export async function upload<Of extends Route>(
  route: Of,
  file: Blob,
  sent: Pick<Sent<Of>, "params" | "query"> & { readonly type?: string } = {},
): Promise<Answer<Of>> {
  return (await request(address(route, { params: sent.params, query: sent.query as object }), {
    method: route.slice(0, route.indexOf(" ")),
    headers: { accept: "application/json", "content-type": sent.type ?? "text/csv" },
    body: file,
  })) as Answer<Of>;
}

/** Hands in a received mail. */
export async function sendMail(file: Blob): Promise<Answer<"POST /inbound/mails">> {
  return (await request(address("POST /inbound/mails"), {
    method: "POST",
    headers: { accept: "application/json", "content-type": "message/rfc822" },
    body: file,
  })) as Answer<"POST /inbound/mails">;
}

async function request(url: string, init: RequestInit): Promise<unknown> {
  let response: Response;
  try {
    response = await fetch(url, { credentials: "same-origin", ...init });
  } catch (error) {
    if (error instanceof DOMException && error.name === "AbortError") throw error;
    throw new Problem(0, "offline", "The server cannot be reached. Check the connection and try again.");
  }
  if (response.status === 204) return undefined;
  const type = response.headers.get("content-type") ?? "";
  const body: unknown = type.includes("json") ? await response.json() : await response.text();
  if (response.ok) return body;
  const problem = (typeof body === "object" && body !== null ? body : {}) as {
    code?: string;
    detail?: string;
    errors?: Problem["errors"];
  };
  throw new Problem(
    response.status,
    problem.code ?? "failed",
    problem.detail ?? `The server answered ${response.status}.`,
    problem.errors,
  );
}

function searchOf(query: object): string {
  const search = new URLSearchParams();
  for (const [name, value] of Object.entries(query) as [string, unknown][]) {
    if (value === undefined || value === null || value === "") continue;
    for (const one of Array.isArray(value) ? value : [value]) search.append(name, String(one));
  }
  return search.toString();
}
