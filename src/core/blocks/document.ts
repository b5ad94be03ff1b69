/** What a mail made of blocks is, as data: our own documented JSON (docs/blocks.md). Reads it; draws nothing. */
import { z } from "zod";

/** The version this program writes. A newer program reads older ones; an older program refuses newer ones. */
const BLOCKS_VERSION = 1;
/** A mail with more is no mail a person reads, and larger than any program shows. */
const MAX_BLOCKS = 200;
const MAX_TEXT = 20_000;

const blockId = z
  .string()
  .regex(/^[a-z0-9-]{1,40}$/i, "An id has 1 to 40 letters, digits and hyphens.")
  .describe("Unique in the document; checks name the block by it.");
const colour = z.string().regex(/^#[0-9a-f]{6}$/i, "A colour is written as #1d4ed8.");
const path = z
  .string()
  .max(100)
  .regex(/^[A-Za-z_]\w*(\.\w+)*$/, "A variable is written as first_name or item.price.");
const address = z
  .string()
  .max(2000)
  // oxlint-disable-next-line no-control-regex -- control characters are what is refused here
  .regex(/^[^\u0000-\u001f\u007f]*$/, "An address is one line.")
  .describe("May hold tags: https://example.com/{{ city }}.");
const align = z.enum(["left", "center", "right"]);

const marks = {
  bold: z.boolean().optional(),
  italic: z.boolean().optional(),
  underline: z.boolean().optional(),
  strike: z.boolean().optional(),
  link: address.optional(),
};
const inline = z.union([
  z.strictObject({ text: z.string().max(MAX_TEXT), ...marks }).describe("Text as it is; braces are braces."),
  z
    .strictObject({
      variable: path,
      default: z.string().max(500).optional().describe("What stands there when the person has no value."),
      ...marks,
    })
    .describe("A merge variable."),
  z
    .strictObject({
      tag: z
        .string()
        .max(500)
        .regex(/^\{\{[^]*\}\}$/, "A tag begins with {{ and ends with }}."),
      ...marks,
    })
    .describe("A tag with filters, as written in the code editor."),
  z.strictObject({ break: z.literal(true) }).describe("A new line in the same paragraph."),
]);
const line = z.array(inline).max(500);
const rich = z
  .array(
    z.union([
      z.strictObject({ type: z.literal("paragraph"), children: line }),
      z.strictObject({ type: z.literal("list"), ordered: z.boolean().optional(), items: z.array(line).max(200) }),
    ]),
  )
  .max(200);

const condition = z.strictObject({
  variable: path,
  is: z.enum(["present", "absent", "equal", "different", "contains", "above", "below"]),
  value: z.string().max(200).optional().describe("What it is compared with; not for present and absent."),
});

const common = {
  id: blockId,
  showIf: condition.optional().describe("Only people for whom this holds see the block."),
  background: colour.optional(),
  spacing: z.enum(["none", "small", "normal", "large"]).optional().describe("Above and below; normal when absent."),
};

const leaves = [
  z.strictObject({
    type: z.literal("heading"),
    ...common,
    level: z.union([z.literal(1), z.literal(2), z.literal(3)]),
    children: line,
    align: align.optional(),
  }),
  z.strictObject({ type: z.literal("text"), ...common, content: rich, align: align.optional() }),
  z.strictObject({
    type: z.literal("image"),
    ...common,
    src: address,
    alt: z.string().max(500).describe("What a reader without pictures reads; may hold tags."),
    decorative: z.boolean().optional().describe("Says nothing: no alternative text is needed."),
    href: address.optional(),
    width: z.number().int().min(5).max(100).optional().describe("Per cent of the room; 100 when absent."),
    align: align.optional(),
    rounded: z.boolean().optional(),
  }),
  z.strictObject({
    type: z.literal("button"),
    ...common,
    label: line,
    href: address,
    look: z.enum(["filled", "outline"]).optional(),
    align: align.optional(),
    wide: z.boolean().optional().describe("As wide as its room."),
  }),
  z.strictObject({ type: z.literal("divider"), ...common }),
  z.strictObject({ type: z.literal("spacer"), ...common, height: z.number().int().min(4).max(200) }),
  z.strictObject({
    type: z.literal("social"),
    ...common,
    links: z.array(z.strictObject({ name: z.string().min(1).max(60), href: address })).max(12),
    align: align.optional(),
  }),
  z.strictObject({
    type: z.literal("footer"),
    ...common,
    content: rich.optional(),
    address: z.boolean().optional().describe("Print the workspace's postal address; yes when absent."),
    unsubscribeLabel: z.string().min(1).max(100).optional(),
    align: align.optional(),
  }),
] as const;
const leaf = z.discriminatedUnion("type", leaves);

const columns = z.strictObject({
  type: z.literal("columns"),
  ...common,
  columns: z
    .array(
      z.strictObject({
        width: z.number().min(10).max(90).optional().describe("Per cent; what is left is shared."),
        blocks: z.array(leaf).max(50),
      }),
    )
    .min(2)
    .max(4),
  keepBeside: z.boolean().optional().describe("Beside each other on a phone too; stacked when absent."),
});

const loop = z.strictObject({
  type: z.literal("loop"),
  ...common,
  over: path.describe("The variable that holds the list."),
  as: z
    .string()
    .regex(/^[A-Za-z_]\w{0,39}$/, "A name is letters, digits and underscores.")
    .describe("What one entry is called inside: item."),
  blocks: z.array(z.discriminatedUnion("type", [...leaves, columns])).max(50),
  otherwise: z.array(leaf).max(20).optional().describe("Shown when the list is empty."),
});

const block = z.discriminatedUnion("type", [...leaves, columns, loop]);

/** How a mail looks: the brand kit of the workspace is one, and a document carries its own copy. */
export const design = z.strictObject({
  primary: colour.describe("Buttons and links."),
  background: colour.describe("Around the mail."),
  surface: colour.describe("Behind the text."),
  text: colour,
  headingFont: z.string().max(200),
  bodyFont: z.string().max(200),
  cornerRadius: z.number().int().min(0).max(40),
});

const blocksDocument = z.strictObject({
  version: z.literal(BLOCKS_VERSION),
  language: z
    .string()
    .regex(/^[a-z]{2,3}(-[A-Za-z0-9]{2,8})*$/)
    .optional()
    .describe("Of the mail, for programs that read it aloud; en when absent."),
  design,
  blocks: z.array(block).max(MAX_BLOCKS),
});

/** What is kept to be put into other mails. */
export const savedContent = z.array(block).min(1).max(50);

export type BlocksDocument = z.output<typeof blocksDocument>;
export type Design = z.output<typeof design>;
export type Inline = z.output<typeof inline>;
export type Rich = z.output<typeof rich>;
export type Condition = z.output<typeof condition>;
export type Leaf = z.output<typeof leaf>;
export type Columns = z.output<typeof columns>;
export type Loop = z.output<typeof loop>;
export type Block = z.output<typeof block>;

export type BlocksProblem = {
  readonly code: "json" | "version" | "blocks";
  readonly message: string;
  /** The block it is in; null where it is about the whole. */
  readonly block: string | null;
};

const MAX_PROBLEMS = 20;

/** Reads the body of a template of format `blocks`; all problems at once, each with its block. */
export function readBlocks(
  body: string,
): { readonly document: BlocksDocument } | { readonly problems: readonly BlocksProblem[] } {
  let given: unknown;
  try {
    given = JSON.parse(body);
  } catch (error) {
    return { problems: [{ code: "json", message: `This is not JSON: ${(error as Error).message}`, block: null }] };
  }
  const version = (given as { version?: unknown } | null)?.version;
  if (typeof version === "number" && version > BLOCKS_VERSION) {
    const message = `It was written by a newer Tidings (version ${version} of the format; this one reads ${BLOCKS_VERSION}).`;
    return { problems: [{ code: "version", message, block: null }] };
  }
  const parsed = blocksDocument.safeParse(given);
  if (!parsed.success)
    return {
      problems: parsed.error.issues.slice(0, MAX_PROBLEMS).map((issue) => ({
        code: "blocks",
        message: `${issue.path.join(".") || "The document"}: ${issue.message}`,
        block: nearestId(given, issue.path),
      })),
    };
  const twice = repeated(allBlocks(parsed.data.blocks).map(({ id }) => id));
  if (twice !== null)
    return { problems: [{ code: "blocks", message: `Two blocks have the id “${twice}”.`, block: twice }] };
  return { document: parsed.data };
}

/** Every block, those inside others too, in reading order. */
export function allBlocks(blocks: readonly Block[]): Block[] {
  return blocks.flatMap((one) => [one, ...allBlocks(childrenOf(one))]);
}

/** What stands directly inside a block. */
function childrenOf(one: Block): readonly Block[] {
  if (one.type === "columns") return one.columns.flatMap(({ blocks }) => blocks);
  return one.type === "loop" ? [...one.blocks, ...(one.otherwise ?? [])] : [];
}

function repeated(ids: readonly string[]): string | null {
  const seen = new Set<string>();
  for (const one of ids) {
    if (seen.has(one)) return one;
    seen.add(one);
  }
  return null;
}

/** The id of the innermost block on the way to a place. */
function nearestId(given: unknown, way: readonly PropertyKey[]): string | null {
  let found: string | null = null;
  let at = given;
  for (const key of way) {
    at = (at as Record<PropertyKey, unknown> | null | undefined)?.[key];
    const named = (at as { id?: unknown } | null | undefined)?.id;
    if (typeof named === "string") found = named;
  }
  return found;
}
