/** The frame of the settings pages: their tabs, by what the role may see. */
import { Tabs } from "@mantine/core";
import { useLocation, useNavigate } from "@tanstack/react-router";
import { type ReactNode, useEffect, useRef } from "react";
import { t } from "../i18n.ts";
import { type Role, useMay } from "../session.tsx";
import { Page } from "./page.tsx";

const PAGES: readonly { to: string; label: () => string; least: Role }[] = [
  { to: "/settings/profile", label: () => t("Profile"), least: "viewer" },
  { to: "/settings/workspace", label: () => t("Workspace"), least: "viewer" },
  { to: "/settings/brand", label: () => t("Brand kit"), least: "viewer" },
  { to: "/settings/timing", label: () => t("Timing"), least: "viewer" },
  { to: "/settings/email-accounts", label: () => t("Email accounts"), least: "manager" },
  { to: "/settings/incoming", label: () => t("Incoming mail"), least: "manager" },
  { to: "/settings/senders", label: () => t("Senders"), least: "viewer" },
  { to: "/settings/sending-domains", label: () => t("Sending domains"), least: "manager" },
  { to: "/settings/recipient-domains", label: () => t("Recipient domains"), least: "manager" },
  { to: "/settings/fields", label: () => t("Fields"), least: "viewer" },
  { to: "/settings/users", label: () => t("Users"), least: "administrator" },
  { to: "/settings/api-keys", label: () => t("API keys"), least: "administrator" },
  { to: "/settings/audit", label: () => t("Audit log"), least: "manager" },
];

export function SettingsPage({
  title,
  hint,
  actions,
  children,
}: {
  title: string;
  hint?: ReactNode;
  actions?: ReactNode;
  children: ReactNode;
}) {
  const may = useMay();
  const { pathname } = useLocation();
  const navigate = useNavigate();
  const tabs = useRef<HTMLDivElement>(null);
  // On a phone the tabs are wider than the screen; the one that is open is brought to where it is seen.
  useEffect(() => {
    const list = tabs.current;
    const active = list?.querySelector<HTMLElement>("[aria-selected=true]");
    if (list && active) list.scrollLeft = active.offsetLeft - (list.clientWidth - active.offsetWidth) / 2;
  }, [pathname]);
  return (
    <Page title={title} hint={hint} actions={actions}>
      <Tabs value={pathname} onChange={(to) => to && void navigate({ to })}>
        <Tabs.List ref={tabs} aria-label={t("Settings")} style={{ overflowX: "auto", flexWrap: "nowrap" }}>
          {PAGES.filter(({ least }) => may(least)).map(({ to, label }) => (
            <Tabs.Tab key={to} value={to}>
              {label()}
            </Tabs.Tab>
          ))}
        </Tabs.List>
        {PAGES.filter(({ least }) => may(least)).map(({ to }) => (
          <Tabs.Panel key={to} value={to} pt="lg">
            {to === pathname && children}
          </Tabs.Panel>
        ))}
      </Tabs>
    </Page>
  );
}
