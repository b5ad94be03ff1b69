/** The name of an Email Group and what it is for: a new one, or one that is there. */
import { Button, Group, Stack, Textarea, TextInput } from "@mantine/core";
import { useForm } from "@mantine/form";
import { type Answer, call } from "../../api.ts";
import { t } from "../../i18n.ts";
import { tellDone } from "../../kit/failures.tsx";
import { showProblem } from "../../kit/form.ts";
import { queryClient } from "../../queries.ts";

export function GroupForm({ group, done }: { group?: Answer<"GET /email-groups/:id">; done: (id: number) => void }) {
  const form = useForm({ initialValues: { title: group?.title ?? "", description: group?.description ?? "" } });
  const submit = async ({ title, description }: typeof form.values) => {
    const body = { title, description: description.trim() || null };
    try {
      const { id } = group
        ? await call("PATCH /email-groups/:id", {
            params: { id: group.id },
            body,
            ifMatch: `"${group.changedAt}"`,
          })
        : await call("POST /email-groups", { body });
      await queryClient.invalidateQueries();
      if (group) tellDone(t("Saved."));
      done(id);
    } catch (error) {
      showProblem(form, error);
    }
  };
  return (
    <form onSubmit={form.onSubmit((values) => void submit(values))}>
      <Stack>
        <TextInput label={t("Name")} required data-autofocus {...form.getInputProps("title")} />
        <Textarea label={t("What it is for (optional)")} autosize minRows={2} {...form.getInputProps("description")} />
        <Group justify="flex-end">
          <Button type="submit">{group ? t("Save") : t("Create")}</Button>
        </Group>
      </Stack>
    </form>
  );
}
