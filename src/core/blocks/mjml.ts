/** From blocks to MJML, one way: the same document always gives the same source. Checks nothing that `document.ts` does. */
import { colourOf, contrast } from "../colour.ts";
import { type Palette, daylight, inkOn, night, nightButton } from "./design.ts";
import type { Block, BlocksDocument, Columns, Design, Leaf, Loop } from "./document.ts";
import { attribute, lineHtml, literal, richHtml, testOf } from "./inline.ts";

export type Made = {
  readonly mjml: string;
  /** The id of the block that made each line, from line 1 on; null for the frame around them. */
  readonly lines: readonly (string | null)[];
};

type Line = readonly [text: string, block: string | null];
type Pen = {
  readonly design: Design;
  readonly day: Palette;
  /** The ground the block stands on, and whether its author chose it: then it stays at night too. */
  readonly ground: string;
  readonly chosen: boolean;
  /** Names each block in the HTML, for checks; mail goes out without. */
  readonly mark: boolean;
};

const BESIDE = 12;
const PADDING = { none: 0, small: 4, normal: 10, large: 24 } as const;
const SIZES = { 1: ["28px", "1.25"], 2: ["22px", "1.3"], 3: ["18px", "1.4"] } as const;

/** @param mark whether each block's id stands in the HTML as the class `tdb-<id>`. */
export function blocksToMjml(document: BlocksDocument, { mark = false } = {}): Made {
  const { design } = document;
  const day = daylight(design);
  const pen: Pen = { design, day, ground: day.surface, chosen: false, mark };
  const end = bodyEnd(document.blocks);
  const beneath = { ...pen, ground: day.background };
  const lines: Line[] = [
    ...head(document, day),
    [`<mj-body background-color="${design.background}" css-class="tdg-page" width="600px">`, null],
    ['<mj-section padding="8px 0"><mj-column><mj-spacer height="8px" /></mj-column></mj-section>', null],
    ...(end > 0 ? wrapped(document.blocks.slice(0, end), pen) : []),
    ...sections(document.blocks.slice(end), beneath, "tdg-foot"),
    ["</mj-body>", null],
    ["</mjml>", null],
  ];
  return { mjml: `${lines.map(([text]) => text).join("\n")}\n`, lines: lines.map(([, block]) => block) };
}

/** A footer at the end stands beneath the mail, on its background. */
function bodyEnd(blocks: readonly Block[]): number {
  let end = blocks.length;
  while (end > 0 && blocks[end - 1]!.type === "footer" && blocks[end - 1]!.background === undefined) end--;
  return end;
}

function head({ design, language = "en" }: BlocksDocument, day: Palette): Line[] {
  const dark = night(design);
  const button = nightButton(design.primary);
  const frame = (text: string): Line => [text, null];
  return [
    frame(`<mjml lang="${language}">`),
    frame("<mj-head>"),
    frame('<mj-raw><meta name="color-scheme" content="light dark"></mj-raw>'),
    frame('<mj-raw><meta name="supported-color-schemes" content="light dark"></mj-raw>'),
    frame("<mj-attributes>"),
    frame(`<mj-all font-family="${attribute(design.bodyFont)}" />`),
    frame(`<mj-text font-size="16px" line-height="1.6" color="${day.text}" padding="8px ${BESIDE}px" />`),
    frame(`<mj-section padding="0 ${BESIDE}px" />`),
    frame('<mj-column padding="0" />'),
    frame("</mj-attributes>"),
    frame("<mj-style>:root{color-scheme:light dark;supported-color-schemes:light dark}"),
    frame("@media (prefers-color-scheme:dark){"),
    frame(`body,.tdg-page>div{background-color:${dark.background} !important}`),
    frame(
      `.tdg-card,.tdg-card>table{background:${dark.surface} !important;background-color:${dark.surface} !important}`,
    ),
    frame(`.tdt>div,.tdt>div *{color:${dark.text} !important}`),
    frame(`.tdt>div a.tdl,.tdt>div a.tdl *{color:${dark.link} !important}`),
    frame(`.tdg-foot .tdt>div,.tdg-foot .tdt>div *{color:${dark.footer} !important}`),
    frame(`.tdr>p{border-top-color:${dark.line} !important}`),
    frame(`.tdf>table>tbody>tr>td,.tdf a{background:${button} !important;color:${inkOn(button)} !important}`),
    frame(`.tdo>table>tbody>tr>td{border-color:${dark.link} !important}`),
    frame(`.tdo a{color:${dark.link} !important}`),
    frame("}</mj-style>"),
    frame("</mj-head>"),
  ];
}

function wrapped(blocks: readonly Block[], pen: Pen): Line[] {
  const { surface } = pen.day;
  const radius = pen.design.cornerRadius;
  return [
    [
      `<mj-wrapper css-class="tdg-card" background-color="${surface}" border-radius="${radius}px" padding="20px 0">`,
      null,
    ],
    ...sections(blocks, pen, ""),
    ["</mj-wrapper>", null],
  ];
}

