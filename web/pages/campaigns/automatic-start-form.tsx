/** The rules that start a Campaign by itself, as a form. What it saves counts from that moment on. */
import {
  ActionIcon,
  Alert,
  Button,
  Checkbox,
  Group,
  NumberInput,
  Paper,
  Select,
  Stack,
  Switch,
  Text,
} from "@mantine/core";
import { IconPlus, IconTrash } from "@tabler/icons-react";
import { useMutation } from "@tanstack/react-query";
import { useState } from "react";
import { type StartKind, WAYS } from "../../../src/core/automatic-start.ts";
import { call, Problem } from "../../api.ts";
import { t } from "../../i18n.ts";
import { tellDone } from "../../kit/failures.tsx";
import { nameLabel, Pick } from "../../kit/pick.tsx";
import { type AutomaticStart, WAY_WORDS } from "./automatic-start.tsx";
import { ConditionBuilder } from "./conditions/builder.tsx";
import { isOpen, type Kind } from "./conditions/rows.ts";

type Saved = AutomaticStart["rules"][number];
type Rule = Only<Saved, "kind" | "emailGroupId" | "condition" | "ways" | "on"> & {
  readonly id?: number;
  readonly emailGroup?: string | null;
  readonly key: number;
};
type Only<Of, Keys extends keyof Of> = { readonly [Key in Keys]: Of[Key] };

/** Before its first mail nobody has opened, clicked or answered. */
const KINDS: readonly Kind[] = ["field", "group", "event", "finished", "campaign"];

const KIND_WORDS: Readonly<Record<StartKind, () => string>> = {
  joined: () => t("Somebody joins an Email Group"),
  matches: () => t("A condition becomes true of somebody"),
  created: () => t("Somebody is created"),
};

const nothing = { emailGroupId: null, condition: null, ways: null } as const;

const unfinished = (rule: Rule) =>
  (rule.kind === "joined" && rule.emailGroupId === null) ||
  (rule.kind === "matches" && (rule.condition === null || isOpen(rule.condition))) ||
  (rule.kind === "created" && (rule.ways ?? []).length === 0);

export default function AutomaticStartForm({ value, done }: { value: AutomaticStart; done: () => void }) {
  const [rules, setRules] = useState<readonly Rule[]>(() => value.rules.map((rule, key) => ({ ...rule, key })));
  const [next, setNext] = useState(value.rules.length);
  const [settings, setSettings] = useState({
    senderId: value.senderId,
    again: value.again,
    againAfterDays: value.againAfterDays,
    askAbove: value.askAbove,
  });
  const save = useMutation({
    mutationFn: () =>
      call("PUT /campaigns/:id/automatic-start", {
        params: { id: String(value.campaignId) },
        body: {
          ...settings,
          rules: rules.map(({ id, kind, emailGroupId, condition, ways, on }) => ({
            ...(id === undefined ? {} : { id }),
            kind,
            emailGroupId,
            condition,
            ways,
            on,
          })),
        },
      }),
    onSuccess: () => {
      tellDone(t("It is saved, and counts from now on."));
      done();
    },
  });
  const add = () => {
    setRules([...rules, { ...nothing, kind: "joined", on: true, key: next }]);
    setNext(next + 1);
  };
  const change = (key: number, changes: Partial<Rule>) =>
    setRules(rules.map((rule) => (rule.key === key ? { ...rule, ...changes } : rule)));
  return (
    <form
      onSubmit={(event) => {
        event.preventDefault();
        save.mutate();
      }}
    >
      <Stack gap="md">
        <Text size="sm" c="dimmed">
          {t(
            "Rules count from the moment they are saved. Who is in the group already, or matches already, is started with “New Email Campaign”.",
          )}
        </Text>
        {rules.map((rule, at) => (
          <RuleFields
            key={rule.key}
            rule={rule}
            position={at + 1}
            change={(changes) => change(rule.key, changes)}
            remove={() => setRules(rules.filter(({ key }) => key !== rule.key))}
          />
        ))}
        <Button variant="light" leftSection={<IconPlus size={16} />} onClick={add} style={{ alignSelf: "flex-start" }}>
          {t("Add a rule")}
        </Button>
        <Pick
          route="GET /senders"
          searches={false}
          clearable
          label={t("Sender")}
          placeholder={t("The sender of the Campaign’s owner")}
          labelOf={nameLabel}
          value={settings.senderId}
          onChange={(senderId) => setSettings({ ...settings, senderId })}
        />
        <Select
          label={t("Somebody who went through it before")}
          allowDeselect={false}
          data={[
            { value: "never", label: t("never begins again") },
            { value: "after-end", label: t("begins again once it has ended") },
          ]}
          value={settings.again}
          onChange={(again) => setSettings({ ...settings, again: again === "never" ? "never" : "after-end" })}
        />
        {settings.again === "after-end" && (
          <NumberInput
            label={t("Days after it ended, at the earliest")}
            min={0}
            max={3650}
            allowDecimal={false}
            value={settings.againAfterDays}
            onChange={(days) => setSettings({ ...settings, againAfterDays: Number(days) || 0 })}
          />
        )}
        <NumberInput
          label={t("Ask before more than so many start within an hour")}
          description={t("Empty: nobody is asked.")}
          min={1}
          allowDecimal={false}
          value={settings.askAbove ?? ""}
          onChange={(count) => setSettings({ ...settings, askAbove: Number(count) || null })}
        />
        {save.error && (
          <Alert color="red" title={t("It could not be saved.")}>
            {save.error instanceof Problem ? save.error.message : String(save.error)}
          </Alert>
        )}
        <Group justify="flex-end">
          <Button variant="default" onClick={done}>
            {t("Cancel")}
          </Button>
          <Button type="submit" loading={save.isPending} disabled={rules.some(unfinished)}>
            {t("Save")}
          </Button>
        </Group>
      </Stack>
    </form>
  );
}

