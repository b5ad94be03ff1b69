/** The public page of preferences, leaving above all: GET and HEAD only show it, POST acts. No script, no cookie, nothing from elsewhere. */
import { createHash } from "node:crypto";
import type { FastifyInstance, FastifyReply, FastifyRequest } from "fastify";
import type { Clock } from "../clock.ts";
import type { Measuring } from "../core/person.ts";
import type { Db } from "../db/database.ts";
import { choose, find, leave, type Leaver, returnAgain, SCOPES, type Scope } from "./unsubscribe.ts";
import { type Words, wordsFor } from "./words.ts";

/** What the mail program's own button ends (RFC 8058): there is nobody to ask, and nobody who presses it thinks in campaigns. */
const ONE_CLICK_SCOPE: Scope = "campaigns";
const BODY_LIMIT_BYTES = 16 * 1024;
/** What the form about opens and clicks sends. */
const MEASURING_ACTIONS: Readonly<Record<string, Measuring>> = {
  "measure-never": "never",
  "measure-as-campaign": "as-campaign",
};

type Fields = Readonly<Record<string, string | undefined>>;

export function pages(
  http: FastifyInstance,
  { db, clock, linkKeys }: { db: Db; clock: Clock; linkKeys: readonly Uint8Array[] },
): void {
  void http.register(async (scope) => {
    acceptForms(scope);
    scope.get<{ Params: { token: string } }>("/u/:token", async (request, reply) => {
      const words = wordsFor(request.headers["accept-language"]);
      const leaver = await find(db, linkKeys, request.params.token);
      return leaver ? page(reply, 200, words, words.title, offer(leaver, words)) : wrong(reply, words);
    });
    scope.post<{ Params: { token: string } }>("/u/:token", async (request, reply) => {
      const words = wordsFor(request.headers["accept-language"]);
      const leaver = await find(db, linkKeys, request.params.token);
      if (!leaver) return wrong(reply, words);
      return act(reply, leaver, fieldsOf(request), words);
    });
  });

  async function act(reply: FastifyReply, leaver: Leaver, fields: Fields, words: Words): Promise<FastifyReply> {
    const now = clock().round("millisecond");
    if (fields["action"] === "return") {
      await returnAgain(db, leaver, now);
      return page(reply, 200, words, words.backTitle, paragraph(words.backDone) + paragraph(words.closing));
    }
    const measuring = Object.hasOwn(MEASURING_ACTIONS, fields["action"] ?? "") && MEASURING_ACTIONS[fields["action"]!];
    if (measuring) {
      await choose(db, leaver, measuring, now);
      const { title, done } = words.measured[measuring];
      const content = paragraph(done) + paragraph(words.closing) + measuringForm(measuring, words.backIntro, words);
      return page(reply, 200, words, title, content);
    }
    const oneClick = fields["List-Unsubscribe"] === "One-Click";
    const chosen = oneClick ? ONE_CLICK_SCOPE : SCOPES.find((scope) => scope === fields["scope"]);
    if (!chosen) return page(reply, 400, words, words.title, alert(words.choose) + offer(leaver, words));
    await leave(db, leaver, chosen, oneClick ? "one-click" : "page", now);
    return page(
      reply,
      200,
      words,
      words.doneTitle,
      paragraph(words.done[chosen](leaver.campaignName)) + paragraph(words.closing) + wayBack(words),
    );
  }
}

/**
 * One form with the three scopes and one button; whoever has left already is told so and may come back. Below it, what
 * one may say without leaving.
 */
function offer(leaver: Leaver, words: Words): string {
  const { campaignName, leftScope } = leaver;
  const already = leftScope ? paragraph(words.already[leftScope](campaignName)) : "";
  const wider = leftScope ? SCOPES.slice(SCOPES.indexOf(leftScope) + 1) : SCOPES;
  const choices = wider.map(
    (scope, at) =>
      `<p><input type="radio" name="scope" id="${scope}" value="${scope}"${at === 0 ? " checked" : ""} required>
<label for="${scope}">${escapeHtml(words.scopes[scope](campaignName))}</label></p>`,
  );
  const form =
    wider.length === 0
      ? ""
      : `<form method="post"><fieldset><legend>${words.legend}</legend>
${choices.join("\n")}</fieldset>
<p><button>${words.leave}</button></p></form>`;
  const intro = leaver.address === null ? "" : paragraph(words.intro(leaver.address, campaignName));
  const measuring =
    leaver.address === null ? "" : `<hr>${measuringForm(leaver.measuring, words.measuring[leaver.measuring], words)}`;
  return intro + already + form + (leftScope ? wayBack(words) : "") + measuring;
}

/** The button that says otherwise about opens and clicks than it is now. */
function measuringForm(now: Measuring, intro: string, words: Words): string {
  const [action, wanted] = Object.entries(MEASURING_ACTIONS).find(([, measuring]) => measuring !== now)!;
  return `<form method="post">${paragraph(intro)}
<p><button class="quiet" name="action" value="${action}">${escapeHtml(words.measure[wanted])}</button></p></form>`;
}

