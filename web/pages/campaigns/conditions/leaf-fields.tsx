/** The inputs of one thing that is asked: of which mail, which group, which field and value. Saves nothing. */
import { Autocomplete, MultiSelect, NumberInput, Select, TagsInput, TextInput } from "@mantine/core";
import { DatePickerInput } from "@mantine/dates";
import type { ReactNode } from "react";
import type { Leaf, Operator, Which } from "../../../../src/core/conditions.ts";
import { STATUSES } from "../../../../src/core/email-campaign.ts";
import { CONTACT_STATUSES, LEAD_STATUSES } from "../../../../src/core/person.ts";
import type { Row as RowOf } from "../../../api.ts";
import { t } from "../../../i18n.ts";
import { nameLabel, Pick } from "../../../kit/pick.tsx";
import { statusWord } from "../../../kit/words.tsx";
import { useApi } from "../../../queries.ts";
import { type Kind, kindOf } from "./rows.ts";
import { isOwn, type Mail, OWN_LABELS } from "./words.tsx";

/** What the inputs of a row go by. */
export type Around = {
  /** Only a step has a mail before it. */
  readonly ofStep: boolean;
  /** Asked to find out whom to start: there is no start to count from. */
  readonly beforeStart?: boolean;
  readonly mails: readonly Mail[];
  /** Links of its mails that are known, to choose from. */
  readonly links: readonly string[];
};

type Of<Key extends string> = Extract<Leaf, Readonly<Record<Key, unknown>>>;
type Inputs<One extends Leaf> = {
  readonly leaf: One;
  readonly change: (leaf: Leaf) => void;
  readonly around: Around;
};

const FIELDS: Readonly<Record<Kind, (inputs: Inputs<never>) => ReactNode>> = {
  replied: () => null,
  group: GroupFields,
  opened: OpenedFields,
  clicked: ClickedFields,
  field: FieldFields,
  campaign: CampaignFields,
  finished: FinishedFields,
  event: EventFields,
};

export function LeafFields(inputs: Inputs<Leaf>) {
  const Fields = FIELDS[kindOf(inputs.leaf)] as (inputs: Inputs<Leaf>) => ReactNode;
  return <Fields {...inputs} />;
}

function GroupFields({ leaf, change }: Inputs<Of<"group">>) {
  const chosen = useApi("GET /email-groups/:id", { params: { id: leaf.group }, enabled: leaf.group > 0 });
  return (
    <Pick
      route="GET /email-groups"
      label={t("Email Group")}
      placeholder={t("Choose")}
      labelOf={nameLabel}
      value={leaf.group || null}
      chosenLabel={chosen.data?.title ?? String(leaf.group)}
      onChange={(group) => change({ group: group ?? 0 })}
      {...WIDE}
    />
  );
}

function WhichMail({ value, onChange, around }: { value: Which; onChange: (which: Which) => void; around: Around }) {
  const { ofStep, mails } = around;
  const gone = typeof value === "number" && !mails.some(({ id }) => id === value);
  return (
    <Select
      label={t("Which mail")}
      allowDeselect={false}
      data={[
        { value: "any", label: t("any mail of this Campaign") },
        ...(ofStep || value === "before" ? [{ value: "before", label: t("the mail before") }] : []),
        ...mails.map(({ id, name, day }) => ({ value: String(id), label: t("day {day}: {name}", { day, name }) })),
        ...(gone ? [{ value: String(value), label: t("a mail that is no longer in the Schedule") }] : []),
      ]}
      value={String(value)}
      onChange={(which) => onChange(which === "any" || which === "before" ? which : Number(which))}
      {...WIDE}
    />
  );
}

function OpenedFields({ leaf, change, around }: Inputs<Of<"opened">>) {
  return <WhichMail value={leaf.opened} onChange={(opened) => change({ opened })} around={around} />;
}

function ClickedFields({ leaf, change, around }: Inputs<Of<"clicked">>) {
  return (
    <>
      <WhichMail value={leaf.clicked} onChange={(clicked) => change({ ...leaf, clicked })} around={around} />
      <Autocomplete
        label={t("Which link")}
        placeholder={t("Any link")}
        data={[...around.links]}
        maxLength={2048}
        value={leaf.link ?? ""}
        onChange={(link) => change({ clicked: leaf.clicked, ...(link === "" ? {} : { link }) })}
        {...WIDE}
      />
    </>
  );
}