function RuleFields({
  rule,
  position,
  change,
  remove,
}: {
  rule: Rule;
  position: number;
  change: (changes: Partial<Rule>) => void;
  remove: () => void;
}) {
  return (
    <Paper withBorder p="sm" role="group" aria-label={t("Rule {position}", { position })}>
      <Stack gap="sm">
        <Group wrap="nowrap" align="flex-end">
          <Select
            label={t("When")}
            allowDeselect={false}
            flex={1}
            data={Object.entries(KIND_WORDS).map(([kind, word]) => ({ value: kind, label: word() }))}
            value={rule.kind}
            onChange={(kind) =>
              change({ ...nothing, kind: kind as StartKind, ...(kind === "created" ? { ways: [...WAYS] } : {}) })
            }
          />
          <ActionIcon size="lg" color="red" onClick={remove} aria-label={t("Remove rule {position}", { position })}>
            <IconTrash size={18} />
          </ActionIcon>
        </Group>
        {rule.kind === "joined" && (
          <Pick
            route="GET /email-groups"
            label={t("Email Group")}
            placeholder={t("Choose")}
            labelOf={nameLabel}
            value={rule.emailGroupId}
            {...(rule.emailGroup ? { chosenLabel: rule.emailGroup } : {})}
            onChange={(emailGroupId) => change({ emailGroupId })}
          />
        )}
        {rule.kind === "matches" && (
          <ConditionBuilder
            label={t("The condition")}
            hint={t("Who comes to match is started; who matches already is not.")}
            value={rule.condition}
            onChange={(condition) => change({ condition })}
            kinds={KINDS}
            ofStep={false}
            beforeStart
            mails={[]}
            links={[]}
          />
        )}
        {rule.kind === "created" && (
          <Checkbox.Group
            label={t("By which ways")}
            value={[...(rule.ways ?? [])]}
            onChange={(ways) => change({ ways: WAYS.filter((way) => ways.includes(way)) })}
          >
            <Group mt="xs">
              {WAYS.map((way) => (
                <Checkbox key={way} value={way} label={WAY_WORDS[way]()} />
              ))}
            </Group>
          </Checkbox.Group>
        )}
        <Switch
          label={t("On")}
          checked={rule.on}
          onChange={({ currentTarget: { checked } }) => change({ on: checked })}
        />
      </Stack>
    </Paper>
  );
}
