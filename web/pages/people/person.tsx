/** One person: who they are, what they may be sent, what runs for them, and everything that was ever said. */
import { ActionIcon, Alert, Badge, Button, Drawer, Grid, Group, Menu, Modal, Stack } from "@mantine/core";
import {
  IconArrowsJoin,
  IconCopyCheck,
  IconDots,
  IconDownload,
  IconEraser,
  IconPencil,
  IconPlus,
  IconTrash,
  IconUserCheck,
} from "@tabler/icons-react";
import { Link, useNavigate, useParams } from "@tanstack/react-router";
import { useState } from "react";
import { address, type Answer, call } from "../../api.ts";
import { t } from "../../i18n.ts";
import { ask } from "../../kit/ask.tsx";
import { tellDone, tellFailure } from "../../kit/failures.tsx";
import { MergeForm } from "../../kit/merge.tsx";
import { Page } from "../../kit/page.tsx";
import { personLabel, Pick } from "../../kit/pick.tsx";
import { Moment } from "../../kit/words.tsx";
import { queryClient, useApi, useRead } from "../../queries.ts";
import { useMay, useMayChange } from "../../session.tsx";
import { Consent, Groups, Running } from "./person-consent.tsx";
import { Details, EditPerson, StatusMenu } from "./person-details.tsx";
import { Measuring } from "./person-measuring.tsx";
import { Timeline } from "./person-timeline.tsx";

type Person = Answer<"GET /people/:id">;

export default function PersonPage() {
  const { id: asked } = useParams({ strict: false }) as { id: string };
  const { data: person } = useRead("GET /people/:id", { params: { id: asked } });
  // Not the one in the address: that may be of a record that was merged into this one.
  const { id } = person;
  const may = useMay();
  const mayChange = useMayChange();
  const navigate = useNavigate();
  const [editing, setEditing] = useState(false);
  const [merging, setMerging] = useState(false);
  const lead = person.kind === "lead";
  const erased = person.erasedAt !== null;
  const own = mayChange(person) && !erased;
  const list = lead ? "/leads" : "/contacts";
  const path = lead ? ("leads" as const) : ("contacts" as const);

  const convert = async () => {
    try {
      await call("PUT /leads/:id/conversion", { params: { id } });
      await queryClient.invalidateQueries();
      tellDone(
        t("{name} is a Contact now. Address, timeline and running Email Campaigns stay.", { name: person.fullName }),
      );
    } catch (error) {
      tellFailure(error);
    }
  };
  const erase = () =>
    ask({
      title: t("Erase {name} for good?", { name: person.fullName || person.email || "" }),
      text: t(
        "Name, addresses, attributes and what was written to them go for good, and whatever runs stops. That they must not be written to stays, as a hash. This cannot be undone.",
      ),
      deed: t("Erase for good"),
      act: async () => {
        await call(`PUT /${path}/:id/erasure`, { params: { id } });
        await queryClient.invalidateQueries();
        tellDone(t("Erased."));
      },
    });
  const remove = () =>
    ask({
      title: t("Delete this person?"),
      text: t("Only somebody no Email Campaign names can be deleted. Erase the others."),
      deed: t("Delete"),
      act: async () => {
        await call(`DELETE /${path}/:id`, { params: { id } });
        tellDone(t("Deleted."));
        await navigate({ to: list });
      },
    });

  return (
    <Page
      title={person.fullName || person.email || t("Somebody without a name")}
      above={[[lead ? t("Leads") : t("Contacts"), list]]}
      badge={
        <Group gap={6}>
          <Badge color={lead ? "blue" : "teal"}>{lead ? t("Lead") : t("Contact")}</Badge>
          {!erased && <StatusMenu person={person} mayChange={own} />}
        </Group>
      }
      hint={[person.jobTitle, person.company, person.email].filter(Boolean).join(" · ")}
      actions={
        <>
          {own && (
            <Button variant="default" leftSection={<IconPencil size={16} />} onClick={() => setEditing(true)}>
              {t("Edit")}
            </Button>
          )}
          {may("user") && !erased && (
            <Button
              component={Link}
              to={`/email-campaigns/new?person=${person.id}&for=${person.kind}`}
              leftSection={<IconPlus size={16} />}
            >
              {t("Start a Campaign")}
            </Button>
          )}
          {may("user") && !erased && (
            <Menu position="bottom-end">
              <Menu.Target>
                <ActionIcon size="lg" variant="default" aria-label={t("More")}>
                  <IconDots size={18} />
                </ActionIcon>
              </Menu.Target>
              <Menu.Dropdown>
                {lead && own && (
                  <Menu.Item leftSection={<IconUserCheck size={16} />} onClick={() => void convert()}>
                    {t("Convert to a Contact")}
                  </Menu.Item>
                )}
                {may("manager") && (
                  <>
                    <Menu.Item leftSection={<IconArrowsJoin size={16} />} onClick={() => setMerging(true)}>
                      {t("Merge with another record")}
                    </Menu.Item>
                    <Menu.Item
                      component="a"
                      href={address("GET /people/:id/export", { params: { id } })}
                      download
                      leftSection={<IconDownload size={16} />}
                    >
                      {t("Download everything kept")}
                    </Menu.Item>
                    <Menu.Divider />
                    <Menu.Item color="red" leftSection={<IconEraser size={16} />} onClick={erase}>
                      {t("Erase for good")}
                    </Menu.Item>
                    <Menu.Item color="red" leftSection={<IconTrash size={16} />} onClick={remove}>
                      {t("Delete")}
                    </Menu.Item>
                  </>
                )}
              </Menu.Dropdown>
            </Menu>
          )}
        </>
      }
    >
      {erased ? (
        <Alert color="gray" title={t("Erased")}>
          {t("What identified this person is gone for good since")} <Moment at={person.erasedAt} />.
        </Alert>
      ) : (
        !person.canReceive && (
          <Alert color="orange" title={t("Gets no mail")}>
            {person.whyNot}
          </Alert>
        )
      )}
      {may("manager") && !erased && <PerhapsTwice person={person} />}
      <Grid gap="lg">
        <Grid.Col span={{ base: 12, md: 5 }}>
          <Stack>
            <Details person={person} {...(own ? { edit: () => setEditing(true) } : {})} />
            <Running person={person} />
            {!erased && (
              <>
                <Groups person={person} />
                <Consent person={person} />
                <Measuring person={person} mayChange={own} />
              </>
            )}
          </Stack>
        </Grid.Col>
        <Grid.Col span={{ base: 12, md: 7 }}>
          <Timeline personId={id} />
        </Grid.Col>
      </Grid>
      <Drawer opened={editing} onClose={() => setEditing(false)} position="right" size="lg" title={t("Edit")}>
        {editing && <EditPerson person={person} done={() => setEditing(false)} />}
      </Drawer>
      <Modal opened={merging} onClose={() => setMerging(false)} size="lg" title={t("Merge with another record")}>
        {merging && <MergePick person={person} done={() => setMerging(false)} />}
      </Modal>
    </Page>
  );
}

