/** All Email Templates. */
import { ActionIcon, Button, Group, Menu, Modal, Skeleton, Stack, Text, Tooltip } from "@mantine/core";
import { IconCopy, IconDots, IconEye, IconPlus, IconTrash } from "@tabler/icons-react";
import { useQuery } from "@tanstack/react-query";
import { Link, useNavigate } from "@tanstack/react-router";
import { useState } from "react";
import { call, type Row } from "../../api.ts";
import { t } from "../../i18n.ts";
import { ask } from "../../kit/ask.tsx";
import { Failure, tellDone, tellFailure } from "../../kit/failures.tsx";
import { type Column, Empty, List } from "../../kit/list.tsx";
import { MailFrame } from "../../kit/mail-frame.tsx";
import { Page } from "../../kit/page.tsx";
import { Moment, RecordLink } from "../../kit/words.tsx";
import { queryClient } from "../../queries.ts";
import { useMay } from "../../session.tsx";

type Template = Row<"GET /email-templates">;
const FORMATS = { mjml: "MJML", html: "HTML", markdown: "Markdown", blocks: "Blocks" } as const;

export default function EmailTemplates() {
  const may = useMay();
  const navigate = useNavigate();
  const [shown, setShown] = useState<Template | null>(null);
  const copy = async ({ name, subject, preheader, format, body, text }: Template) => {
    try {
      const made = await call("POST /email-templates", {
        body: { name: t("{name} (copy)", { name }), subject, preheader, format, body, text },
      });
      await navigate({ to: `/email-templates/${made.id}` });
    } catch (error) {
      tellFailure(error);
    }
  };
  const remove = ({ id, name }: Template) =>
    ask({
      title: t("Delete “{name}”?", { name }),
      text: t("Only a template that no Campaign uses and nothing was sent from can be deleted."),
      deed: t("Delete"),
      act: async () => {
        await call("DELETE /email-templates/:id", { params: { id } });
        await queryClient.invalidateQueries();
        tellDone(t("Deleted."));
      },
    });
  const columns: readonly Column<Template>[] = [
    {
      key: "name",
      label: t("Name"),
      cell: ({ id, name }) => <RecordLink to={`/email-templates/${id}`}>{name}</RecordLink>,
    },
    { key: "subject", label: t("Subject"), cell: ({ subject }) => subject },
    { key: "format", label: t("Format"), cell: ({ format }) => FORMATS[format] },
    { key: "version", label: t("Version"), align: "right", cell: ({ versionNumber }) => versionNumber },
    { key: "changedAt", label: t("Changed"), cell: ({ changedAt }) => <Moment at={changedAt} ago /> },
    {
      key: "actions",
      label: "",
      align: "right",
      cell: (template) => (
        <Group gap={4} justify="flex-end" wrap="nowrap">
          <Tooltip label={t("Preview")}>
            <ActionIcon aria-label={t("Preview of {name}", { name: template.name })} onClick={() => setShown(template)}>
              <IconEye size={16} />
            </ActionIcon>
          </Tooltip>
          {may("user") && (
            <Menu position="bottom-end">
              <Menu.Target>
                <ActionIcon aria-label={t("More about {name}", { name: template.name })}>
                  <IconDots size={16} />
                </ActionIcon>
              </Menu.Target>
              <Menu.Dropdown>
                <Menu.Item leftSection={<IconCopy size={16} />} onClick={() => void copy(template)}>
                  {t("Duplicate")}
                </Menu.Item>
                {may("manager") && (
                  <Menu.Item color="red" leftSection={<IconTrash size={16} />} onClick={() => remove(template)}>
                    {t("Delete")}
                  </Menu.Item>
                )}
              </Menu.Dropdown>
            </Menu>
          )}
        </Group>
      ),
    },
  ];
  const add = may("user") && (
    <Button
      component={Link}
      to="/email-templates/new"
      search={{ format: "blocks" } as never}
      leftSection={<IconPlus size={16} />}
    >
      {t("New Email Template")}
    </Button>
  );
  return (
    <Page
      title={t("Email Templates")}
      hint={t("What mails say. Changing one makes a new version; what was sent stays as it was.")}
      actions={<Group>{add}</Group>}
    >
      <List
        route="GET /email-templates"
        label={t("Email Templates")}
        columns={columns}
        searchLabel={t("Search templates")}
        empty={
          <Empty title={t("No template yet")} action={add}>
            {t("Write one in Markdown for a start: a greeting with {name}, two sentences, and a link.", {
              name: "{{ first_name }}",
            })}
          </Empty>
        }
      />
      <Modal opened={shown !== null} onClose={() => setShown(null)} title={shown?.name} size={680}>
        {shown && <Shown template={shown} />}
      </Modal>
    </Page>
  );
}

/** What a mail made from it looks like, for nobody in particular. */
function Shown({ template: { subject, preheader, format, body, text } }: { template: Template }) {
  const content = { subject, preheader, format, body, text };
  const found = useQuery({
    queryKey: ["POST /email-templates/preview", content],
    queryFn: ({ signal }) => call("POST /email-templates/preview", { body: content, signal }),
  });
  if (found.isError) return <Failure error={found.error} retry={found.refetch} />;
  if (!found.data) return <Skeleton height={560} />;
  return (
    <Stack gap="sm">
      <div>
        <Text fw={600}>{found.data.subject}</Text>
        <Text size="sm" c="dimmed">
          {found.data.preheader}
        </Text>
      </div>
      <MailFrame html={found.data.html} title={t("Preview of the mail")} width={600} height={520} remote />
    </Stack>
  );
}
