/** The code editor: MJML, HTML and Markdown with template tags, completion of variables, and jumps to a line. Loaded only where it is used. */
import type { Completion, CompletionContext, CompletionResult } from "@codemirror/autocomplete";
import { html, type TagSpec } from "@codemirror/lang-html";
import { markdown } from "@codemirror/lang-markdown";
import { HighlightStyle, syntaxHighlighting } from "@codemirror/language";
import { tags } from "@lezer/highlight";
import { Compartment, EditorState, type Extension } from "@codemirror/state";
import {
  Decoration,
  type DecorationSet,
  EditorView,
  MatchDecorator,
  ViewPlugin,
  type ViewUpdate,
} from "@codemirror/view";
import { basicSetup } from "codemirror";
import { useComputedColorScheme } from "@mantine/core";
import { type Ref, useEffect, useImperativeHandle, useRef } from "react";

export type EditorHandle = {
  /** Puts text where the cursor is. */
  insert(text: string): void;
  /** Shows a line and puts the cursor there. */
  goTo(line: number, column: number): void;
  /** Puts another text in the place of all; it can be taken back like any edit. */
  replace(text: string): void;
};

type Format = "mjml" | "html" | "markdown";
type CodeEditorProps = {
  /** What stands there at first. From then on the text is the editor's: a text handed in late would undo a keystroke. */
  readonly initial: string;
  readonly onChange: (value: string) => void;
  readonly onFocus?: () => void;
  readonly format: Format;
  readonly variables: readonly { name: string; label: string; insert: string }[];
  readonly label: string;
  readonly readOnly?: boolean;
  readonly ref?: Ref<EditorHandle>;
};

const TAG = new MatchDecorator({
  regexp: /\{\{.*?\}\}|\{%.*?%\}|\{#.*?#\}/g,
  decoration: Decoration.mark({ class: "cm-template-tag" }),
});
const templateTags = ViewPlugin.fromClass(
  class {
    decorations: DecorationSet;
    constructor(view: EditorView) {
      this.decorations = TAG.createDeco(view);
    }
    update(update: ViewUpdate) {
      this.decorations = TAG.updateDeco(update, this.decorations);
    }
  },
  { decorations: (plugin) => plugin.decorations },
);

/** Colours of markup that can be told from their ground (WCAG 1.4.3). */
const colours = (tag: string, name: string, text: string, quiet: string) =>
  HighlightStyle.define([
    { tag: tags.tagName, color: tag },
    { tag: tags.attributeName, color: name },
    { tag: [tags.attributeValue, tags.string, tags.url], color: text },
    { tag: [tags.comment, tags.processingInstruction, tags.angleBracket, tags.meta], color: quiet },
    { tag: tags.heading, fontWeight: "700" },
    { tag: tags.strong, fontWeight: "700" },
    { tag: tags.emphasis, fontStyle: "italic" },
    { tag: tags.link, textDecoration: "underline" },
  ]);
const LIGHT = colours("#0b6b4f", "#7a4b00", "#9c2222", "#5c6370");
const DARK = colours("#7fd6b4", "#f0c27b", "#ffb3b3", "#a3abb8");

/** The content security policy lets in style elements with its nonce alone. */
export const nonce = (): Extension =>
  EditorView.cspNonce.of(document.querySelector<HTMLMetaElement>("meta[name=csp-nonce]")?.nonce ?? "");

const theme = (dark: boolean): Extension =>
  EditorView.theme(
    {
      "&": {
        height: "100%",
        fontSize: "13px",
        backgroundColor: "var(--mantine-color-body)",
        color: "var(--mantine-color-text)",
      },
      ".cm-scroller": { fontFamily: "var(--mantine-font-family-monospace)" },
      ".cm-gutters": { backgroundColor: "transparent", color: "var(--mantine-color-dimmed)", border: "none" },
      ".cm-activeLine, .cm-activeLineGutter": { backgroundColor: "var(--mantine-color-default-hover)" },
      ".cm-content": { caretColor: "var(--mantine-color-text)" },
      ".cm-cursor": { borderLeftColor: "var(--mantine-color-text)" },
      ".cm-template-tag, .cm-template-tag *": {
        color: dark ? "#a5adff !important" : "#4338ca !important",
        fontWeight: "600",
      },
      ".cm-tooltip": {
        backgroundColor: "var(--mantine-color-body)",
        border: "1px solid var(--mantine-color-default-border)",
      },
      "&.cm-editor .cm-tooltip-autocomplete ul li[aria-selected]": {
        backgroundColor: "var(--mantine-primary-color-filled)",
        color: "var(--mantine-primary-color-contrast)",
      },
    },
    { dark },
  );

/** The colours of code, in the application's own. */
export const looks = (dark: boolean): Extension => [syntaxHighlighting(dark ? DARK : LIGHT), theme(dark)];

const COMMON = { padding: null, "css-class": null };
const TEXT = { ...COMMON, align: ["left", "center", "right"], color: null, "font-size": null, "line-height": null };
/** What can be written in MJML, for completion; the server checks what is. */
const MJML: Record<string, TagSpec> = {
  mjml: { children: ["mj-head", "mj-body"] },
  "mj-head": {
    children: ["mj-attributes", "mj-breakpoint", "mj-font", "mj-preview", "mj-raw", "mj-style", "mj-title"],
  },
  "mj-body": { attrs: { "background-color": null, width: null } },
  "mj-section": { attrs: { ...COMMON, "background-color": null, "background-url": null, "border-radius": null } },
  "mj-column": { attrs: { ...COMMON, width: null, "vertical-align": ["top", "middle", "bottom"] } },
  "mj-text": { attrs: { ...TEXT, "font-weight": null } },
  "mj-button": { attrs: { ...TEXT, href: null, "background-color": null, "border-radius": null, width: null } },
  "mj-image": { attrs: { ...COMMON, src: null, alt: null, width: null, href: null } },
  ...Object.fromEntries(
    [
      "mj-all",
      "mj-attributes",
      "mj-breakpoint",
      "mj-class",
      "mj-divider",
      "mj-font",
      "mj-group",
      "mj-hero",
      "mj-preview",
      "mj-raw",
      "mj-spacer",
      "mj-style",
      "mj-table",
      "mj-title",
      "mj-wrapper",
    ].map((name) => [name, { attrs: COMMON }]),
  ),
};

const languageOf = (format: Format): Extension =>
  format === "markdown"
    ? markdown()
    : html({ matchClosingTags: false, ...(format === "mjml" ? { extraTags: MJML } : {}) });

/** Writes what was chosen and closes the tag, whether or not the editor has put its closing braces there already. */
const writing =
  (text: string): NonNullable<Exclude<Completion["apply"], string>> =>
  (view, _completion, from, to) => {
    const after = /^\s*\}{0,2}/.exec(view.state.sliceDoc(to, to + 8))?.[0] ?? "";
    view.dispatch({
      changes: { from, to: to + (after.includes("}") ? after.length : 0), insert: text },
      selection: { anchor: from + text.length },
      userEvent: "input.complete",
    });
  };

