/** One Email Group: its members, and the ways in and out. */
import {
  ActionIcon,
  Alert,
  Badge,
  Button,
  Group,
  Menu,
  Modal,
  SegmentedControl,
  Select,
  Stack,
  Tabs,
  Text,
  Textarea,
  TextInput,
} from "@mantine/core";
import { IconDots, IconPencil, IconPlus, IconTrash, IconUserPlus } from "@tabler/icons-react";
import { Link, useNavigate, useParams } from "@tanstack/react-router";
import { useState } from "react";
import { type Answer, call, type Row } from "../../api.ts";
import type { PeopleFilter } from "../../../src/people/api.ts";
import { formatNumber, t } from "../../i18n.ts";
import { ask, deleteNamed } from "../../kit/ask.tsx";
import { tellDone, tellFailure } from "../../kit/failures.tsx";
import { type Column, Empty, List, useSearchState } from "../../kit/list.tsx";
import { Page } from "../../kit/page.tsx";
import { actOnPeople } from "../../kit/people-deeds.ts";
import { PeopleFilterFields } from "../../kit/people-filter.tsx";
import { personLabel, Pick } from "../../kit/pick.tsx";
import { Moment, PersonLink } from "../../kit/words.tsx";
import { queryClient, useRead } from "../../queries.ts";
import { useMay, useMayChange } from "../../session.tsx";
import { GroupForm } from "./group-form.tsx";

type Member = Row<"GET /email-groups/:id/members">;
type Added = Answer<"POST /email-groups/:id/members">;

