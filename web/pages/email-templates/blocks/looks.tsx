/** A block that is not being edited, roughly as it will look. The preview beside shows it exactly. */
import { Text } from "@mantine/core";
import { IconPhoto } from "@tabler/icons-react";
import type { Block, Inline, Rich } from "../../../../src/core/blocks/document.ts";
import { t } from "../../../i18n.ts";
import { wordsOf } from "./rich-document.ts";

export function Look({ block }: { block: Block }) {
  switch (block.type) {
    case "heading":
      return (
        <Text fw={700} fz={block.level === 1 ? 22 : block.level === 2 ? 18 : 16} ta={block.align ?? "left"} lh={1.3}>
          <Line line={block.children} />
        </Text>
      );
    case "text":
      return <Paragraphs content={block.content} align={block.align} />;
    case "image":
      return <Picture src={block.src} alt={block.alt} />;
    case "button":
      return (
        <Text ta={block.align ?? "left"}>
          <span className={block.look === "outline" ? "block-button block-button-outline" : "block-button"}>
            <Line line={block.label} />
          </span>
        </Text>
      );
    case "divider":
      return <hr className="block-line" />;
    case "spacer":
      return (
        <Text size="xs" c="dimmed">
          {t("{height} pixels", { height: block.height })}
        </Text>
      );
    case "social":
      return (
        <Text size="sm" ta={block.align ?? "center"}>
          {block.links.map(({ name }) => name).join(" · ")}
        </Text>
      );
    case "footer":
      return (
        <div>
          {block.content && <Paragraphs content={block.content} align={block.align ?? "center"} />}
          <Text size="xs" c="dimmed" ta={block.align ?? "center"}>
            {block.address !== false && `${t("Your postal address")} · `}
            {block.unsubscribeLabel ?? "Unsubscribe"}
          </Text>
        </div>
      );
    case "loop":
      return (
        <Text size="xs" c="dimmed">
          {t("Once for each entry of {list}, which is called {name} inside.", { list: block.over, name: block.as })}
        </Text>
      );
    default:
      return null;
  }
}

function Line({ line }: { line: readonly Inline[] }) {
  if (line.length === 0)
    return (
      <Text span c="dimmed">
        {t("Nothing yet")}
      </Text>
    );
  return line.map((one, at) => {
    // Nothing here has a name of its own, and nothing keeps a state.
    const key = `${at}`;
    if ("break" in one) return <br key={key} />;
    const style = {
      ...(one.bold ? { fontWeight: 700 } : {}),
      ...(one.italic ? { fontStyle: "italic" } : {}),
      ...(one.underline || one.link ? { textDecoration: "underline" } : {}),
      ...(one.strike ? { textDecoration: "line-through" } : {}),
    };
    return (
      <span key={key} style={style} className={"text" in one ? undefined : "variable-chip"}>
        {wordsOf([one]) || ("text" in one ? one.text : "")}
        {"text" in one && /\s$/.test(one.text) ? " " : ""}
      </span>
    );
  });
}

function Paragraphs({ content, align }: { content: Rich; align?: "left" | "center" | "right" | undefined }) {
  const isEmpty = content.every((part) => part.type === "paragraph" && part.children.length === 0);
  if (isEmpty)
    return (
      <Text size="sm" c="dimmed">
        {t("Nothing yet")}
      </Text>
    );
  return (
    <div style={{ textAlign: align ?? "left" }}>
      {content.map((part, at) => {
        const key = `${at}`;
        if (part.type === "paragraph")
          return (
            <Text key={key} size="sm" mb={6}>
              {part.children.length > 0 && <Line line={part.children} />}
            </Text>
          );
        const List = part.ordered ? "ol" : "ul";
        return (
          <List key={key} style={{ margin: "0 0 6px", paddingLeft: 20, fontSize: 14 }}>
            {part.items.map((item, index) => (
              <li key={`${index}`}>
                <Line line={item} />
              </li>
            ))}
          </List>
        );
      })}
    </div>
  );
}

/** Pictures of our own are shown; others would be loaded from elsewhere, which only the preview does. */
export function Picture({ src, alt, height = 90 }: { src: string; alt: string; height?: number }) {
  const own = /\/i\/[0-9a-f]{32}\.(?:png|jpg|gif)$/.exec(src)?.[0];
  if (own) return <img src={own} alt={alt} style={{ maxHeight: height, maxWidth: "100%", borderRadius: 4 }} />;
  return (
    <Text size="sm" c="dimmed" style={{ display: "flex", gap: 8, alignItems: "center", overflowWrap: "anywhere" }}>
      <IconPhoto size={20} aria-hidden />
      <span>{alt || src || t("No picture yet")}</span>
    </Text>
  );
}

/** A block in a few words, for its name and what is said of it. */
export function summaryOf(block: Block): string {
  const words =
    block.type === "heading"
      ? wordsOf(block.children)
      : block.type === "button"
        ? wordsOf(block.label)
        : block.type === "text"
          ? block.content
              .map((part) => (part.type === "paragraph" ? wordsOf(part.children) : part.items.map(wordsOf).join(", ")))
              .join(" ")
          : block.type === "image"
            ? block.alt
            : "";
  return words.length > 60 ? `${words.slice(0, 60)}…` : words;
}