function CampaignFields({ leaf, change }: Inputs<Of<"campaign">>) {
  return (
    <>
      <PickCampaign value={leaf.campaign} onChange={(campaign) => change({ ...leaf, campaign })} />
      <MultiSelect
        label={t("With one of these statuses")}
        data={STATUSES.map((status) => ({ value: status, label: statusWord(status) }))}
        value={[...leaf.statuses]}
        onChange={(statuses) => change({ ...leaf, statuses: STATUSES.filter((one) => statuses.includes(one)) })}
        error={leaf.statuses.length === 0 && t("Choose one at least.")}
        {...WIDE}
      />
    </>
  );
}

function FinishedFields({ leaf, change }: Inputs<Of<"finished">>) {
  return <PickCampaign value={leaf.finished} onChange={(finished) => change({ finished })} />;
}

/** An event can be named before the first of it has come. */
function EventFields({ leaf, change: told, around: { beforeStart = false } }: Inputs<Of<"event">>) {
  const change = (next: Of<"event">) => told(beforeStart ? { ...next, since: null } : next);
  const known = useApi("GET /event-names", {});
  return (
    <>
      <Autocomplete
        label={t("Event")}
        placeholder={t("As your program calls it")}
        data={known.data?.data.map(({ name }) => name) ?? []}
        maxLength={100}
        value={leaf.event}
        onChange={(event) => change({ ...leaf, event: event.toLowerCase() })}
        {...WIDE}
      />
      <NumberInput
        label={t("At least how often")}
        min={1}
        max={1000}
        allowDecimal={false}
        allowNegative={false}
        clampBehavior="strict"
        value={leaf.times ?? 1}
        onChange={(times) => change({ ...leaf, times: typeof times === "number" && times > 1 ? times : null })}
        {...NARROW}
      />
      {!beforeStart && (
        <Select
          label={t("Since when")}
          allowDeselect={false}
          data={[
            { value: "start", label: t("the start of the Campaign") },
            { value: "ever", label: t("ever") },
          ]}
          value={leaf.since ?? "ever"}
          onChange={(since) => change({ ...leaf, since: since === "start" ? "start" : null })}
          {...WIDE}
        />
      )}
    </>
  );
}

function PickCampaign({ value, onChange }: { value: number; onChange: (id: number) => void }) {
  const chosen = useApi("GET /campaigns/:id", { params: { id: value }, enabled: value > 0 });
  return (
    <Pick
      route="GET /campaigns"
      label={t("Campaign")}
      placeholder={t("Choose")}
      labelOf={nameLabel}
      value={value || null}
      chosenLabel={chosen.data?.name ?? String(value)}
      onChange={(id) => onChange(id ?? 0)}
      {...WIDE}
    />
  );
}

type Declared = RowOf<"GET /person-fields">;
type FieldType = Declared["type"];

const OPERATOR_WORDS: Readonly<Record<Operator, () => string>> = {
  is: () => t("is"),
  contains: () => t("contains"),
  "starts-with": () => t("starts with"),
  "at-least": () => t("is at least"),
  "at-most": () => t("is at most"),
  "more-than": () => t("is more than"),
  "less-than": () => t("is less than"),
  set: () => t("is filled in"),
};

const IN_ORDER: readonly Operator[] = ["is", "at-least", "at-most", "more-than", "less-than", "set"];
const IN_TEXT: readonly Operator[] = ["is", "contains", "starts-with", "set"];

/** What the server takes for a field of each type. */
const OPERATORS_OF: Readonly<Record<FieldType, readonly Operator[]>> = {
  text: IN_TEXT,
  url: IN_TEXT,
  choice: ["is", "set"],
  number: IN_ORDER,
  date: IN_ORDER,
  boolean: ["is", "set"],
};

/** A person's own fields whose values are known. */
const OWN_CHOICES: Readonly<Record<string, () => { value: string; label: string }[]>> = {
  kind: () => [
    { value: "lead", label: t("Lead") },
    { value: "contact", label: t("Contact") },
  ],
  status: () => [...new Set([...LEAD_STATUSES, ...CONTACT_STATUSES])].map((one) => ({ value: one, label: one })),
};

