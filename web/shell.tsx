/** What surrounds every page of whoever is signed in: navigation, search, the user's menu, news from the server. */
import {
  ActionIcon,
  AppShell,
  Avatar,
  Badge,
  Box,
  Burger,
  Group,
  Kbd,
  Menu,
  NavLink,
  ScrollArea,
  Stack,
  Text,
  UnstyledButton,
  useMantineColorScheme,
  VisuallyHidden,
} from "@mantine/core";
import { useDisclosure, useHotkeys } from "@mantine/hooks";
import {
  IconAddressBook,
  IconBan,
  IconChartBar,
  IconHome,
  IconInbox,
  IconLanguage,
  IconLogout,
  IconMail,
  IconMailCheck,
  IconMailFast,
  IconMessageReply,
  IconMoon,
  IconSearch,
  IconSettings,
  IconSpeakerphone,
  IconSun,
  IconTemplate,
  IconTimeline,
  IconUser,
  IconUserCircle,
  IconUsersGroup,
} from "@tabler/icons-react";
import { useQuery } from "@tanstack/react-query";
import { Link, Outlet, useLocation, useNavigate } from "@tanstack/react-router";
import { lazy, Suspense, useEffect } from "react";
import { call } from "./api.ts";
import { chooseLanguage, language, LANGUAGES, type Language, t } from "./i18n.ts";
import { tellFailure } from "./kit/failures.tsx";
import { PageSkeleton } from "./kit/skeletons.tsx";
import { useNews } from "./news.ts";
import { queryClient, reading, useApi } from "./queries.ts";
import { type Role, useMay, useSession } from "./session.tsx";

const Palette = lazy(() => import("./palette.tsx"));
const HeldBanner = lazy(() => import("./held.tsx"));

export type Destination = {
  readonly label: () => string;
  readonly to: string;
  readonly icon: typeof IconHome;
  readonly least?: Role;
};

/** The pages of the navigation, in groups. The command palette offers the same. */
export const DESTINATIONS: readonly (readonly Destination[])[] = [
  [
    { label: () => t("Home"), to: "/", icon: IconHome },
    { label: () => t("Insights"), to: "/insights", icon: IconChartBar },
    { label: () => t("Deliverability"), to: "/deliverability", icon: IconMailCheck },
  ],
  [
    { label: () => t("Campaigns"), to: "/campaigns", icon: IconSpeakerphone },
    { label: () => t("Email Campaigns"), to: "/email-campaigns", icon: IconMailFast },
    { label: () => t("Email Templates"), to: "/email-templates", icon: IconTemplate },
  ],
  [
    { label: () => t("Leads"), to: "/leads", icon: IconUser },
    { label: () => t("Contacts"), to: "/contacts", icon: IconAddressBook },
    { label: () => t("Email Groups"), to: "/email-groups", icon: IconUsersGroup },
    { label: () => t("Suppressions"), to: "/suppressions", icon: IconBan },
  ],
  [
    { label: () => t("Replies"), to: "/replies", icon: IconMessageReply },
    { label: () => t("Communications"), to: "/communications", icon: IconTimeline },
    { label: () => t("Mailbox"), to: "/mailbox", icon: IconInbox },
    { label: () => t("Settings"), to: "/settings/profile", icon: IconSettings },
  ],
];

export function Shell() {
  const [opened, { toggle, close }] = useDisclosure(false);
  const { pathname } = useLocation();
  const may = useMay();
  useNews();
  useEffect(close, [pathname, close]);
  return (
    <AppShell
      header={{ height: 56 }}
      navbar={{ width: 232, breakpoint: "sm", collapsed: { mobile: !opened } }}
      padding={{ base: "md", sm: "lg", lg: "xl" }}
    >
      <a className="skip-link" href="#content">
        {t("Skip to the content")}
      </a>
      <AppShell.Header className="surface">
        <Group h="100%" px="md" justify="space-between" wrap="nowrap">
          <Group gap="sm" wrap="nowrap">
            <Burger
              opened={opened}
              onClick={toggle}
              hiddenFrom="sm"
              size="sm"
              aria-label={opened ? t("Close the navigation") : t("Open the navigation")}
            />
            <UnstyledButton component={Link} to="/" aria-label={t("Tidings, home")}>
              <Group gap={8} wrap="nowrap">
                <IconMail size={24} color="var(--mantine-primary-color-filled)" stroke={2} />
                <Text fw={700} size="lg" visibleFrom="xs">
                  Tidings
                </Text>
              </Group>
            </UnstyledButton>
          </Group>
          <SearchButton />
          <Group gap={4} wrap="nowrap">
            <SchemeButton />
            <UserMenu />
          </Group>
        </Group>
      </AppShell.Header>
      <AppShell.Navbar className="surface" p="sm" aria-label={t("Main navigation")}>
        <AppShell.Section grow component={ScrollArea}>
          {DESTINATIONS.map((group, at) => (
            <Box key={group[0]?.to} mt={at === 0 ? 0 : "md"}>
              {group
                .filter(({ least }) => !least || may(least))
                .map(({ label, to, icon: Icon }) => {
                  const active = isActive(pathname, to);
                  return (
                    <NavLink
                      key={to}
                      component={Link}
                      to={to}
                      label={label()}
                      leftSection={<Icon size={18} stroke={1.7} />}
                      rightSection={to === "/replies" && <Unseen />}
                      active={active}
                      aria-current={active ? "page" : undefined}
                      style={{ borderRadius: 8 }}
                    />
                  );
                })}
            </Box>
          ))}
        </AppShell.Section>
      </AppShell.Navbar>
      <AppShell.Main id="content" tabIndex={-1}>
        <Box maw={1280} mx="auto">
          <Held />
          <Suspense fallback={<PageSkeleton />}>
            <Outlet />
          </Suspense>
        </Box>
      </AppShell.Main>
    </AppShell>
  );
}