export default function EmailGroupPage() {
  const { id } = useParams({ strict: false }) as { id: string };
  const { data: group } = useRead("GET /email-groups/:id", { params: { id } });
  const may = useMay();
  const own = useMayChange()(group);
  const navigate = useNavigate();
  const [search, change] = useSearchState();
  const [adding, setAdding] = useState(false);
  const [editing, setEditing] = useState(false);
  const [back, setBack] = useState<Member | null>(null);

  const deed = async (act: () => Promise<unknown>, message: string) => {
    try {
      await act();
      await queryClient.invalidateQueries();
      tellDone(message);
    } catch (error) {
      tellFailure(error);
    }
  };
  const leave = ({ personId, fullName, unsubscribedAt }: Member) => {
    const act = () =>
      actOnPeople(
        { action: "remove-from-group", emailGroupId: group.id },
        [personId],
        t("{name} is no longer in this group.", { name: fullName }),
      );
    if (!unsubscribedAt) return void act().catch(tellFailure);
    return ask({
      title: t("Forget that {name} unsubscribed from “{group}”?", { name: fullName, group: group.title }),
      text: t("Who is removed and added again later is subscribed. As a member who unsubscribed they get nothing."),
      deed: t("Remove"),
      act,
    });
  };
  const remove = () =>
    ask({
      title: t("Delete “{name}”?", { name: group.title }),
      text: t("The people stay; only the list goes."),
      deed: t("Delete"),
      act: () =>
        deleteNamed(
          (force) => call("DELETE /email-groups/:id", { params: { id }, query: { force: String(force) } }),
          async () => {
            tellDone(t("Deleted."));
            await navigate({ to: "/email-groups" });
          },
        ),
    });
  const columns: readonly Column<Member>[] = [
    {
      key: "name",
      label: t("Name"),
      cell: ({ personId, fullName, email }) => <PersonLink person={{ id: personId, name: fullName, email }} />,
    },
    { key: "kind", label: t("Kind"), cell: ({ kind }) => (kind === "lead" ? t("Lead") : t("Contact")) },
    {
      key: "state",
      label: t("State"),
      cell: ({ unsubscribedAt }) => (
        <Badge color={unsubscribedAt ? "red" : "green"}>{unsubscribedAt ? t("Unsubscribed") : t("Subscribed")}</Badge>
      ),
    },
    { key: "joinedAt", label: t("Joined"), cell: ({ joinedAt }) => <Moment at={joinedAt} ago /> },
    {
      key: "actions",
      label: "",
      align: "right",
      cell: (member) =>
        may("user") && (
          <Group gap={4} justify="flex-end" wrap="nowrap">
            {member.unsubscribedAt ? (
              may("manager") && (
                <Button size="compact-xs" variant="subtle" onClick={() => setBack(member)}>
                  {t("Subscribe again")}
                </Button>
              )
            ) : (
              <Button
                size="compact-xs"
                variant="subtle"
                onClick={() =>
                  void deed(
                    () =>
                      call("PUT /email-groups/:id/members/:personId/unsubscription", {
                        params: { id, personId: member.personId },
                      }),
                    t("{name} is unsubscribed from this group.", { name: member.fullName }),
                  )
                }
              >
                {t("Unsubscribe")}
              </Button>
            )}
            <Button
              size="compact-xs"
              variant="subtle"
              color="red"
              onClick={() => leave(member)}
              aria-label={t("Remove {name}", { name: member.fullName })}
            >
              {t("Remove")}
            </Button>
          </Group>
        ),
    },
  ];
  const add = may("user") && (
    <Button variant="default" leftSection={<IconUserPlus size={16} />} onClick={() => setAdding(true)}>
      {t("Add people")}
    </Button>
  );
  return (
    <Page
      title={group.title}
      hint={group.description}
      badge={
        <Group gap={6}>
          <Badge color="green">{t("{count} subscribed", { count: formatNumber(group.subscribed) })}</Badge>
          {group.unsubscribed > 0 && (
            <Badge color="red">{t("{count} unsubscribed", { count: formatNumber(group.unsubscribed) })}</Badge>
          )}
        </Group>
      }
      above={[[t("Email Groups"), "/email-groups"]]}
      actions={
        <>
          {add}
          {may("user") && (
            <Button component={Link} to={`/email-campaigns/new?group=${id}`} leftSection={<IconPlus size={16} />}>
              {t("Start a Campaign")}
            </Button>
          )}
          {(own || may("manager")) && (
            <Menu position="bottom-end">
              <Menu.Target>
                <ActionIcon size="lg" variant="default" aria-label={t("More")}>
                  <IconDots size={18} />
                </ActionIcon>
              </Menu.Target>
              <Menu.Dropdown>
                {own && (
                  <Menu.Item leftSection={<IconPencil size={16} />} onClick={() => setEditing(true)}>
                    {t("Edit")}
                  </Menu.Item>
                )}
                {may("manager") && (
                  <Menu.Item color="red" leftSection={<IconTrash size={16} />} onClick={remove}>
                    {t("Delete")}
                  </Menu.Item>
                )}
              </Menu.Dropdown>
            </Menu>
          )}
        </>
      }
    >
      <List
        route="GET /email-groups/:id/members"
        params={{ id }}
        label={t("Members")}
        columns={columns}
        filters={["state"]}
        idOf={({ personId }) => personId}
        {...(may("user")
          ? {
              bulk: (chosen: readonly Member[], done: () => void) => (
                <MemberActions chosen={chosen} emailGroupId={group.id} done={done} />
              ),
            }
          : {})}
        controls={
          <SegmentedControl
            aria-label={t("State")}
            value={search["state"] ?? "all"}
            onChange={(state) => change({ state: state === "all" ? undefined : state })}
            data={[
              { value: "all", label: t("All") },
              { value: "subscribed", label: t("Subscribed") },
              { value: "unsubscribed", label: t("Unsubscribed") },
            ]}
          />
        }
        empty={
          <Empty title={t("Nobody in it yet")} action={add}>
            {t("Search for people, paste addresses, or take everybody a filter means.")}
          </Empty>
        }
      />
      <Modal opened={adding} onClose={() => setAdding(false)} size="lg" title={t("Add people")}>
        {adding && <AddMembers id={id} />}
      </Modal>
      <Modal opened={editing} onClose={() => setEditing(false)} title={t("Edit")}>
        {editing && <GroupForm group={group} done={() => setEditing(false)} />}
      </Modal>
      <Modal opened={back !== null} onClose={() => setBack(null)} title={t("Subscribe again")}>
        {back && (
          <Consent
            member={back}
            act={(consent) => {
              setBack(null);
              void deed(
                () =>
                  call("PUT /email-groups/:id/members/:personId/subscription", {
                    params: { id, personId: back.personId },
                    body: { consent },
                  }),
                t("{name} is subscribed again.", { name: back.fullName }),
              );
            }}
          />
        )}
      </Modal>
    </Page>
  );
}

function MemberActions({
  chosen,
  emailGroupId,
  done,
}: {
  chosen: readonly Member[];
  emailGroupId: number;
  done: () => void;
}) {
  const left = chosen.filter(({ unsubscribedAt }) => unsubscribedAt !== null).length;
  const remove = async () => {
    await actOnPeople(
      { action: "remove-from-group", emailGroupId },
      chosen.map(({ personId }) => personId),
    );
    done();
  };
  return (
    <Group gap="xs">
      <Button
        size="xs"
        component={Link}
        to={`/email-campaigns/new?ids=${chosen.map(({ personId }) => personId).join(",")}`}
      >
        {t("Start a Campaign")}
      </Button>
      <Button
        size="xs"
        variant="default"
        onClick={() =>
          left === 0
            ? void remove().catch(tellFailure)
            : ask({
                title: t(
                  "{count, plural, one {Forget that one of them unsubscribed?} other {Forget that # of them unsubscribed?}}",
                  {
                    count: left,
                  },
                ),
                text: t(
                  "Who is removed and added again later is subscribed. As a member who unsubscribed they get nothing.",
                ),
                deed: t("Remove"),
                act: remove,
              })
        }
      >
        {t("Remove from the group")}
      </Button>
    </Group>
  );
}

