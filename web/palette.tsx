/** The command palette: people, Campaigns, pages and actions, by keyboard from everywhere (Ctrl/⌘ K). */
import { createSpotlight, Spotlight, type SpotlightActionData } from "@mantine/spotlight";
import { useDebouncedValue } from "@mantine/hooks";
import {
  IconAddressBook,
  IconMailFast,
  IconPlus,
  IconSearch,
  IconSpeakerphone,
  IconTemplate,
  IconUpload,
  IconUser,
  IconUsersGroup,
} from "@tabler/icons-react";
import { useNavigate } from "@tanstack/react-router";
import { useEffect, useState } from "react";
import { t } from "./i18n.ts";
import { useApi } from "./queries.ts";
import { useMay } from "./session.tsx";
import { DESTINATIONS } from "./shell.tsx";

const [store, palette] = createSpotlight();

const KINDS = {
  lead: [IconUser, (id: number) => `/people/${id}`],
  contact: [IconAddressBook, (id: number) => `/people/${id}`],
  campaign: [IconSpeakerphone, (id: number) => `/campaigns/${id}`],
  "email-campaign": [IconMailFast, (id: number) => `/email-campaigns/${id}`],
  "email-group": [IconUsersGroup, (id: number) => `/email-groups/${id}`],
  "email-template": [IconTemplate, (id: number) => `/email-templates/${id}`],
} as const;

export default function Palette() {
  const [query, setQuery] = useState("");
  const [asked] = useDebouncedValue(query.trim(), 120);
  const navigate = useNavigate();
  const may = useMay();
  const found = useApi("GET /search", { query: { q: asked }, enabled: asked.length > 1 });
  useEffect(() => {
    const open = () => palette.open();
    open();
    window.addEventListener("tidings:palette", open);
    return () => window.removeEventListener("tidings:palette", open);
  }, []);

  useEffect(() => {
    if (found.data) selectFirst();
  }, [found.data]);

  const go = (to: string) => () => void navigate({ to });
  const matches = (label: string) => label.toLocaleLowerCase().includes(query.trim().toLocaleLowerCase());
  const records: SpotlightActionData[] = (asked.length > 1 ? (found.data?.data ?? []) : []).map((hit) => {
    const [Icon, to] = KINDS[hit.kind];
    return {
      id: `${hit.kind}-${hit.id}`,
      label: hit.label,
      description: hit.detail ?? undefined,
      leftSection: <Icon size={18} />,
      onClick: go(to(hit.id)),
    };
  });
  const actions: SpotlightActionData[] = (
    [
      ["new-email-campaign", t("Start an Email Campaign"), "/email-campaigns/new", IconPlus, "user"],
      ["new-campaign", t("New Campaign"), "/campaigns?new=yes", IconPlus, "user"],
      ["new-lead", t("New Lead"), "/leads?new=yes", IconPlus, "user"],
      ["new-contact", t("New Contact"), "/contacts?new=yes", IconPlus, "user"],
      ["new-template", t("New Email Template"), "/email-templates/new", IconPlus, "user"],
      ["import", t("Import people"), "/import", IconUpload, "manager"],
    ] as const
  )
    .filter(([, label, , , least]) => may(least) && matches(label))
    .map(([id, label, to, Icon]) => ({ id, label, leftSection: <Icon size={18} />, onClick: go(to) }));
  const pages: SpotlightActionData[] = DESTINATIONS.flat()
    .filter(({ label, least }) => (!least || may(least)) && matches(label()))
    .map(({ label, to, icon: Icon }) => ({ id: to, label: label(), leftSection: <Icon size={18} />, onClick: go(to) }));
  const groups = [
    { group: t("Found"), actions: records },
    { group: t("Actions"), actions },
    { group: t("Pages"), actions: pages },
  ].filter((one) => one.actions.length > 0);

  return (
    <Spotlight
      store={store}
      shortcut={["mod + K"]}
      actions={groups}
      query={query}
      onQueryChange={setQuery}
      // Found by the server, or above: nothing more is to be left out.
      filter={(_query, all) => all}
      scrollable
      maxHeight={420}
      nothingFound={found.isFetching ? t("Searching …") : t("Nothing found")}
      searchProps={{
        leftSection: <IconSearch size={18} />,
        placeholder: t("Search people, Campaigns, pages, actions"),
        "aria-label": t("Search people, Campaigns, pages, actions"),
      }}
    />
  );
}

/** What the server found stands above what was selected before it answered; Enter takes the first. */
function selectFirst(): void {
  const list = document.getElementById(store.getState().listId);
  list?.querySelector("[data-selected]")?.removeAttribute("data-selected");
  list?.querySelector("[data-action]")?.setAttribute("data-selected", "true");
  store.updateState((state) => ({ ...state, selected: 0 }));
}
