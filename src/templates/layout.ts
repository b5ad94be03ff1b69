/** The plain, readable layout of a mail that brings none, and the footer every mail has. Good in light and dark. */
import { readable } from "../core/colour.ts";

const STYLE = `
    :root { color-scheme: light dark; supported-color-schemes: light dark; }
    body { margin: 0; padding: 0; background: #ffffff; color: #1f2933; font: 16px/1.6 -apple-system, "Segoe UI", Helvetica, Arial, sans-serif; }
    .page { max-width: 600px; margin: 0 auto; padding: 24px 20px; }
    h1, h2, h3 { line-height: 1.25; margin: 28px 0 12px; }
    p, ul, ol, blockquote, table, pre { margin: 0 0 16px; }
    a { color: #1d4ed8; }
    img { max-width: 100%; height: auto; border: 0; }
    blockquote { padding-left: 16px; border-left: 3px solid #cbd5e1; }
    pre, code { font-family: ui-monospace, Menlo, Consolas, monospace; font-size: 14px; }
    hr { border: 0; border-top: 1px solid #cbd5e1; margin: 24px 0; }
    @media (prefers-color-scheme: dark) {
      body { background: #111827 !important; color: #e5e7eb !important; }
      a { color: #93c5fd !important; }
      .tidings-footer div { background-color: #111827 !important; }
      .tidings-footer div, .tidings-footer a { color: #9ca3af !important; }
    }`;

/** A whole document around what the author wrote. */
export function document(content: string): string {
  return `<!doctype html>
<html lang="en">
<head>
  <meta charset="utf-8">
  <meta name="viewport" content="width=device-width, initial-scale=1">
  <meta name="color-scheme" content="light dark">
  <title></title>
  <style>${STYLE}
  </style>
</head>
<body>
<div class="page">
${content}
</div>
</body>
</html>
`;
}

/**
 * Postal address (CAN-SPAM) and the way out (E88), each where the author did not place it. It brings the ground it stands
 * on: whatever a mail program makes of the mail's own, dark or light, both can be read.
 */
export function footer({ unsubscribe, address }: { unsubscribe: boolean; address: boolean }, ground: string): string {
  if (!unsubscribe && !address) return "";
  const colour = readable(ground, ["#52606d", "#d1d5db"]);
  const parts = [
    address ? "{% if postal_address %}{{ postal_address }}{% endif %}" : "",
    unsubscribe ? `<a href="{{ unsubscribe_url }}" style="color:${colour}">Unsubscribe</a>` : "",
  ].filter(Boolean);
  return (
    `<div class="tidings-footer"><div style="background-color:${ground}">` +
    '<div style="max-width:600px;margin:0 auto;padding:16px 20px 32px;' +
    `font:13px/1.5 -apple-system,'Segoe UI',Helvetica,Arial,sans-serif;color:${colour}">${parts.join("<br>")}</div></div></div>\n`
  );
}

/** The same for plain text, behind a signature's dashes. */
export function textFooter({ unsubscribe, address }: { unsubscribe: boolean; address: boolean }): string {
  const parts = [
    address ? "{% if postal_address %}{{ postal_address }}\n{% endif %}" : "",
    unsubscribe ? "Unsubscribe: {{ unsubscribe_url }}" : "",
  ].filter(Boolean);
  return parts.length === 0 ? "\n" : `\n\n-- \n${parts.join("")}\n`;
}
