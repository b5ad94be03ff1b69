/** The set-up page and the front page: plain HTML that works without scripts. Shows an API key once and keeps none. */
import type { FastifyInstance, FastifyReply } from "fastify";
import type { Clock } from "../clock.ts";
import { Refusal, type Fault } from "../core/problem.ts";
import type { Db } from "../db/database.ts";
import { parse } from "../http/input.ts";
import { statusOf } from "../http/problems.ts";
import { API } from "../http/serve.ts";
import { checkLink, setUp, setupInput } from "./setup.ts";

const FIELDS = [
  {
    name: "name",
    label: "Your name",
    type: "text",
    autocomplete: "name",
    hint: "Mails you start come from this name.",
  },
  { name: "email", label: "Your email address", type: "email", autocomplete: "email", hint: "" },
  { name: "workspaceName", label: "Name of your organisation", type: "text", autocomplete: "organization", hint: "" },
  { name: "timeZone", label: "Time zone", type: "text", autocomplete: "off", hint: "Such as Europe/Lisbon." },
  {
    name: "postalAddress",
    label: "Postal address (optional)",
    type: "text",
    autocomplete: "street-address",
    hint: "Stands in every mail. Needed before real mail is sent.",
  },
] as const;

export function pages(http: FastifyInstance, { db, clock }: { db: Db; clock: Clock }): void {
  http.get("/", async (request, reply) => {
    if (request.headers.accept?.includes("text/html"))
      return page(
        reply,
        200,
        "Tidings",
        `<p>Email campaigns that leave on their day, once, and stop when they should.</p>
<p>This is the program's own server. It has no web application yet: use its <a href="${API}/openapi.json">API</a>
with an API key, or the command line (<code>tidings --help</code>).</p>`,
      );
    return { name: "Tidings", api: API, description: `${API}/openapi.json`, health: "/healthz", ready: "/readyz" };
  });

  http.get<{ Params: { token: string } }>("/setup/:token", async ({ params }, reply) => {
    try {
      await checkLink(db, params.token);
      return form(reply, 200, {}, []);
    } catch (error) {
      return closed(reply, error);
    }
  });

  http.post<{ Params: { token: string }; Body: Record<string, unknown> }>(
    "/setup/:token",
    async ({ params, body }, reply) => {
      try {
        await checkLink(db, params.token);
      } catch (error) {
        return closed(reply, error);
      }
      try {
        const input = await parse(setupInput, body);
        const { key } = await setUp(db, params.token, input, clock().round("millisecond"));
        return page(
          reply,
          200,
          "Tidings is set up",
          `<p>This is your API key. It is shown this once: keep it somewhere safe.</p>
<p><code>${escape(key)}</code></p>
<p>Try it: <code>curl -H "Authorization: Bearer …" …${API}/workspace</code></p>
<p>Signing in with a password comes with the web application. Until then, the key and the command line are the ways in.</p>`,
        );
      } catch (error) {
        if (error instanceof Refusal) return form(reply, statusOf(error.code), body ?? {}, error.faults, error.message);
        throw error;
      }
    },
  );
}

function form(
  reply: FastifyReply,
  status: number,
  given: Record<string, unknown>,
  faults: readonly Fault[],
  message = "",
): FastifyReply {
  const inputs = FIELDS.map(({ name, label, type, autocomplete, hint }) => {
    const fault = faults.find(({ pointer }) => pointer === `/${name}`)?.detail ?? "";
    const value = typeof given[name] === "string" ? given[name] : name === "timeZone" ? "UTC" : "";
    const required = name === "postalAddress" ? "" : " required";
    const notes = [
      hint && `<small id="${name}-hint">${hint}</small>`,
      fault && `<strong id="${name}-fault">${escape(fault)}</strong>`,
    ];
    const described = [hint && `${name}-hint`, fault && `${name}-fault`].filter(Boolean).join(" ");
    return `<p><label for="${name}">${label}</label>
<input id="${name}" name="${name}" type="${type}" autocomplete="${autocomplete}" value="${escape(value)}"${required}${described ? ` aria-describedby="${described}"` : ""}${fault ? ' aria-invalid="true"' : ""}>
${notes.filter(Boolean).join("\n")}</p>`;
  });
  const alert = message === "" ? "" : `<p role="alert">${escape(message)}</p>`;
  return page(
    reply,
    status,
    "Set up Tidings",
    `${alert}<form method="post">${inputs.join("\n")}<p><button>Set up</button></p></form>`,
  );
}

function closed(reply: FastifyReply, error: unknown): FastifyReply {
  if (!(error instanceof Refusal)) throw error;
  return page(reply, statusOf(error.code), "This link no longer works", `<p>${escape(error.message)}</p>`);
}

const STYLE = `:root{color-scheme:light dark}body{font:1rem/1.5 system-ui,sans-serif;max-width:36rem;margin:3rem auto;padding:0 1rem}
label,small,strong{display:block}input{font:inherit;width:100%;padding:.5rem;box-sizing:border-box}button{font:inherit;padding:.5rem 1.5rem}
code{overflow-wrap:anywhere}`;

function page(reply: FastifyReply, status: number, title: string, content: string): FastifyReply {
  return reply
    .code(status)
    .type("text/html; charset=utf-8")
    .header(
      "content-security-policy",
      "default-src 'none'; style-src 'unsafe-inline'; form-action 'self'; frame-ancestors 'none'; base-uri 'none'",
    ).send(`<!doctype html>
<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="robots" content="noindex"><title>${title}</title><style>${STYLE}</style></head>
<body><main><h1>${title}</h1>
${content}</main></body></html>`);
}

function escape(text: string): string {
  return text.replace(/[&<>"']/g, (character) => `&#${character.charCodeAt(0)};`);
}
