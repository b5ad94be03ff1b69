/** The colour a mail stands on: read from its body, and given to a design that leaves it to the mail program. Reads nothing else. */
import { colourOf, hexOf } from "../core/colour.ts";
import { pieces } from "./authoring-markup.ts";

const WHITE = "#ffffff";

/** The ground of the body as `#rrggbb`; white where none is said, or it is a picture or not solid. */
export function groundOf(html: string): string {
  const body = bodyTag(html) ?? "";
  const said = [
    ...(/\sstyle\s*=\s*"([^"]*)"/i.exec(body)?.[1] ?? "").matchAll(/background(?:-color)?\s*:\s*([^;]+)/gi),
  ].at(-1)?.[1];
  const colour = colourOf(said?.replace(/!important/i, "") ?? /\sbgcolor\s*=\s*"?([^\s">]+)/i.exec(body)?.[1] ?? "");
  return colour?.[3] === 1 ? hexOf(colour) : WHITE;
}

const bodyTag = (html: string) => pieces(html).find(({ kind, name }) => kind === "open" && name === "body")?.text;

/**
 * Gives a design made of MJML a white ground where its `mj-body` says none. Its texts have fixed colours: on the dark pane
 * of a mail program they could not be read. One that answers to the scheme, or says its ground in a style sheet, is left alone.
 */
export function withGround(html: string): string {
  if (/prefers-color-scheme|(?:^|[\s,};])body[^{}]*\{[^}]*background/i.test(html)) return html;
  const body = bodyTag(html);
  if (!body || /background|bgcolor/i.test(body)) return html;
  // MJML writes the ground of the body on the element within too, for programs that drop the body.
  const at = html.indexOf(body);
  const within = html.indexOf('style="', at + body.length);
  const ground = `background-color:${WHITE};`;
  const placed = body.replace('style="', `style="${ground}`);
  return (
    html.slice(0, at) +
    placed +
    html.slice(at + body.length, within) +
    `style="${ground}` +
    html.slice(within + 'style="'.length)
  );
}
