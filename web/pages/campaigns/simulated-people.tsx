/** Who goes through a simulation, and what single ones do about single mails. Calls nothing but what it lists. */
import { ActionIcon, Button, Group, NumberInput, Pill, SegmentedControl, Select, Stack, Text } from "@mantine/core";
import { IconPlus, IconTrash } from "@tabler/icons-react";
import type { PeopleFilter } from "../../../src/people/api.ts";
import type { Sent } from "../../api.ts";
import { t } from "../../i18n.ts";
import { PeopleFilterFields } from "../../kit/people-filter.tsx";
import { nameLabel, Pick } from "../../kit/pick.tsx";
import { PickPerson } from "../../kit/pick-person.tsx";

type Body = NonNullable<Sent<"POST /campaigns/:id/simulation">["body"]>;
export type Deed = "open" | "click" | "reply" | "unsubscribe" | "bounce";
export type Named = {
  readonly person: number;
  readonly mail: number;
  readonly does: Deed;
  readonly afterHours: number;
};

export type Whom = {
  readonly kind: "made-up" | "chosen" | "group" | "filter";
  readonly count: number;
  readonly world: boolean;
  readonly chosen: readonly { readonly id: number; readonly name: string }[];
  readonly groupId: number | null;
  readonly filter: PeopleFilter;
};
export const SOMEBODY: Whom = { kind: "made-up", count: 20, world: false, chosen: [], groupId: null, filter: {} };

const ZONES = ["Europe/Berlin", "Europe/Lisbon", "America/New_York", "Asia/Tokyo"];

/** As the API takes it; null where nobody is chosen yet. */
export function asked(whom: Whom): Partial<Body> | null {
  const { kind, count, world, chosen, groupId, filter } = whom;
  if (kind === "made-up")
    return {
      madeUp: Array.from({ length: count }, (_, at) => ({
        name: t("Person {number}", { number: at + 1 }),
        timeZone: world ? (ZONES[at % ZONES.length] ?? null) : null,
      })),
    };
  if (kind === "chosen") return chosen.length > 0 ? { personIds: chosen.map(({ id }) => id) } : null;
  if (kind === "group") return groupId === null ? null : { emailGroupId: groupId };
  return Object.keys(filter).length > 0 ? { filter } : null;
}

export function WhomFields({ whom, change }: { whom: Whom; change: (whom: Whom) => void }) {
  const set = (changes: Partial<Whom>) => change({ ...whom, ...changes });
  return (
    <Stack gap="sm">
      <SegmentedControl
        aria-label={t("Who goes through it")}
        orientation={window.innerWidth < 500 ? "vertical" : "horizontal"}
        value={whom.kind}
        onChange={(kind) => set({ kind: kind as Whom["kind"] })}
        data={[
          { value: "made-up", label: t("Made-up people") },
          { value: "chosen", label: t("People you choose") },
          { value: "group", label: t("An Email Group") },
          { value: "filter", label: t("A filter") },
        ]}
      />
      {whom.kind === "made-up" && (
        <Group align="flex-end">
          <NumberInput
            label={t("How many")}
            min={1}
            max={2000}
            w={140}
            value={whom.count}
            onChange={(value) => set({ count: Number(value) || 1 })}
          />
          <Select
            label={t("Where they are")}
            data={[
              { value: "mine", label: t("In our time zone") },
              { value: "world", label: t("Around the world") },
            ]}
            value={whom.world ? "world" : "mine"}
            onChange={(value) => set({ world: value === "world" })}
            allowDeselect={false}
          />
        </Group>
      )}
      {whom.kind === "chosen" && (
        <>
          <PickPerson
            key={whom.chosen.length}
            label={t("Add a person")}
            placeholder={t("Search name, company or address")}
            value={null}
            onChange={(id, name) => {
              if (id !== null && !whom.chosen.some((one) => one.id === id))
                set({ chosen: [...whom.chosen, { id, name: name ?? `#${id}` }] });
            }}
          />
          <Pill.Group>
            {whom.chosen.map(({ id, name }) => (
              <Pill
                key={id}
                withRemoveButton
                removeButtonProps={{ "aria-label": t("Take {name} out", { name }), tabIndex: 0, "aria-hidden": false }}
                onRemove={() => set({ chosen: whom.chosen.filter((one) => one.id !== id) })}
              >
                {name}
              </Pill>
            ))}
          </Pill.Group>
        </>
      )}
      {whom.kind === "group" && (
        <Pick
          route="GET /email-groups"
          label={t("Recipients")}
          placeholder={t("Choose an Email Group")}
          labelOf={nameLabel}
          value={whom.groupId}
          onChange={(groupId) => set({ groupId })}
        />
      )}
      {whom.kind === "filter" && <PeopleFilterFields filter={whom.filter} change={(filter) => set({ filter })} />}
      {whom.kind !== "made-up" && (
        <Text size="sm" c="dimmed">
          {t(
            "With their own time zones and dates, and what stands in their way. Nothing happens to them; at most 2,000.",
          )}
        </Text>
      )}
    </Stack>
  );
}

/** What single people do, whatever the shares say. `names`: who goes through it, in order. */
export function NamedAnswers({
  named,
  change,
  names,
}: {
  named: readonly Named[];
  change: (named: Named[]) => void;
  names: readonly string[];
}) {
  const set = (at: number, changes: Partial<Named>) =>
    change(named.map((one, index) => (index === at ? { ...one, ...changes } : one)));
  return (
    <Stack gap="xs">
      {named.map((one, at) => (
        <Group key={`answer-${at}`} align="flex-end" gap="xs">
          <Select
            label={t("Person")}
            searchable
            limit={50}
            allowDeselect={false}
            w={200}
            data={names.map((name, place) => ({ value: String(place), label: name }))}
            value={String(one.person)}
            onChange={(value) => set(at, { person: Number(value) })}
          />
          <Select
            label={t("Does")}
            allowDeselect={false}
            w={160}
            data={[
              { value: "open", label: t("opens") },
              { value: "click", label: t("clicks") },
              { value: "reply", label: t("replies") },
              { value: "unsubscribe", label: t("unsubscribes") },
              { value: "bounce", label: t("does not exist") },
            ]}
            value={one.does}
            onChange={(does) => set(at, { does: does as Deed })}
          />
          <NumberInput
            label={t("At their mail no.")}
            w={130}
            min={1}
            max={100}
            value={one.mail + 1}
            onChange={(mail) => set(at, { mail: Math.max(0, Number(mail) - 1) })}
          />
          <NumberInput
            label={t("After (hours)")}
            w={120}
            min={0}
            max={10_000}
            value={one.afterHours}
            onChange={(hours) => set(at, { afterHours: Number(hours) || 0 })}
          />
          <ActionIcon
            size="lg"
            color="red"
            aria-label={t("Remove this answer")}
            onClick={() => change(named.filter((_, index) => index !== at))}
          >
            <IconTrash size={18} />
          </ActionIcon>
        </Group>
      ))}
      <Group>
        <Button
          size="compact-sm"
          variant="light"
          leftSection={<IconPlus size={14} />}
          disabled={names.length === 0}
          onClick={() => change([...named, { person: 0, mail: 0, does: "reply", afterHours: 5 }])}
        >
          {t("Say what one person does")}
        </Button>
      </Group>
    </Stack>
  );
}
