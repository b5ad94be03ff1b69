/** Who mails can come from. */
import { Badge, Button, Group, Modal, Stack, Textarea, TextInput } from "@mantine/core";
import { useForm } from "@mantine/form";
import { IconPlus } from "@tabler/icons-react";
import { useState } from "react";
import { call, type Row } from "../../api.ts";
import { t } from "../../i18n.ts";
import { tellDone, tellFailure } from "../../kit/failures.tsx";
import { showProblem } from "../../kit/form.ts";
import { type Column, Empty, List } from "../../kit/list.tsx";
import { nameLabel, Pick } from "../../kit/pick.tsx";
import { SettingsPage } from "../../kit/settings.tsx";
import { type Further, FurtherAccounts } from "./further-accounts.tsx";
import { queryClient } from "../../queries.ts";
import { useMay } from "../../session.tsx";

type Sender = Row<"GET /senders">;

export default function Senders() {
  const may = useMay();
  const [edited, setEdited] = useState<Sender | "new" | null>(null);
  const toggle = async ({ id, disabledAt }: Sender) => {
    try {
      await call("PATCH /senders/:id", { params: { id }, body: { disabled: disabledAt === null } });
      await queryClient.invalidateQueries();
    } catch (error) {
      tellFailure(error);
    }
  };
  const columns: readonly Column<Sender>[] = [
    { key: "name", label: t("Name"), cell: ({ name }) => name },
    { key: "email", label: t("Address"), cell: ({ email }) => email },
    { key: "replyTo", label: t("Answers go to"), cell: ({ replyTo, email }) => replyTo ?? email },
    {
      key: "state",
      label: t("State"),
      cell: ({ disabledAt }) => (
        <Badge color={disabledAt ? "red" : "green"}>{disabledAt ? t("Disabled") : t("Active")}</Badge>
      ),
    },
    {
      key: "actions",
      label: "",
      align: "right",
      cell: (sender) =>
        may("manager") && (
          <Group gap={4} justify="flex-end" wrap="nowrap">
            <Button
              size="compact-xs"
              variant="subtle"
              onClick={() => setEdited(sender)}
              aria-label={t("Edit {name}", { name: sender.name })}
            >
              {t("Edit")}
            </Button>
            <Button
              size="compact-xs"
              variant="subtle"
              color={sender.disabledAt ? "ink" : "red"}
              onClick={() => void toggle(sender)}
            >
              {sender.disabledAt ? t("Enable") : t("Disable")}
            </Button>
          </Group>
        ),
    },
  ];
  const add = may("manager") && (
    <Button leftSection={<IconPlus size={16} />} onClick={() => setEdited("new")}>
      {t("New sender")}
    </Button>
  );
  return (
    <SettingsPage title={t("Senders")} hint={t("Who mails come from, and who gets the answers.")} actions={add}>
      <List
        route="GET /senders"
        label={t("Senders")}
        columns={columns}
        empty={
          <Empty title={t("No sender yet")} action={add}>
            {t("A sender is a name and an address of your own domain.")}
          </Empty>
        }
      />
      <Modal
        opened={edited !== null}
        onClose={() => setEdited(null)}
        title={edited === "new" ? t("New sender") : t("Edit the sender")}
        size="lg"
      >
        {edited !== null && <SenderForm sender={edited === "new" ? null : edited} done={() => setEdited(null)} />}
      </Modal>
    </SettingsPage>
  );
}

function SenderForm({ sender, done }: { sender: Sender | null; done: () => void }) {
  const may = useMay();
  const form = useForm({
    initialValues: {
      name: sender?.name ?? "",
      email: sender?.email ?? "",
      replyTo: sender?.replyTo ?? "",
      signatureText: sender?.signatureText ?? "",
      signatureHtml: sender?.signatureHtml ?? "",
      emailAccountId: sender?.emailAccountId ?? null,
      furtherAccounts: (sender?.furtherAccounts ?? []) as Further["furtherAccounts"],
      accountChoice: sender?.accountChoice ?? ("in-order" as const),
      accountWeight: (sender?.accountWeight ?? 1) as number | string,
      userId: sender?.userId ?? null,
    },
  });
  const submit = async ({ replyTo, signatureText, signatureHtml, furtherAccounts, ...rest }: typeof form.values) => {
    try {
      const body = {
        ...rest,
        accountWeight: Number(rest.accountWeight) || 1,
        furtherAccounts: [...furtherAccounts],
        replyTo: replyTo || null,
        signatureText: signatureText || null,
        signatureHtml: signatureHtml || null,
      };
      await (sender
        ? call("PATCH /senders/:id", { params: { id: sender.id }, body })
        : call("POST /senders", { body }));
      await queryClient.invalidateQueries();
      tellDone(t("Saved."));
      done();
    } catch (error) {
      showProblem(form, error);
    }
  };
  return (
    <form onSubmit={form.onSubmit((values) => void submit(values))}>
      <Stack>
        <TextInput label={t("Name")} required data-autofocus {...form.getInputProps("name")} />
        <TextInput label={t("Address")} type="email" required {...form.getInputProps("email")} />
        <TextInput label={t("Answers go to (optional)")} type="email" {...form.getInputProps("replyTo")} />
        {may("manager") && (
          <Pick
            route="GET /email-accounts"
            searches={false}
            label={t("Email account")}
            placeholder={t("The default one")}
            labelOf={nameLabel}
            value={form.values.emailAccountId}
            onChange={(id) => form.setFieldValue("emailAccountId", id)}
            clearable
          />
        )}
        {may("manager") && (
          <FurtherAccounts
            value={form.values}
            onChange={({ furtherAccounts, accountChoice, accountWeight }) =>
              form.setValues({ furtherAccounts, accountChoice, accountWeight })
            }
          />
        )}
        {may("administrator") && (
          <Pick
            route="GET /users"
            searches={false}
            label={t("Whose own sender this is")}
            description={t("The default for what they start.")}
            labelOf={nameLabel}
            value={form.values.userId}
            onChange={(id) => form.setFieldValue("userId", id)}
            clearable
          />
        )}
        <Textarea
          label={t("Signature")}
          description={t("Stands where a template says {name}.", { name: "{{ signature }}" })}
          autosize
          minRows={3}
          {...form.getInputProps("signatureText")}
        />
        <Textarea
          label={t("Signature as HTML (optional)")}
          autosize
          minRows={2}
          maxRows={8}
          styles={{ input: { fontFamily: "var(--mantine-font-family-monospace)" } }}
          {...form.getInputProps("signatureHtml")}
        />
        <Group justify="flex-end">
          <Button type="submit">{t("Save")}</Button>
        </Group>
      </Stack>
    </form>
  );
}
