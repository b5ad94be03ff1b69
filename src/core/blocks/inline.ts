/** Text of blocks as HTML with tags. Text is text: an author's braces print as braces, and no text becomes markup. */
import { escapeHtml } from "../template-values.ts";
import type { Condition, Inline, Rich } from "./document.ts";

/** A line of text, variables and breaks. */
export function lineHtml(line: readonly Inline[], linkColour: string | null): string {
  return line.map((one) => inlineHtml(one, linkColour)).join("");
}

function inlineHtml(one: Inline, linkColour: string | null): string {
  if ("break" in one) return "<br>";
  const inner = "text" in one ? literal(one.text) : "tag" in one ? one.tag : variableTag(one.variable, one.default);
  const marked = MARKS.reduce((html, [mark, tag]) => (one[mark] ? `<${tag}>${html}</${tag}>` : html), inner);
  if (!one.link) return marked;
  const colour = linkColour ? `color:${linkColour};` : "";
  return `<a class="tdl" href="${attribute(one.link)}" style="${colour}text-decoration:underline">${marked}</a>`;
}

const MARKS = [
  ["bold", "strong"],
  ["italic", "em"],
  ["underline", "u"],
  ["strike", "s"],
] as const;

/** Paragraphs and lists. The last has no room below: what stands beneath keeps its own distance. */
export function richHtml(content: Rich, linkColour: string | null): string {
  return content
    .map((part, at) => {
      const below = at === content.length - 1 ? "0" : "12px";
      if (part.type === "paragraph")
        // An empty paragraph is an empty line to its author, and nothing to a browser.
        return `<p style="margin:0 0 ${below}">${lineHtml(part.children, linkColour) || "&nbsp;"}</p>`;
      const name = part.ordered ? "ol" : "ul";
      const items = part.items.map((item) => `<li style="margin:0 0 4px">${lineHtml(item, linkColour)}</li>`);
      return `<${name} style="margin:0 0 ${below};padding:0 0 0 24px">${items.join("")}</${name}>`;
    })
    .join("");
}

/** `{{ first_name | default("there") }}`. */
export function variableTag(variable: string, standIn?: string): string {
  return standIn === undefined || standIn === ""
    ? `{{ ${variable} }}`
    : `{{ ${variable} | default(${quoted(standIn)}) }}`;
}

/** What stands in a tag's quotes; a tag is one line, and closing braces would end it for tools that look for them. */
const quoted = (text: string) => `"${text.replaceAll("\\", "\\\\").replaceAll('"', '\\"').replaceAll(/\s+/g, " ")}"`;

/** Text as it is: what would begin a tag, with what follows it too, is printed by one. */
export function literal(text: string): string {
  return escapeHtml(text).replaceAll(/\{(?=[{%#]|$)/g, '{{ "{" }}');
}

/** A value with tags in it as an attribute: the tags stay, everything else is escaped. */
export function attribute(value: string): string {
  return value
    .split(/(\{\{[^]*?\}\}|\{%[^]*?%\})/)
    .map((part, at) => (at % 2 === 1 ? part : escapeHtml(part)))
    .join("");
}

/** The test of a condition, without `{% if %}`. */
export function testOf({ variable, is, value = "" }: Condition): string {
  const text = quoted(value);
  const number = /^-?\d+(\.\d+)?$/.test(value.trim()) ? value.trim() : null;
  const bool = /^(true|false)$/.test(value.trim()) ? value.trim() : null;
  const same = [text, number, bool].filter((one) => one !== null).map((one) => `${variable} == ${one}`);
  const tests: Readonly<Record<Condition["is"], () => string>> = {
    present: () => variable,
    absent: () => `not ${variable}`,
    equal: () => same.join(" or "),
    different: () => `not (${same.join(" or ")})`,
    contains: () => `${variable} and ${text} in ${variable}`,
    above: () => `${variable} and ${variable} > ${number ?? text}`,
    below: () => `${variable} and ${variable} < ${number ?? text}`,
  };
  return tests[is]();
}