function wayBack(words: Words): string {
  return `<form method="post"><p>${words.backIntro}
<button class="quiet" name="action" value="return">${words.back}</button></p></form>`;
}

const escapeHtml = (text: string) => text.replace(/[&<>"']/g, (character) => `&#${character.charCodeAt(0)};`);
const paragraph = (text: string) => `<p>${escapeHtml(text)}</p>`;
const alert = (text: string) => `<p role="alert"><strong>${escapeHtml(text)}</strong></p>`;

/** The same for every token that is not ours: it tells a guesser nothing (E87). */
function wrong(reply: FastifyReply, words: Words): FastifyReply {
  return page(reply, 404, words, words.wrongTitle, paragraph(words.wrong));
}

/** The same page for other links in mails that are not ours, in the language of whoever asks. */
export const wrongLink = (reply: FastifyReply, acceptLanguage: string | undefined): FastifyReply =>
  wrong(reply, wordsFor(acceptLanguage));

// Contrast: #1a1a1a on #fff 17:1, #fff on #1d4f91 8:1; dark: #f2f2f2 on #16181c 16:1, #10141a on #8ab8ff 9:1.
const STYLE = `:root{color-scheme:light dark;--text:#1a1a1a;--page:#fff;--button:#1d4f91;--on-button:#fff;--line:#6b6b6b}
@media(prefers-color-scheme:dark){:root{--text:#f2f2f2;--page:#16181c;--button:#8ab8ff;--on-button:#10141a;--line:#a0a0a0}}
body{font:1.125rem/1.5 system-ui,sans-serif;color:var(--text);background:var(--page);margin:0}
main{max-width:36rem;margin:0 auto;padding:2rem 1rem;overflow-wrap:anywhere}
h1{font-size:1.75rem;line-height:1.2}
fieldset{border:1px solid var(--line);border-radius:.5rem;padding:.5rem 1rem}legend{padding:0 .25rem;font-weight:600}
fieldset p{display:flex;gap:.75rem;align-items:flex-start;margin:.75rem 0}hr{border:0;border-top:1px solid var(--line);margin:2rem 0}input{width:1.25rem;height:1.25rem;margin:.2rem 0 0;flex:none}
button{font:inherit;font-weight:600;min-height:2.75rem;padding:.5rem 1.5rem;border:2px solid var(--button);border-radius:.5rem;background:var(--button);color:var(--on-button);cursor:pointer}
button.quiet{background:transparent;color:var(--text);border-color:var(--line);font-weight:400}
:focus-visible{outline:3px solid var(--button);outline-offset:3px}`;
const STYLE_HASH = createHash("sha256").update(STYLE).digest("base64");

function page(reply: FastifyReply, status: number, words: Words, title: string, content: string): FastifyReply {
  return reply
    .code(status)
    .type("text/html; charset=utf-8")
    .headers({
      "content-language": words.language,
      vary: "accept-language",
      "x-robots-tag": "noindex, nofollow",
      "content-security-policy": `default-src 'none'; style-src 'sha256-${STYLE_HASH}'; form-action 'self'; frame-ancestors 'none'; base-uri 'none'`,
    }).send(`<!doctype html>
<html lang="${words.language}"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width, initial-scale=1">
<title>${title}</title><style>${STYLE}</style></head>
<body><main><h1>${title}</h1>
${content}</main></body></html>`);
}

/** RFC 8058 3.2: the button's body is a form of either kind. Whatever else a mail program sends is read as no fields. */
function acceptForms(scope: FastifyInstance): void {
  scope.addContentTypeParser(
    "multipart/form-data",
    { parseAs: "buffer", bodyLimit: BODY_LIMIT_BYTES },
    (_request, body, done) => done(null, multipartFields(body as Buffer)),
  );
  scope.addContentTypeParser("*", { parseAs: "buffer", bodyLimit: BODY_LIMIT_BYTES }, (_request, _body, done) =>
    done(null, {}),
  );
}

/** The plain fields of a small multipart form; parts that are files are fields like any other. */
function multipartFields(body: Buffer): Fields {
  const parts = body
    .toString("latin1")
    .matchAll(/name="?([\w-]+)"?[^\r\n]*\r?\n(?:[^\r\n]+\r?\n)*\r?\n([^\r\n]*)\r?\n--/g);
  return Object.fromEntries([...parts].map(([, name, value]) => [name, value]));
}

function fieldsOf({ body }: FastifyRequest): Fields {
  const given = body !== null && typeof body === "object" ? (body as Record<string, unknown>) : {};
  const field = (name: string) => (typeof given[name] === "string" ? given[name] : undefined);
  return { scope: field("scope"), action: field("action"), "List-Unsubscribe": field("List-Unsubscribe") };
}
