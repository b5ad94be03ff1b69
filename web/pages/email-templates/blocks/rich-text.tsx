/** Text of a block, written as it will read: marks, links, lists, and variables as chips that cannot be misspelt. */
import { ActionIcon, Group, Popover, Stack, TextInput, Tooltip, Button, Text } from "@mantine/core";
import { type JSONContent, mergeAttributes, Node, nodeInputRule, nodePasteRule } from "@tiptap/core";
import { type Editor, EditorContent, useEditor, useEditorState } from "@tiptap/react";
import StarterKit from "@tiptap/starter-kit";
import {
  IconBold,
  IconItalic,
  IconLink,
  IconList,
  IconListNumbers,
  IconStrikethrough,
  IconUnderline,
} from "@tabler/icons-react";
import { useEffect, useId, useRef, useState } from "react";
import { t } from "../../../i18n.ts";
import { type Variable, VariableMenu } from "../variable-menu.tsx";
import { type Chip, chipOf, tagOf } from "./rich-document.ts";

/** A variable in the text: one thing, chosen, moved and deleted as a whole. */
const VariableNode = Node.create({
  name: "variable",
  group: "inline",
  inline: true,
  atom: true,
  selectable: true,
  addAttributes: () => ({ variable: { default: null }, standIn: { default: "" }, tag: { default: null } }),
  parseHTML: () => [{ tag: "span[data-chip]", getAttrs: (element) => chipOf(element.dataset["chip"] ?? "") }],
  renderHTML({ node, HTMLAttributes: given }) {
    const chip = node.attrs as Chip;
    const label = chip.tag ?? `${chip.variable}${chip.standIn ? ` · ${chip.standIn}` : ""}`;
    return ["span", mergeAttributes(given, { "data-chip": tagOf(chip), class: "variable-chip" }), label];
  },
  renderText: ({ node }) => tagOf(node.attrs as Chip),
  addInputRules() {
    return [
      nodeInputRule({ find: /(\{\{[^{}]*\}\})$/, type: this.type, getAttributes: ([, tag]) => chipOf(tag ?? "") }),
    ];
  },
  addPasteRules() {
    return [nodePasteRule({ find: /\{\{[^{}]*\}\}/g, type: this.type, getAttributes: ([tag]) => chipOf(tag) })];
  },
});

const extensions = (lists: boolean) => [
  StarterKit.configure({
    heading: false,
    blockquote: false,
    code: false,
    codeBlock: false,
    horizontalRule: false,
    trailingNode: false,
    ...(lists ? {} : { bulletList: false, orderedList: false, listItem: false, listKeymap: false }),
    link: {
      openOnClick: false,
      autolink: false,
      isAllowedUri: (address) => !/^\s*(?:javascript|vbscript):/i.test(address),
    },
  }),
  VariableNode,
];

export type RichHandle = { insert(tag: string): void };

export function RichText({
  initial,
  onChange,
  label,
  variables,
  lists = false,
  focus = false,
  onHandle,
}: {
  initial: JSONContent;
  onChange: (content: JSONContent) => void;
  label: string;
  variables: readonly Variable[];
  lists?: boolean;
  focus?: boolean;
  onHandle?: (handle: RichHandle | null) => void;
}) {
  const latest = useRef(onChange);
  latest.current = onChange;
  const editor = useEditor({
    extensions: extensions(lists),
    content: initial,
    // The page's policy lets in no style elements; what the editor needs stands in application.css.
    injectCSS: false,
    shouldRerenderOnTransaction: false,
    autofocus: focus ? "end" : false,
    editorProps: {
      attributes: {
        "aria-label": label,
        role: "textbox",
        "aria-multiline": lists ? "true" : "false",
        class: "rich-text",
      },
    },
    onUpdate: ({ editor: now }) => latest.current(now.getJSON()),
  });
  const insert = (tag: string) =>
    editor
      .chain()
      .focus()
      .insertContent([
        { type: "variable", attrs: chipOf(tag) },
        { type: "text", text: " " },
      ])
      .run();
  useEffect(() => {
    onHandle?.({ insert });
    return () => onHandle?.(null);
  });
  return (
    <div className="rich-text-frame">
      <Toolbar editor={editor} lists={lists} variables={variables} insert={insert} />
      <EditorContent editor={editor} />
      <ChipFields editor={editor} />
    </div>
  );
}