/** Blocks that follow each other on one ground share a section: half the markup, and half the size of the mail. */
function sections(blocks: readonly Block[], pen: Pen, name: string): Line[] {
  const lines: Line[] = [];
  let together: Leaf[] = [];
  const finish = () => {
    if (together.length > 0) lines.push(...section(together, pen, name));
    together = [];
  };
  for (const one of blocks) {
    if (isLeaf(one) && one.background === undefined) together.push(one);
    else {
      finish();
      lines.push(...shownIf(one, alone(one, pen, name)));
    }
  }
  finish();
  return lines;
}

const isLeaf = (one: Block): one is Leaf => one.type !== "columns" && one.type !== "loop";

function section(blocks: readonly Leaf[], pen: Pen, name: string): Line[] {
  return [
    [`<mj-section${classes(name)}><mj-column>`, blocks[0]?.id ?? null],
    ...blocks.flatMap((one) => shownIf(one, [leaf(one, pen)])),
    ["</mj-column></mj-section>", null],
  ];
}

/** A block with a section, or several, of its own. */
function alone(one: Block, pen: Pen, name: string): Line[] {
  const { background } = one;
  const ground = background === undefined ? pen : { ...pen, ground: background, chosen: true };
  const look = background === undefined ? "" : ` background-color="${background}" padding="12px ${BESIDE}px"`;
  if (one.type === "columns") return beside(one, ground, look, name);
  if (one.type === "loop") return repeated(one, ground, name);
  return [
    [`<mj-section${look}${classes(name)}><mj-column>`, one.id],
    [...leaf(one, ground)],
    ["</mj-column></mj-section>", null],
  ];
}

function beside(one: Columns, pen: Pen, look: string, name: string): Line[] {
  const widths = shares(one);
  const above = PADDING[one.spacing ?? "none"];
  const padding = look === "" && above > 0 ? ` padding="${above}px ${BESIDE}px"` : "";
  const [open, close] = one.keepBeside ? ["<mj-group>", "</mj-group>"] : ["", ""];
  return [
    [`<mj-section${look}${padding}${classes(name, pen.mark ? one.id : null)}>${open}`, one.id],
    ...one.columns.flatMap(({ blocks }, at): Line[] => [
      [`<mj-column width="${widths[at]}%" vertical-align="top">`, one.id],
      ...blocks.flatMap((inner) => shownIf(inner, [leaf(inner, onOwnGround(inner, pen))])),
      ["</mj-column>", one.id],
    ]),
    [`${close}</mj-section>`, one.id],
  ];
}

const onOwnGround = (one: Leaf, pen: Pen): Pen =>
  one.background === undefined ? pen : { ...pen, ground: one.background, chosen: true };

/** Columns that say no width share what the others leave. */
function shares({ columns }: Columns): number[] {
  const taken = columns.reduce((sum, { width = 0 }) => sum + width, 0);
  const open = columns.filter(({ width }) => width === undefined).length;
  const scale = open === 0 || taken >= 100 ? 100 / (taken + open * 10) : 1;
  const rest = open === 0 ? 0 : taken >= 100 ? 10 * scale : (100 - taken) / open;
  return columns.map(({ width }) => Math.round((width === undefined ? rest : width * scale) * 100) / 100);
}

function repeated(one: Loop, pen: Pen, name: string): Line[] {
  return [
    [`{% for ${one.as} in ${one.over} %}`, one.id],
    ...sections(one.blocks, pen, name),
    ...(one.otherwise?.length ? [["{% else %}", one.id] as Line, ...sections(one.otherwise, pen, name)] : []),
    ["{% endfor %}", one.id],
  ];
}

function shownIf(one: Block, lines: readonly Line[]): Line[] {
  if (!one.showIf) return [...lines];
  return [[`{% if ${testOf(one.showIf)} %}`, one.id], ...lines, ["{% endif %}", one.id]];
}

function classes(name: string, id: string | null = null): string {
  const all = [name, id === null ? "" : `tdb-${id}`].filter(Boolean).join(" ");
  return all ? ` css-class="${all}"` : "";
}

function leaf(one: Leaf, pen: Pen): Line {
  return [(DRAWN[one.type] as (one: Leaf, pen: Pen) => string)(one, pen), one.id];
}

const padding = ({ spacing = "normal" }: Leaf, extra = 0) =>
  ` padding="${spacing === "none" ? 0 : PADDING[spacing] + extra}px ${BESIDE}px"`;
