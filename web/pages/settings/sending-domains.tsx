/** The domains mail is sent from: the records to publish, what receivers will find, and the keys. A private key is never shown. */
import { Badge, Button, Checkbox, Drawer, Group, Modal, Radio, Stack, Text, TextInput } from "@mantine/core";
import { useForm } from "@mantine/form";
import { IconPlus } from "@tabler/icons-react";
import { useState } from "react";
import { call, type Row } from "../../api.ts";
import { t } from "../../i18n.ts";
import { tellDone } from "../../kit/failures.tsx";
import { showProblem } from "../../kit/form.ts";
import { type Column, Empty, List, useSearchState } from "../../kit/list.tsx";
import { SettingsPage } from "../../kit/settings.tsx";
import { Moment } from "../../kit/words.tsx";
import { queryClient } from "../../queries.ts";
import { useMay } from "../../session.tsx";
import { DomainDetail, MODES, type Mode, type SendingDomain } from "./sending-domain.tsx";

export default function SendingDomains() {
  const may = useMay();
  const [search, change] = useSearchState();
  const [adding, setAdding] = useState(false);
  const columns: readonly Column<Row<"GET /sending-domains">>[] = [
    {
      key: "domain",
      label: t("Domain"),
      cell: ({ id, domain }) => (
        <Button variant="transparent" size="compact-sm" p={0} onClick={() => change({ open: String(id) })}>
          {domain}
        </Button>
      ),
    },
    { key: "mode", label: t("Who signs"), cell: ({ mode }) => MODES[mode].label() },
    { key: "state", label: t("State"), cell: (domain) => <State domain={domain} /> },
    { key: "checkedAt", label: t("Checked"), cell: ({ checkedAt }) => <Moment at={checkedAt} ago /> },
  ];
  const add = may("administrator") && (
    <Button leftSection={<IconPlus size={16} />} onClick={() => setAdding(true)}>
      {t("New sending domain")}
    </Button>
  );
  return (
    <SettingsPage
      title={t("Sending domains")}
      hint={t(
        "Mail that your own domain signs is believed by receivers, and can be told from mail that only pretends to be yours.",
      )}
      actions={add}
    >
      <List
        route="GET /sending-domains"
        label={t("Sending domains")}
        columns={columns}
        empty={
          <Empty title={t("No sending domain yet")} action={add}>
            {t(
              "Add the domain your senders’ addresses end in. You get the DNS records to publish, and can check whether receivers find them.",
            )}
          </Empty>
        }
      />
      <Drawer
        opened={search["open"] !== undefined}
        onClose={() => change({ open: undefined })}
        position="right"
        size="xl"
        title={t("Sending domain")}
      >
        {search["open"] && (
          <DomainDetail key={search["open"]} id={search["open"]} gone={() => change({ open: undefined })} />
        )}
      </Drawer>
      <Modal opened={adding} onClose={() => setAdding(false)} title={t("New sending domain")} size="lg">
        {adding && (
          <NewDomain
            done={(id) => {
              setAdding(false);
              change({ open: String(id) });
            }}
          />
        )}
      </Modal>
    </SettingsPage>
  );
}

function State({ domain: { checkedAt, checks } }: { domain: SendingDomain }) {
  const wrong = checks.filter(({ ok }) => ok === false).length;
  if (!checkedAt) return <Badge color="gray">{t("Not checked yet")}</Badge>;
  if (wrong === 0) return <Badge color="green">{t("All well")}</Badge>;
  return (
    <Badge color="orange">
      {t("{count, plural, one {# thing to mend} other {# things to mend}}", { count: wrong })}
    </Badge>
  );
}

function NewDomain({ done }: { done: (id: number) => void }) {
  const [busy, setBusy] = useState(false);
  const form = useForm({ initialValues: { domain: "", mode: "sign" as Mode, modern: false, selector: "" } });
  const submit = async ({ domain, mode, modern, selector }: typeof form.values) => {
    setBusy(true);
    try {
      const made = await call("POST /sending-domains", {
        body: {
          domain: domain.trim(),
          mode,
          ...(mode === "sign" ? { algorithms: modern ? ["rsa-sha256", "ed25519-sha256"] : ["rsa-sha256"] } : {}),
          ...(selector.trim() ? { selector: selector.trim() } : {}),
        },
      });
      await queryClient.invalidateQueries();
      tellDone(t("Now publish its records, then check."));
      done(made.id);
    } catch (error) {
      showProblem(form, error);
    } finally {
      setBusy(false);
    }
  };
  return (
    <form onSubmit={form.onSubmit((values) => void submit(values))}>
      <Stack>
        <TextInput
          label={t("Domain")}
          description={t("What stands after the @ in your senders’ addresses.")}
          placeholder="example.com"
          required
          data-autofocus
          {...form.getInputProps("domain")}
        />
        <Radio.Group label={t("Who signs")} {...form.getInputProps("mode")}>
          <Stack gap="xs" mt={4}>
            {(Object.keys(MODES) as Mode[]).map((mode) => (
              <Radio key={mode} value={mode} label={MODES[mode].label()} description={MODES[mode].description()} />
            ))}
          </Stack>
        </Radio.Group>
        {form.values.mode === "sign" && (
          <>
            <Checkbox
              label={t("A second, modern key beside it (Ed25519)")}
              description={t("Few receivers read it yet. The usual one (RSA) is made in any case.")}
              {...form.getInputProps("modern", { type: "checkbox" })}
            />
            <TextInput
              label={t("Selector (optional)")}
              description={t("The name the key is published under. When empty, the day says it.")}
              styles={{ input: { fontFamily: "var(--mantine-font-family-monospace)" } }}
              {...form.getInputProps("selector")}
            />
            <Text size="sm" c="dimmed">
              {t("The keys are made here, and signing starts with the next mail. Publish the records soon.")}
            </Text>
          </>
        )}
        <Group justify="flex-end">
          <Button type="submit" loading={busy}>
            {t("Add the domain")}
          </Button>
        </Group>
      </Stack>
    </form>
  );
}