function complete(context: CompletionContext, variables: CodeEditorProps["variables"]): CompletionResult | null {
  const tag = context.matchBefore(/\{\{\s*\w*/);
  if (!tag) return null;
  return {
    from: tag.from,
    filter: false,
    options: variables
      .filter(({ name, label }) => {
        const typed = tag.text.slice(2).trim().toLowerCase();
        return name.includes(typed) || label.toLowerCase().includes(typed);
      })
      .map(({ name, label, insert }) => ({ label: name, detail: label, type: "variable", apply: writing(insert) })),
  };
}

export default function CodeEditor({
  initial,
  onChange,
  onFocus,
  format,
  variables,
  label,
  readOnly = false,
  ref,
}: CodeEditorProps) {
  const place = useRef<HTMLDivElement>(null);
  const view = useRef<EditorView>(null);
  const [language, look, permission] = useRef([
    new Compartment(),
    new Compartment(),
    new Compartment(),
  ] as const).current;
  const latest = useRef({ onChange, onFocus, variables });
  latest.current = { onChange, onFocus, variables };
  const text = useRef(initial);
  const dark = useComputedColorScheme("light") === "dark";

  useEffect(() => {
    // One and the same function each time: the editor knows a source of completions by it.
    const offered = [{ autocomplete: (context: CompletionContext) => complete(context, latest.current.variables) }];
    const made = new EditorView({
      parent: place.current!,
      state: EditorState.create({
        doc: text.current,
        extensions: [
          nonce(),
          basicSetup,
          language.of([]),
          look.of([]),
          permission.of([]),
          templateTags,
          EditorState.languageData.of(() => offered),
          EditorView.lineWrapping,
          EditorView.contentAttributes.of({ "aria-label": label }),
          EditorView.updateListener.of((update) => {
            if (update.focusChanged && update.view.hasFocus) latest.current.onFocus?.();
            if (!update.docChanged) return;
            text.current = update.state.doc.toString();
            latest.current.onChange(text.current);
          }),
        ],
      }),
    });
    // What scrolls can be scrolled by keyboard.
    made.scrollDOM.tabIndex = 0;
    view.current = made;
    return () => made.destroy();
  }, [label, language, look, permission]);

  // Changed in place, so that what was typed can still be taken back.
  useEffect(() => view.current?.dispatch({ effects: language.reconfigure(languageOf(format)) }), [format, language]);
  useEffect(() => view.current?.dispatch({ effects: look.reconfigure(looks(dark)) }), [dark, look]);
  useEffect(
    () => view.current?.dispatch({ effects: permission.reconfigure(EditorState.readOnly.of(readOnly)) }),
    [readOnly, permission],
  );

  useImperativeHandle(ref, () => ({
    insert(added) {
      const now = view.current;
      if (!now) return;
      now.dispatch(now.state.replaceSelection(added));
      now.focus();
    },
    goTo(line, column) {
      const now = view.current;
      if (!now) return;
      const at = now.state.doc.line(Math.min(Math.max(line, 1), now.state.doc.lines));
      const position = Math.min(at.from + Math.max(column - 1, 0), at.to);
      now.dispatch({ selection: { anchor: position }, effects: EditorView.scrollIntoView(position, { y: "center" }) });
      now.focus();
    },
    replace(added) {
      const now = view.current;
      if (!now) text.current = added;
      else if (now.state.doc.toString() !== added)
        now.dispatch({ changes: { from: 0, to: now.state.doc.length, insert: added } });
    },
  }));

  return <div ref={place} className="code-editor" />;
}