function FieldFields({ leaf, change }: Inputs<Of<"field">>) {
  const fields = useApi("GET /person-fields", { query: { limit: 200 } });
  const declared = fields.data?.data ?? [];
  const type = typeOf(leaf.field, declared);
  const operators = OPERATORS_OF[type].includes(leaf.op) ? OPERATORS_OF[type] : [...OPERATORS_OF[type], leaf.op];
  const known = isOwn(leaf.field) || declared.some(({ key }) => key === leaf.field) || leaf.field === "";
  const own = Object.entries(OWN_LABELS).map(([value, label]) => ({ value, label: label() }));
  return (
    <>
      <Select
        label={t("Field")}
        placeholder={t("Choose")}
        searchable
        allowDeselect={false}
        data={[
          ...(declared.length > 0
            ? [{ group: t("Your fields"), items: declared.map(({ key, label }) => ({ value: key, label })) }]
            : []),
          { group: t("Of everybody"), items: own },
          ...(known ? [] : [{ group: t("No longer there"), items: [leaf.field] }]),
        ]}
        value={leaf.field || null}
        onChange={(field) => field && change({ field, op: "is", value: null })}
        {...WIDE}
      />
      <Select
        label={t("Comparison")}
        allowDeselect={false}
        data={operators.map((op) => ({ value: op, label: OPERATOR_WORDS[op]() }))}
        value={leaf.op}
        onChange={(op) => change(compared(leaf, op as Operator))}
        {...NARROW}
      />
      {leaf.op !== "set" && leaf.field !== "" && (
        <ValueField leaf={leaf} change={change} field={declared.find(({ key }) => key === leaf.field)} />
      )}
    </>
  );
}

const typeOf = (key: string, declared: readonly Declared[]): FieldType =>
  key in OWN_CHOICES ? "choice" : (declared.find((field) => field.key === key)?.type ?? "text");

/** With another comparison the value stays, where it still can. */
function compared({ field, value = null }: Of<"field">, op: Operator): Leaf {
  if (op === "set") return { field, op };
  return { field, op, value: Array.isArray(value) && op !== "is" ? ((value as string[])[0] ?? null) : value };
}

function ValueField({
  leaf,
  change,
  field,
}: {
  leaf: Of<"field">;
  change: (leaf: Leaf) => void;
  field: Declared | undefined;
}) {
  const { value = null, op } = leaf;
  const set = (changed: Of<"field">["value"]) => change({ ...leaf, value: changed ?? null });
  // One value stands by itself, several as a list: so the server tells them apart.
  const several = (values: readonly string[]) => set(values.length > 1 ? values : (values[0] ?? null));
  const values = Array.isArray(value) ? (value as string[]) : value === null ? [] : [String(value)];
  const label = t("Value");
  const choices = OWN_CHOICES[leaf.field]?.() ?? (field?.type === "choice" ? field.choices : null);
  if (choices) {
    const listed = choices.map((one) => (typeof one === "string" ? { value: one, label: one } : one));
    // Case does not matter to the server.
    const shown = values.map((one) => listed.find((it) => it.value.toLowerCase() === one.toLowerCase())?.value ?? one);
    const others = shown.filter((one) => !listed.some((it) => it.value === one));
    return (
      <MultiSelect
        label={t("One of these values")}
        data={[...listed, ...others.map((one) => ({ value: one, label: one }))]}
        value={shown}
        onChange={several}
        searchable
        {...WIDER}
      />
    );
  }
  if (Array.isArray(value) || (op === "is" && ["text", "url"].includes(field?.type ?? "text")))
    return (
      <TagsInput
        label={t("One of these values")}
        placeholder={values.length === 0 ? t("Enter after each") : undefined}
        maxTags={50}
        acceptValueOnBlur
        value={values}
        onChange={several}
        {...WIDER}
      />
    );
  if (field?.type === "number")
    return (
      <NumberInput
        label={label}
        value={typeof value === "number" ? value : ""}
        onChange={(number) => set(typeof number === "number" ? number : null)}
        {...NARROW}
      />
    );
  if (field?.type === "date")
    return (
      <DatePickerInput
        label={label}
        placeholder={t("Choose")}
        value={String(value ?? "") || null}
        onChange={set}
        {...NARROW}
      />
    );
  if (field?.type === "boolean")
    return (
      <Select
        label={label}
        placeholder={t("Choose")}
        allowDeselect={false}
        data={[
          { value: "true", label: t("Yes") },
          { value: "false", label: t("No") },
        ]}
        value={value === null ? null : String(value)}
        onChange={(chosen) => set(chosen === "true")}
        {...NARROW}
      />
    );
  return (
    <TextInput
      label={label}
      maxLength={500}
      value={String(value ?? "")}
      onChange={(event) => set(event.currentTarget.value)}
      {...WIDE}
    />
  );
}

/** On a phone each takes the line. */
const WIDE = { flex: "1 1 200px", miw: 180 } as const;
/** What is chosen and what is typed stand in one line. */
const WIDER = { flex: "1 1 260px", miw: 200 } as const;
const NARROW = { flex: "1 1 140px", miw: 140, maw: { base: undefined, xs: 220 } } as const;
