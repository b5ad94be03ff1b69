/** Shows a mail in a frame of its own: no scripts, no forms, and nothing from elsewhere until asked. */
import { Alert, Button, Group, Text } from "@mantine/core";
import { IconPhoto } from "@tabler/icons-react";
import { useElementSize } from "@mantine/hooks";
import { useEffect, useId, useRef, useState } from "react";
import { t } from "../i18n.ts";

type MailFrameProps = {
  readonly html: string;
  readonly title: string;
  /** A number is kept: where there is less room the whole is shown smaller, so that the mail is laid out for that width. */
  readonly width?: number | "100%";
  readonly height?: number;
  /** Which scheme the mail is shown in. */
  readonly scheme?: "light" | "dark";
  /** Load pictures from elsewhere without asking: for what the author wrote. */
  readonly remote?: boolean;
};

const REMOTE = /(?:src|background|href)\s*=\s*["']?\s*(?:https?:)?\/\/|url\(\s*["']?\s*(?:https?:)?\/\//i;
/** A frame has the scheme of the machine: what a mail asks of it is answered with the scheme it is to be shown in. */
const SCHEME = /\(\s*prefers-color-scheme\s*:\s*(dark|light)\s*\)/gi;

export function MailFrame({
  html,
  title,
  width = "100%",
  height = 520,
  scheme = "light",
  remote = false,
}: MailFrameProps) {
  const name = `mail-${useId()}`;
  const form = useRef<HTMLFormElement>(null);
  const [allowed, setAllowed] = useState(remote);
  const { ref: room, width: there } = useElementSize();
  const scale = typeof width === "number" && there > 0 ? Math.min(1, there / width) : 1;
  const pictures = REMOTE.test(html.replaceAll(/<a\b[^>]*>/gi, ""));
  const shown = html.replaceAll(SCHEME, (_, asked: string) =>
    asked.toLowerCase() === scheme ? "(min-width: 0)" : "(max-width: 0)",
  );
  // The document comes from the server with a policy of its own: one written into this page would have this page's.
  useEffect(() => form.current?.submit(), [shown, allowed, name]);
  return (
    <>
      {pictures && !allowed && (
        <Alert color="gray" p="xs" mb="xs" icon={<IconPhoto size={18} />}>
          <Group justify="space-between" gap="xs">
            <Text size="sm">{t("Pictures from elsewhere are not loaded.")}</Text>
            <Button size="compact-sm" variant="default" onClick={() => setAllowed(true)}>
              {t("Load pictures")}
            </Button>
          </Group>
        </Alert>
      )}
      <form ref={form} method="post" action="/frame" target={name} hidden>
        <input type="hidden" name="html" value={shown} />
        <input type="hidden" name="remote" value={allowed ? "yes" : "no"} />
      </form>
      <div ref={room} style={{ width: "100%", height, overflow: "hidden" }}>
        <iframe
          name={name}
          title={title}
          sandbox=""
          className="mail-frame"
          style={{
            width,
            height: height / scale,
            display: "block",
            ...(scale < 1 ? { transform: `scale(${scale})`, transformOrigin: "0 0" } : { margin: "0 auto" }),
            colorScheme: scheme,
            background: scheme === "dark" ? "#1a1a1a" : "#fff",
          }}
        />
      </div>
    </>
  );
}
