/** The code editor: MJML, HTML and Markdown with template tags, completion of variables, and jumps to a line. Loaded only where it is used. */
import { autocompletion, type CompletionContext } from "@codemirror/autocomplete";
import { html } from "@codemirror/lang-html";
import { markdown } from "@codemirror/lang-markdown";
import { HighlightStyle, syntaxHighlighting } from "@codemirror/language";
import { tags } from "@lezer/highlight";
import { EditorState, type Extension } from "@codemirror/state";
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
};

type CodeEditorProps = {
  readonly value: string;
  readonly onChange: (value: string) => void;
  readonly format: "mjml" | "html" | "markdown";
  readonly variables: readonly { name: string; label: string }[];
  readonly label: string;
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
    },
    { dark },
  );

export default function CodeEditor({ value, onChange, format, variables, label, ref }: CodeEditorProps) {
  const place = useRef<HTMLDivElement>(null);
  const view = useRef<EditorView>(null);
  const latest = useRef({ onChange, variables, value });
  latest.current = { onChange, variables, value };
  const dark = useComputedColorScheme("light") === "dark";

  useEffect(() => {
    const complete = (context: CompletionContext) => {
      const word = context.matchBefore(/\{\{\s*[\w.]*/);
      if (!word) return null;
      return {
        from: word.from,
        options: latest.current.variables.map(({ name, label: detail }) => ({
          label: `{{ ${name} }}`,
          detail,
          type: "variable",
        })),
        filter: true,
      };
    };
    const made = new EditorView({
      parent: place.current!,
      state: EditorState.create({
        doc: latest.current.value,
        extensions: [
          nonce(),
          basicSetup,
          format === "markdown" ? markdown() : html({ matchClosingTags: false }),
          templateTags,
          syntaxHighlighting(dark ? DARK : LIGHT),
          theme(dark),
          autocompletion({ override: [complete] }),
          EditorView.lineWrapping,
          EditorView.contentAttributes.of({ "aria-label": label }),
          EditorView.updateListener.of((update) => {
            if (update.docChanged) latest.current.onChange(update.state.doc.toString());
          }),
        ],
      }),
    });
    // What scrolls can be scrolled by keyboard.
    made.scrollDOM.tabIndex = 0;
    view.current = made;
    return () => made.destroy();
  }, [format, dark, label]);

  // Somebody else put other text there: a version that was restored.
  useEffect(() => {
    const now = view.current;
    if (now && now.state.doc.toString() !== value)
      now.dispatch({ changes: { from: 0, to: now.state.doc.length, insert: value } });
  }, [value]);

  useImperativeHandle(ref, () => ({
    insert(text) {
      const now = view.current;
      if (!now) return;
      now.dispatch(now.state.replaceSelection(text));
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
  }));

  return <div ref={place} className="code-editor" />;
}
