/** The MJML that blocks become, for who wants to go on in code. */
import type { BlocksDocument } from "../../../../src/core/blocks/document.ts";
import { blocksToMjml } from "../../../../src/core/blocks/mjml.ts";

export const readableBlocks = (body: string): string => blocksToMjml(JSON.parse(body) as BlocksDocument).mjml;
