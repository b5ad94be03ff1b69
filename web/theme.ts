/** Colours and shapes of the application; the changes to the stock palette are there for contrast (WCAG 2.2 AA). */
import {
  ActionIcon,
  Badge,
  Button,
  Card,
  createTheme,
  Drawer,
  type CSSVariablesResolver,
  type MantineColorsTuple,
  Modal,
  Paper,
  Table,
  Tooltip,
} from "@mantine/core";
import { language, t } from "./i18n.ts";

const ink: MantineColorsTuple = [
  "#eef0ff",
  "#dfe2fd",
  "#bcc2f7",
  "#979ff1",
  "#7881ec",
  "#646ee9",
  "#5964e8",
  "#4338ca",
  "#3f38b4",
  "#322c92",
];

/** The dark scheme's grounds and lines: of one family with its surfaces. */
const dark: MantineColorsTuple = [
  "#d3d7de",
  "#b9bfca",
  "#9aa2af",
  "#6b7380",
  "#3d434e",
  "#2f343d",
  "#1b1e24",
  "#16181d",
  "#121418",
  "#0e1013",
];

/** Made after the language is known: some of its parts speak. */
export const makeTheme = () =>
  createTheme({
    primaryColor: "ink",
    primaryShade: { light: 7, dark: 6 },
    colors: { ink, dark },
    defaultRadius: "md",
    fontFamily: '"Inter Variable", system-ui, -apple-system, "Segoe UI", Roboto, sans-serif',
    fontFamilyMonospace: 'ui-monospace, SFMono-Regular, Menlo, Consolas, "Liberation Mono", monospace',
    headings: {
      fontWeight: "650",
      sizes: { h1: { fontSize: "1.5rem" }, h2: { fontSize: "1.15rem" }, h3: { fontSize: "1rem" } },
    },
    cursorType: "pointer",
    respectReducedMotion: true,
    components: {
      Button: Button.extend({ defaultProps: { size: "sm" } }),
      ActionIcon: ActionIcon.extend({ defaultProps: { variant: "subtle", color: "gray" } }),
      Badge: Badge.extend({
        defaultProps: { variant: "light", radius: "sm" },
        styles: { label: { textTransform: "none" } },
      }),
      Card: Card.extend({ defaultProps: { withBorder: true, padding: "lg", radius: "md" } }),
      Paper: Paper.extend({ defaultProps: { radius: "md" } }),
      Table: Table.extend({ defaultProps: { verticalSpacing: "sm", highlightOnHover: true } }),
      Modal: Modal.extend({
        defaultProps: { centered: true, overlayProps: { backgroundOpacity: 0.4, blur: 2 }, ...spoken() },
      }),
      Drawer: Drawer.extend({ defaultProps: spoken() }),
      Tooltip: Tooltip.extend({ defaultProps: { openDelay: 300 } }),
      // By name: what picks dates is loaded with the pages that need it.
      DatePickerInput: { defaultProps: { valueFormat: DAY_FORMATS[language()] } },
      DateInput: { defaultProps: { valueFormat: DAY_FORMATS[language()] } },
    },
  });

/** As days are written everywhere else. */
const DAY_FORMATS = { en: "D MMM YYYY", de: "DD.MM.YYYY" } as const;

/** A close button with a name, and a heading that is no second banner of the page. */
const spoken = () => ({
  closeButtonProps: { "aria-label": t("Close") },
  attributes: { header: { role: "presentation" } },
});

/** The ground of what cannot be undone, with white words on it in both schemes. */
const HARM = { "--mantine-color-red-filled": "#c92a2a", "--mantine-color-red-filled-hover": "#b42020" };

export const cssVariables: CSSVariablesResolver = () => ({
  variables: {},
  light: {
    ...HARM,
    "--mantine-color-dimmed": "#5c6370",
    "--mantine-color-placeholder": "#6b7280",
    "--mantine-color-error": "#c92a2a",
    "--mantine-color-body": "#ffffff",
    "--mantine-color-gray-light-color": "#3d4450",
    "--mantine-color-blue-light-color": "#1561ad",
    "--mantine-color-green-light-color": "#1c6b2f",
    "--mantine-color-teal-light-color": "#08684f",
    "--mantine-color-orange-light-color": "#a03c00",
    "--mantine-color-yellow-light-color": "#855400",
    "--mantine-color-red-light-color": "#b42020",
    "--mantine-color-grape-light-color": "#842f9b",
    "--tidings-surface": "#f7f8fa",
    "--tidings-line": "#e6e8ec",
  },
  dark: {
    ...HARM,
    "--mantine-color-dimmed": "#a3abb8",
    "--mantine-color-placeholder": "#8d95a3",
    "--mantine-color-error": "#ff8787",
    "--mantine-color-body": "#16181d",
    "--mantine-color-default": "#1d2026",
    "--mantine-color-default-border": "#343a44",
    "--mantine-color-anchor": "#a5adff",
    "--tidings-surface": "#111317",
    "--tidings-line": "#2a2e36",
  },
});

/** What each status of an Email Campaign looks like, everywhere (the same colours as on the badges of the manual). */
export const STATUS_COLORS: Readonly<Record<string, string>> = {
  Scheduled: "blue",
  "In Progress": "orange",
  Completed: "green",
  Unsubscribed: "red",
  Paused: "yellow",
  Stopped: "gray",
};