function MergePick({ person, done }: { person: Person; done: () => void }) {
  const [otherId, setOtherId] = useState<number | null>(null);
  return (
    <Stack>
      <Pick
        route={person.kind === "lead" ? "GET /leads" : "GET /contacts"}
        label={t("The other record of the same person")}
        labelOf={personLabel}
        value={otherId}
        onChange={setOtherId}
      />
      {otherId !== null && otherId !== person.id && <MergeForm id={person.id} otherId={otherId} done={done} />}
    </Stack>
  );
}

/** Says that somebody else in the book is probably this person, too. */
function PerhapsTwice({ person }: { person: Person }) {
  const found = useApi("GET /people/duplicates", { query: { personId: person.id, limit: 5 } });
  const [otherId, setOtherId] = useState<number | null>(null);
  const [all, setAll] = useState(false);
  const pairs = found.data?.data ?? [];
  if (pairs.length === 0) return null;
  return (
    <Alert color="gray" icon={<IconCopyCheck />} title={t("Probably here twice")}>
      <Stack gap="xs">
        {(all ? pairs : pairs.slice(0, 1)).map(({ one, other, text }) => {
          const twin = one.id === person.id ? other : one;
          return (
            <Group key={twin.id} gap="sm" fz="sm">
              <span>
                {personLabel(twin)}. {text}
              </span>
              <Button size="compact-xs" variant="default" onClick={() => setOtherId(twin.id)}>
                {t("Look at both")}
              </Button>
              {!all && pairs.length > 1 && (
                <Button size="compact-xs" variant="subtle" onClick={() => setAll(true)}>
                  {t("{count, plural, one {# more} other {# more}}", { count: pairs.length - 1 })}
                </Button>
              )}
            </Group>
          );
        })}
      </Stack>
      <Modal opened={otherId !== null} onClose={() => setOtherId(null)} size="lg" title={t("Merge")}>
        {otherId !== null && <MergeForm id={person.id} otherId={otherId} done={() => setOtherId(null)} />}
      </Modal>
    </Alert>
  );
}