function Consent({ member, act }: { member: Member; act: (consent: string) => void }) {
  const [consent, setConsent] = useState("");
  return (
    <Stack>
      <Text size="sm">
        {t("{name} unsubscribed. Say how they asked to be back: it is kept in the audit log.", {
          name: member.fullName,
        })}
      </Text>
      <TextInput
        label={t("How they asked")}
        placeholder={t("Asked on the phone on Monday")}
        value={consent}
        onChange={(event) => setConsent(event.currentTarget.value)}
        data-autofocus
      />
      <Group justify="flex-end">
        <Button disabled={!consent.trim()} onClick={() => act(consent)}>
          {t("Subscribe again")}
        </Button>
      </Group>
    </Stack>
  );
}

function AddMembers({ id }: { id: string }) {
  const [addresses, setAddresses] = useState("");
  const [filter, setFilter] = useState<PeopleFilter>({});
  const [kind, setKind] = useState<"lead" | "contact">("lead");
  const [added, setAdded] = useState<Added | null>(null);
  const [busy, setBusy] = useState(false);
  const add = async (body: { personIds?: number[]; addresses?: string; filter?: PeopleFilter }) => {
    setBusy(true);
    try {
      setAdded(await call("POST /email-groups/:id/members", { params: { id }, body }));
      await queryClient.invalidateQueries();
    } catch (error) {
      tellFailure(error);
    } finally {
      setBusy(false);
    }
  };
  return (
    <Stack>
      <Tabs defaultValue="search">
        <Tabs.List>
          <Tabs.Tab value="search">{t("Search")}</Tabs.Tab>
          <Tabs.Tab value="paste">{t("Paste addresses")}</Tabs.Tab>
          <Tabs.Tab value="filter">{t("Filter")}</Tabs.Tab>
        </Tabs.List>
        <Tabs.Panel value="search" pt="md">
          <Group align="flex-end">
            <Select
              label={t("Kind")}
              w={130}
              allowDeselect={false}
              value={kind}
              onChange={(value) => setKind(value as "lead" | "contact")}
              data={[
                { value: "lead", label: t("Lead") },
                { value: "contact", label: t("Contact") },
              ]}
            />
            <Pick
              key={kind}
              route={kind === "lead" ? "GET /leads" : "GET /contacts"}
              label={t("Person")}
              labelOf={personLabel}
              value={null}
              flex={1}
              onChange={(personId) => {
                if (personId !== null) void add({ personIds: [personId] });
              }}
            />
          </Group>
        </Tabs.Panel>
        <Tabs.Panel value="paste" pt="md">
          <Stack>
            <Textarea
              label={t("Addresses")}
              description={t("One a line, or apart by commas. Unknown ones become Leads.")}
              autosize
              minRows={5}
              maxRows={12}
              value={addresses}
              onChange={(event) => setAddresses(event.currentTarget.value)}
            />
            <Group justify="flex-end">
              <Button loading={busy} disabled={!addresses.trim()} onClick={() => void add({ addresses })}>
                {t("Add")}
              </Button>
            </Group>
          </Stack>
        </Tabs.Panel>
        <Tabs.Panel value="filter" pt="md">
          <Stack>
            <PeopleFilterFields filter={filter} change={setFilter} />
            <Group justify="flex-end">
              <Button loading={busy} disabled={Object.keys(filter).length === 0} onClick={() => void add({ filter })}>
                {t("Add everybody it means")}
              </Button>
            </Group>
          </Stack>
        </Tabs.Panel>
      </Tabs>
      {added && (
        <Alert color={added.bad.length > 0 ? "orange" : "green"} role="status">
          <Text size="sm">
            {t("{added} added, {already} were members already, {created} new Leads.", {
              added: formatNumber(added.added),
              already: formatNumber(added.alreadyMembers),
              created: formatNumber(added.createdLeads),
            })}
          </Text>
          {added.optedOutCount > 0 && (
            <Text size="sm">
              {t("{count} of them opted out and get no mail.", { count: formatNumber(added.optedOutCount) })}
            </Text>
          )}
          {added.bad.slice(0, 10).map(({ text, problem }) => (
            <Text key={text} size="sm">
              {text}: {problem}
            </Text>
          ))}
        </Alert>
      )}
    </Stack>
  );
}
