/** Domains that get mail more slowly than others: limited by a person, or at rest because their servers asked for patience. */
import { Badge, Button, Group, Modal, NumberInput, SimpleGrid, Stack, Text, TextInput } from "@mantine/core";
import { useForm } from "@mantine/form";
import { IconPlus } from "@tabler/icons-react";
import { useState } from "react";
import { call, type Row } from "../../api.ts";
import { t } from "../../i18n.ts";
import { ask } from "../../kit/ask.tsx";
import { tellDone, tellFailure } from "../../kit/failures.tsx";
import { showProblem } from "../../kit/form.ts";
import { type Column, Empty, List } from "../../kit/list.tsx";
import { SettingsPage } from "../../kit/settings.tsx";
import { Moment } from "../../kit/words.tsx";
import { queryClient } from "../../queries.ts";
import { useMay } from "../../session.tsx";

type RecipientDomain = Row<"GET /recipient-domains">;
type Limit = "maxPerSecond" | "maxPerMinute" | "maxPerHour" | "maxPerDay";

const LIMITS: readonly { key: Limit; label: () => string; inWords: (count: number) => string }[] = [
  { key: "maxPerSecond", label: () => t("Per second"), inWords: (count) => t("{count} per second", { count }) },
  { key: "maxPerMinute", label: () => t("Per minute"), inWords: (count) => t("{count} per minute", { count }) },
  { key: "maxPerHour", label: () => t("Per hour"), inWords: (count) => t("{count} per hour", { count }) },
  { key: "maxPerDay", label: () => t("Per day"), inWords: (count) => t("{count} per day", { count }) },
];

const rests = ({ restsUntil }: RecipientDomain) => restsUntil !== null && Date.parse(restsUntil) > Date.now();

export default function RecipientDomains() {
  const may = useMay();
  const [edited, setEdited] = useState<RecipientDomain | "new" | null>(null);
  const wake = async ({ id }: RecipientDomain) => {
    try {
      await call("PATCH /recipient-domains/:id", { params: { id }, body: { rests: false } });
      await queryClient.invalidateQueries();
    } catch (error) {
      tellFailure(error);
    }
  };
  const remove = ({ id, domain }: RecipientDomain) =>
    ask({
      title: t("Delete “{name}”?", { name: domain }),
      text: t("Its mail leaves as fast as the email accounts allow again."),
      deed: t("Delete"),
      act: async () => {
        await call("DELETE /recipient-domains/:id", { params: { id } });
        await queryClient.invalidateQueries();
      },
    });
  const columns: readonly Column<RecipientDomain>[] = [
    { key: "domain", label: t("Domain"), cell: ({ domain }) => domain },
    {
      key: "limits",
      label: t("Limits"),
      cell: (row) => LIMITS.flatMap(({ key, inWords }) => (row[key] === null ? [] : [inWords(row[key])])).join(", "),
    },
    {
      key: "state",
      label: t("State"),
      cell: (row) =>
        rests(row) ? (
          <>
            <Badge color="orange">{t("Rests")}</Badge>{" "}
            <Text size="xs" c="dimmed" component="span">
              {t("until")} <Moment at={row.restsUntil} />
            </Text>
            <Text size="xs" c="dimmed" style={{ overflowWrap: "anywhere" }}>
              {row.restsReason}
            </Text>
          </>
        ) : (
          <Badge color="green">{t("Active")}</Badge>
        ),
    },
    {
      key: "actions",
      label: "",
      align: "right",
      cell: (row) =>
        may("administrator") && (
          <Group gap={4} justify="flex-end">
            {rests(row) && (
              <Button size="compact-xs" variant="subtle" onClick={() => void wake(row)}>
                {t("End the rest")}
              </Button>
            )}
            <Button
              size="compact-xs"
              variant="subtle"
              onClick={() => setEdited(row)}
              aria-label={t("Edit {name}", { name: row.domain })}
            >
              {t("Edit")}
            </Button>
            <Button
              size="compact-xs"
              variant="subtle"
              color="red"
              onClick={() => remove(row)}
              aria-label={t("Delete {name}", { name: row.domain })}
            >
              {t("Delete")}
            </Button>
          </Group>
        ),
    },
  ];
  const add = may("administrator") && (
    <Button leftSection={<IconPlus size={16} />} onClick={() => setEdited("new")}>
      {t("New recipient domain")}
    </Button>
  );
  return (
    <SettingsPage
      title={t("Recipient domains")}
      hint={t(
        "Where mail goes more slowly: limited by you, or at rest because the domain’s servers asked for patience.",
      )}
      actions={add}
    >
      <List
        route="GET /recipient-domains"
        label={t("Recipient domains")}
        columns={columns}
        empty={
          <Empty title={t("No domain is slowed down")} action={add}>
            {t(
              "A domain whose servers ask for patience appears here by itself and rests a while. You can also set limits.",
            )}
          </Empty>
        }
      />
      <Modal
        opened={edited !== null}
        onClose={() => setEdited(null)}
        title={edited === "new" ? t("New recipient domain") : t("Edit the recipient domain")}
        size="lg"
      >
        {edited !== null && <DomainForm domain={edited === "new" ? null : edited} done={() => setEdited(null)} />}
      </Modal>
    </SettingsPage>
  );
}

function DomainForm({ domain, done }: { domain: RecipientDomain | null; done: () => void }) {
  const amount = (key: Limit): number | string => domain?.[key] ?? "";
  const form = useForm({
    initialValues: {
      domain: domain?.domain ?? "",
      maxPerSecond: amount("maxPerSecond"),
      maxPerMinute: amount("maxPerMinute"),
      maxPerHour: amount("maxPerHour"),
      maxPerDay: amount("maxPerDay"),
    },
  });
  const submit = async (values: typeof form.values) => {
    const limit = (key: Limit) => (values[key] === "" ? null : Number(values[key]));
    const body = {
      maxPerSecond: limit("maxPerSecond"),
      maxPerMinute: limit("maxPerMinute"),
      maxPerHour: limit("maxPerHour"),
      maxPerDay: limit("maxPerDay"),
    };
    try {
      await (domain
        ? call("PATCH /recipient-domains/:id", { params: { id: domain.id }, body })
        : call("POST /recipient-domains", { body: { ...body, domain: values.domain.trim() } }));
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
        <TextInput
          label={t("Domain")}
          placeholder="example.com"
          required
          disabled={domain !== null}
          data-autofocus
          {...form.getInputProps("domain")}
        />
        <Text size="sm" c="dimmed">
          {t("Never more in any such period, however many processes send. Empty: no limit.")}
        </Text>
        <SimpleGrid cols={{ base: 2, sm: 4 }}>
          {LIMITS.map(({ key, label }) => (
            <NumberInput key={key} label={label()} min={1} {...form.getInputProps(key)} />
          ))}
        </SimpleGrid>
        <Group justify="flex-end">
          <Button type="submit">{t("Save")}</Button>
        </Group>
      </Stack>
    </form>
  );
}