const aligned = (align: string | undefined) => (align && align !== "left" ? ` align="${align}"` : "");
/** `kept` leaves a block as it is at night: its ground is its author's, and stays. */
const named = (one: Leaf, pen: Pen, name: string) => classes(pen.chosen ? "" : name, pen.mark ? one.id : null);
const ink = (pen: Pen) => (pen.chosen ? inkOn(pen.ground) : pen.day.text);
const own = (one: Leaf) => (one.background === undefined ? "" : ` container-background-color="${one.background}"`);
/** Links take the text's colour where theirs could not be read. */
const linkOn = (pen: Pen) =>
  contrast(colourOf(pen.day.link)!, colourOf(pen.ground)!) >= 4.5
    ? pen.day.link
    : pen.chosen
      ? inkOn(pen.ground)
      : null;

const DRAWN: { readonly [Type in Leaf["type"]]: (one: Extract<Leaf, { type: Type }>, pen: Pen) => string } = {
  heading: (one, pen) => {
    const [size, height] = SIZES[one.level];
    const style = `margin:0;font-size:${size};line-height:${height};font-weight:700;font-family:${attribute(pen.design.headingFont)}`;
    return (
      `<mj-text${padding(one)}${aligned(one.align)}${named(one, pen, "tdt")}${own(one)} color="${ink(pen)}">` +
      `<h${one.level} style="${style}">${lineHtml(one.children, linkOn(pen))}</h${one.level}></mj-text>`
    );
  },
  text: (one, pen) =>
    `<mj-text${padding(one)}${aligned(one.align)}${named(one, pen, "tdt")}${own(one)} color="${ink(pen)}">` +
    `${richHtml(one.content, linkOn(pen))}</mj-text>`,
  image: (one, pen) => {
    // The room is 552 of 600 pixels; in a column MJML makes it smaller by itself.
    const width =
      one.width === undefined || one.width === 100 ? "" : ` width="${Math.round((552 * one.width) / 100)}px"`;
    // Beside other columns it fills its own; under them, on a phone, the whole width.
    const fluid = width === "" ? ' fluid-on-mobile="true"' : "";
    const href = one.href ? ` href="${attribute(one.href)}"` : "";
    const radius = one.rounded ? ` border-radius="${Math.max(pen.design.cornerRadius, 4)}px"` : "";
    const alt = one.decorative ? "" : attribute(one.alt);
    return (
      `<mj-image${padding(one)} align="${one.align ?? "center"}"${named(one, pen, "")}${own(one)} src="${attribute(one.src)}"` +
      ` alt="${alt}"${href}${width}${fluid}${radius} />`
    );
  },
  button: (one, pen) => {
    const outline = one.look === "outline";
    const { primary } = pen.design;
    const line = linkOn(pen) ?? pen.day.text;
    const colours = outline
      ? ` background-color="transparent" color="${line}" border="2px solid ${line}"`
      : ` background-color="${primary}" color="${inkOn(primary)}"`;
    return (
      `<mj-button${padding(one, 4)} align="${one.align ?? "left"}"` +
      `${named(one, pen, outline ? "tdo" : "tdf")}${own(one)} href="${attribute(one.href)}"${colours}` +
      ` border-radius="${Math.min(pen.design.cornerRadius, 24)}px" font-size="16px" font-weight="600" inner-padding="12px 24px"` +
      `${one.wide ? ' width="100%"' : ""}>${lineHtml(one.label, null)}</mj-button>`
    );
  },
  divider: (one, pen) =>
    `<mj-divider${padding(one, 6)}${named(one, pen, "tdr")}${own(one)} border-width="1px" border-color="${pen.day.line}" />`,
  spacer: (one, pen) => `<mj-spacer${named(one, pen, "")}${own(one)} height="${one.height}px" />`,
  social: (one, pen) => {
    const colour = linkOn(pen) ?? ink(pen);
    const links = one.links.map(
      ({ name, href }) =>
        `<a class="tdl" href="${attribute(href)}" style="color:${colour};text-decoration:none;font-weight:600;white-space:nowrap">${literal(name)}</a>`,
    );
    return (
      `<mj-text${padding(one)}${aligned(one.align ?? "center")}${named(one, pen, "tdt")}${own(one)} color="${ink(pen)}" font-size="14px">` +
      `${links.join(" &nbsp;·&nbsp; ")}</mj-text>`
    );
  },
  footer: (one, pen) => {
    const colour = pen.chosen ? inkOn(pen.ground) : pen.ground === pen.day.background ? pen.day.footer : pen.day.quiet;
    const words = one.content?.length ? richHtml(one.content, colour) : "";
    const address =
      one.address === false ? "" : '{% if postal_address %}<p style="margin:0">{{ postal_address }}</p>{% endif %}';
    const way =
      `<p style="margin:8px 0 0"><a class="tdl" href="{{ unsubscribe_url }}" style="color:${colour};text-decoration:underline">` +
      `${literal(one.unsubscribeLabel ?? "Unsubscribe")}</a></p>`;
    return (
      `<mj-text${padding(one, 6)}${aligned(one.align ?? "center")}${named(one, pen, "tdt")}${own(one)} color="${colour}" font-size="13px">` +
      `${words}${address}${way}</mj-text>`
    );
  },
};