/** How many replies for whoever is signed in nobody has looked at. */
function Unseen() {
  const { data } = useQuery(reading("GET /conversation-counts"));
  if (!data?.unseen) return null;
  return (
    <Badge size="sm" circle={data.unseen < 10} variant="filled">
      {data.unseen}
      <VisuallyHidden> {t("not read yet")}</VisuallyHidden>
    </Badge>
  );
}

function Held() {
  const held = useApi("GET /sending-hold").data?.held;
  return held ? (
    <Suspense fallback={null}>
      <HeldBanner held={held} />
    </Suspense>
  ) : null;
}

function isActive(pathname: string, to: string): boolean {
  if (to === "/") return pathname === "/";
  if (to.startsWith("/settings")) return pathname.startsWith("/settings");
  return pathname === to || pathname.startsWith(`${to}/`);
}

const COMMAND = navigator.platform.startsWith("Mac") ? "⌘" : "Ctrl";

function SearchButton() {
  // Fetched when it is first asked for, and open as it comes; from then on it listens by itself.
  const [asked, { open }] = useDisclosure(false);
  useHotkeys([["mod+K", open]]);
  return (
    <>
      <UnstyledButton
        className="search-button"
        onClick={() => (asked ? window.dispatchEvent(new CustomEvent("tidings:palette")) : open())}
        aria-keyshortcuts="Control+K Meta+K"
      >
        <Group gap="xs" wrap="nowrap" justify="space-between">
          <Group gap="xs" wrap="nowrap">
            <IconSearch size={16} aria-hidden />
            <VisuallyHidden hiddenFrom="xs">{t("Search …")}</VisuallyHidden>
            <Text size="sm" visibleFrom="xs">
              {t("Search …")}
            </Text>
          </Group>
          <Group gap={2} visibleFrom="sm" wrap="nowrap">
            <Kbd size="xs">{COMMAND}</Kbd>
            <Kbd size="xs">K</Kbd>
          </Group>
        </Group>
      </UnstyledButton>
      {asked && (
        <Suspense fallback={null}>
          <Palette />
        </Suspense>
      )}
    </>
  );
}

function SchemeButton() {
  const { colorScheme, setColorScheme } = useMantineColorScheme();
  const dark = colorScheme === "dark" || (colorScheme === "auto" && matchMedia("(prefers-color-scheme: dark)").matches);
  return (
    <ActionIcon
      size="lg"
      onClick={() => setColorScheme(dark ? "light" : "dark")}
      aria-label={dark ? t("Use light colours") : t("Use dark colours")}
    >
      {dark ? <IconSun size={18} /> : <IconMoon size={18} />}
    </ActionIcon>
  );
}

function UserMenu() {
  const { user } = useSession();
  const navigate = useNavigate();
  const initials = user.name
    .split(/\s+/)
    .map((word) => word[0]?.toLocaleUpperCase() ?? "")
    .slice(0, 2)
    .join("");
  const signOut = async () => {
    await call("DELETE /session");
    queryClient.clear();
    await navigate({ to: "/sign-in" });
  };
  return (
    <Menu position="bottom-end" width={220}>
      <Menu.Target>
        <ActionIcon size="lg" radius="xl" aria-label={`${initials} ${t("Your account")}`}>
          <Avatar color="ink" variant="filled" radius="xl" size={28}>
            {initials}
          </Avatar>
        </ActionIcon>
      </Menu.Target>
      <Menu.Dropdown>
        <Menu.Label>
          <Stack gap={0}>
            <Text size="sm" fw={600}>
              {user.name}
            </Text>
            <Text size="xs">{user.email}</Text>
          </Stack>
        </Menu.Label>
        <Menu.Item component={Link} to="/settings/profile" leftSection={<IconUserCircle size={16} />}>
          {t("Profile and security")}
        </Menu.Item>
        <Menu.Divider />
        {(Object.entries(LANGUAGES) as [Language, string][])
          .filter(([code]) => code !== language())
          .map(([code, name]) => (
            <Menu.Item
              key={code}
              lang={code}
              leftSection={<IconLanguage size={16} />}
              onClick={() => {
                void call("PATCH /session/user", { body: { language: code } })
                  .catch(tellFailure)
                  .finally(() => chooseLanguage(code));
              }}
            >
              {name}
            </Menu.Item>
          ))}
        <Menu.Divider />
        <Menu.Item leftSection={<IconLogout size={16} />} onClick={() => void signOut().catch(tellFailure)}>
          {t("Sign out")}
        </Menu.Item>
      </Menu.Dropdown>
    </Menu>
  );
}