function Toolbar({
  editor,
  lists,
  variables,
  insert,
}: {
  editor: Editor;
  lists: boolean;
  variables: readonly Variable[];
  insert: (tag: string) => void;
}) {
  const on = useEditorState({
    editor,
    selector: ({ editor: now }) => ({
      bold: now.isActive("bold"),
      italic: now.isActive("italic"),
      underline: now.isActive("underline"),
      strike: now.isActive("strike"),
      bulletList: now.isActive("bulletList"),
      orderedList: now.isActive("orderedList"),
      link: now.isActive("link"),
    }),
  });
  const chain = () => editor.chain().focus();
  const tools = [
    ["bold", t("Bold"), IconBold, () => chain().toggleBold().run()],
    ["italic", t("Italic"), IconItalic, () => chain().toggleItalic().run()],
    ["underline", t("Underlined"), IconUnderline, () => chain().toggleUnderline().run()],
    ["strike", t("Struck through"), IconStrikethrough, () => chain().toggleStrike().run()],
    ...(lists
      ? ([
          ["bulletList", t("List"), IconList, () => chain().toggleBulletList().run()],
          ["orderedList", t("Numbered list"), IconListNumbers, () => chain().toggleOrderedList().run()],
        ] as const)
      : []),
  ] as const;
  return (
    <Group gap={2} p={4} role="toolbar" aria-label={t("Formatting")} className="rich-text-tools">
      {tools.map(([name, label, Icon, act]) => (
        <Tooltip key={name} label={label}>
          <ActionIcon
            size="md"
            variant={on[name] ? "filled" : "subtle"}
            aria-label={label}
            aria-pressed={on[name]}
            onClick={act}
          >
            <Icon size={16} />
          </ActionIcon>
        </Tooltip>
      ))}
      <LinkTool editor={editor} active={on.link} />
      <div style={{ flex: 1 }} />
      <VariableMenu variables={variables} insert={insert} />
    </Group>
  );
}

function LinkTool({ editor, active }: { editor: Editor; active: boolean }) {
  const [opened, setOpened] = useState(false);
  const [href, setHref] = useState("");
  const open = () => {
    setHref(String(editor.getAttributes("link")["href"] ?? ""));
    setOpened(true);
  };
  const keep = (address: string) => {
    const chain = editor.chain().focus().extendMarkRange("link");
    if (address.trim()) chain.setLink({ href: address.trim() }).run();
    else chain.unsetLink().run();
    setOpened(false);
  };
  return (
    <Popover opened={opened} onChange={setOpened} width={320} trapFocus withinPortal returnFocus>
      <Popover.Target>
        <Tooltip label={t("Link")}>
          <ActionIcon
            size="md"
            variant={active ? "filled" : "subtle"}
            aria-label={t("Link")}
            aria-pressed={active}
            onClick={open}
          >
            <IconLink size={16} />
          </ActionIcon>
        </Tooltip>
      </Popover.Target>
      <Popover.Dropdown>
        <Stack gap="xs">
          <TextInput
            label={t("Address")}
            placeholder="https://"
            value={href}
            onChange={(event) => setHref(event.currentTarget.value)}
            onKeyDown={(event) => {
              if (event.key !== "Enter") return;
              event.preventDefault();
              keep(href);
            }}
            data-autofocus
          />
          <Group gap="xs" justify="flex-end">
            {active && (
              <Button size="xs" variant="subtle" color="red" onClick={() => keep("")}>
                {t("Remove the link")}
              </Button>
            )}
            <Button size="xs" onClick={() => keep(href)}>
              {t("Set the link")}
            </Button>
          </Group>
        </Stack>
      </Popover.Dropdown>
    </Popover>
  );
}

/** What stands in for the chosen variable where a person has no value. */
function ChipFields({ editor }: { editor: Editor }) {
  const id = useId();
  const chosen = useEditorState({
    editor,
    selector: ({ editor: now }) => (now.isActive("variable") ? (now.getAttributes("variable") as Chip) : null),
  });
  if (!chosen?.variable) return null;
  return (
    <Group gap="xs" p={6} align="center" className="rich-text-tools">
      <Text size="xs" component="label" htmlFor={id}>
        {t("Instead of {name}, where a person has none:", { name: chosen.variable })}
      </Text>
      <TextInput
        id={id}
        size="xs"
        flex={1}
        value={chosen.standIn}
        placeholder={t("nothing")}
        onChange={(event) => {
          const standIn = event.currentTarget.value;
          editor.commands.updateAttributes("variable", { standIn });
        }}
      />
    </Group>
  );
}
