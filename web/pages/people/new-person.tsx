/** A new Lead or Contact: what one knows after a first talk, the rest on their own page. */
import { Button, Group, Modal, Select, SimpleGrid, Stack, TextInput } from "@mantine/core";
import { useForm } from "@mantine/form";
import { useNavigate } from "@tanstack/react-router";
import { useRef } from "react";
import { FIRST_STATUS, STATUSES } from "../../../src/core/person.ts";
import { call } from "../../api.ts";
import { t } from "../../i18n.ts";
import { tellDone } from "../../kit/failures.tsx";
import { showProblem } from "../../kit/form.ts";
import { nameLabel, Pick } from "../../kit/pick.tsx";
import { queryClient } from "../../queries.ts";
import type { Kind } from "./list.tsx";

export function NewPerson({ kind, opened, close }: { kind: Kind; opened: boolean; close: () => void }) {
  return (
    <Modal opened={opened} onClose={close} title={kind === "lead" ? t("New Lead") : t("New Contact")}>
      {opened && <NewPersonForm kind={kind} close={close} />}
    </Modal>
  );
}

function NewPersonForm({ kind, close }: { kind: Kind; close: () => void }) {
  const navigate = useNavigate();
  const first = useRef<HTMLInputElement>(null);
  const form = useForm({
    initialValues: {
      firstName: "",
      lastName: "",
      email: "",
      company: "",
      jobTitle: "",
      phone: "",
      source: "",
      status: FIRST_STATUS[kind],
      emailGroupId: null as number | null,
    },
  });
  const submit = async ({ emailGroupId, ...values }: typeof form.values, another: boolean) => {
    try {
      const body = Object.fromEntries(Object.entries(values).filter(([, value]) => value.trim() !== ""));
      const made = await call(kind === "lead" ? "POST /leads" : "POST /contacts", { body });
      if (emailGroupId !== null)
        await call("POST /email-groups/:id/members", { params: { id: emailGroupId }, body: { personIds: [made.id] } });
      await queryClient.invalidateQueries();
      if (another) {
        tellDone(t("{name} is kept.", { name: made.fullName }));
        // Whoever types in the cards of a fair does not want to choose the fair each time.
        form.setValues({ firstName: "", lastName: "", email: "", jobTitle: "", phone: "" });
        first.current?.focus();
      } else {
        close();
        await navigate({ to: `/people/${made.id}` });
      }
    } catch (error) {
      showProblem(form, error);
    }
  };
  return (
    <form onSubmit={form.onSubmit((values) => void submit(values, false))}>
      <Stack>
        <SimpleGrid cols={2}>
          <TextInput ref={first} label={t("First name")} data-autofocus {...form.getInputProps("firstName")} />
          <TextInput label={t("Last name")} {...form.getInputProps("lastName")} />
        </SimpleGrid>
        <TextInput label={t("Email address")} type="email" {...form.getInputProps("email")} />
        <SimpleGrid cols={2}>
          <TextInput label={t("Company")} {...form.getInputProps("company")} />
          <TextInput label={t("Job title")} {...form.getInputProps("jobTitle")} />
          <TextInput label={t("Phone")} {...form.getInputProps("phone")} />
          <TextInput label={t("Source")} {...form.getInputProps("source")} />
          <Select
            label={t("Status")}
            data={[...STATUSES[kind]]}
            allowDeselect={false}
            {...form.getInputProps("status")}
          />
          <Pick
            route="GET /email-groups"
            label={t("Email Group")}
            placeholder={t("None")}
            labelOf={nameLabel}
            clearable
            value={form.values.emailGroupId}
            onChange={(id) => form.setFieldValue("emailGroupId", id)}
          />
        </SimpleGrid>
        <Group justify="flex-end">
          <Button variant="default" onClick={() => form.onSubmit((values) => void submit(values, true))()}>
            {t("Create and type in another")}
          </Button>
          <Button type="submit">{t("Create")}</Button>
        </Group>
      </Stack>
    </form>
  );
}
