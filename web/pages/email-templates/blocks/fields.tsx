/** What can be set of a block, by its kind, and what every block has: condition, background, room around it. */
import {
  ActionIcon,
  Button,
  Checkbox,
  ColorInput,
  Group,
  NumberInput,
  SegmentedControl,
  Select,
  SimpleGrid,
  Stack,
  Switch,
  Text,
  TextInput,
} from "@mantine/core";
import { IconPhoto, IconTrash } from "@tabler/icons-react";
import { useState } from "react";
import type { Block, Columns, Condition, Leaf } from "../../../../src/core/blocks/document.ts";
import { t } from "../../../i18n.ts";
import type { Variable } from "../variable-menu.tsx";
import { ImageLibrary } from "./images.tsx";
import { Picture } from "./looks.tsx";
import { docOfLine, docOfRich, lineOf, richOf } from "./rich-document.ts";
import { type RichHandle, RichText } from "./rich-text.tsx";

export type FieldsProps<Kind extends Block = Block> = {
  readonly block: Kind;
  readonly change: (block: Block) => void;
  readonly variables: readonly Variable[];
  readonly onHandle: (handle: RichHandle | null) => void;
};

/** What of a key is undefined is left out, so that the JSON holds only what its author chose. */
function without<Kind extends object>(block: Kind): Kind {
  return Object.fromEntries(Object.entries(block).filter(([, value]) => value !== undefined)) as Kind;
}

export function Fields(props: FieldsProps) {
  const { block, change } = props;
  const set = (more: object) => change(without({ ...block, ...more }) as Block);
  return (
    <Stack gap="sm" pt="xs">
      <Own {...props} set={set} />
      {block.type !== "spacer" && <Around {...props} set={set} />}
    </Stack>
  );
}

type Setting<Kind extends Block = Block> = FieldsProps<Kind> & { readonly set: (more: object) => void };

function Own(props: Setting) {
  const { block, set } = props;
  switch (block.type) {
    case "heading":
      return (
        <>
          <RichText
            initial={docOfLine(block.children)}
            onChange={(content) => set({ children: lineOf(content) })}
            label={t("Heading")}
            variables={props.variables}
            onHandle={props.onHandle}
            focus
          />
          <Group gap="md" align="flex-end">
            <Choice
              label={t("Size")}
              value={String(block.level)}
              choices={[
                ["1", t("Large")],
                ["2", t("Medium")],
                ["3", t("Small")],
              ]}
              choose={(level) => set({ level: Number(level) })}
            />
            <Align {...props} />
          </Group>
        </>
      );
    case "text":
      return (
        <>
          <RichText
            initial={docOfRich(block.content)}
            onChange={(content) => set({ content: richOf(content) })}
            label={t("Text")}
            variables={props.variables}
            onHandle={props.onHandle}
            lists
            focus
          />
          <Align {...props} />
        </>
      );
    case "image":
      return <ImageFields {...(props as Setting<Extract<Block, { type: "image" }>>)} />;
    case "button":
      return (
        <>
          <RichText
            initial={docOfLine(block.label)}
            onChange={(content) => set({ label: lineOf(content) })}
            label={t("What the button says")}
            variables={props.variables}
            onHandle={props.onHandle}
            focus
          />
          <Address label={t("Where it leads")} value={block.href} set={(href) => set({ href })} />
          <Group gap="md" align="flex-end">
            <Choice
              label={t("Look")}
              value={block.look ?? "filled"}
              choices={[
                ["filled", t("Filled")],
                ["outline", t("Outline")],
              ]}
              choose={(look) => set({ look: look === "filled" ? undefined : look })}
            />
            <Align {...props} />
            <Switch
              label={t("As wide as the mail")}
              checked={block.wide ?? false}
              onChange={(event) => set({ wide: event.currentTarget.checked || undefined })}
            />
          </Group>
        </>
      );
    case "spacer":
      return (
        <NumberInput
          label={t("Height in pixels")}
          min={4}
          max={200}
          value={block.height}
          onChange={(height) => typeof height === "number" && height >= 4 && height <= 200 && set({ height })}
          maw={160}
        />
      );
    case "columns":
      return <ColumnsFields {...(props as Setting<Columns>)} />;
    case "loop":
      return (
        <>
          <SimpleGrid cols={{ base: 1, sm: 2 }}>
            <TextInput
              label={t("List")}
              description={t("The variable that holds the list.")}
              value={block.over}
              onChange={(event) => isPath(event.currentTarget.value) && set({ over: event.currentTarget.value })}
            />
            <TextInput
              label={t("One entry is called")}
              description={t("Inside, {name} is the name of the entry.", { name: `${block.as}.name` })}
              value={block.as}
              onChange={(event) =>
                /^[A-Za-z_]\w{0,39}$/.test(event.currentTarget.value) && set({ as: event.currentTarget.value })
              }
            />
          </SimpleGrid>
          <Text size="xs" c="dimmed">
            {t(
              "No field of a person can hold a list yet: in a Campaign the list is empty, and “When the list is empty” is shown. Previews and test mails take a list over the API.",
            )}
          </Text>
        </>
      );
    case "social":
      return (
        <Stack gap="xs">
          {block.links.map((link, at) => (
            <Group key={`${at}`} gap="xs" align="flex-end" wrap="nowrap">
              <TextInput
                label={at === 0 ? t("Name") : undefined}
                aria-label={t("Name")}
                value={link.name}
                onChange={(event) => set({ links: block.links.with(at, { ...link, name: event.currentTarget.value }) })}
                w={140}
              />
              <TextInput
                label={at === 0 ? t("Address") : undefined}
                aria-label={t("Address")}
                value={link.href}
                onChange={(event) => set({ links: block.links.with(at, { ...link, href: event.currentTarget.value }) })}
                flex={1}
              />
              <ActionIcon
                size="lg"
                color="red"
                variant="subtle"
                aria-label={t("Remove {name}", { name: link.name })}
                onClick={() => set({ links: block.links.toSpliced(at, 1) })}
              >
                <IconTrash size={16} />
              </ActionIcon>
            </Group>
          ))}
          <Group justify="space-between">
            <Button
              size="xs"
              variant="default"
              disabled={block.links.length >= 12}
              onClick={() => set({ links: [...block.links, { name: "Mastodon", href: "https://" }] })}
            >
              {t("Add a link")}
            </Button>
            <Align {...props} otherwise="center" />
          </Group>
        </Stack>
      );
    case "footer":
      return (
        <>
          <RichText
            initial={docOfRich(block.content ?? [])}
            onChange={(content) => set({ content: richOf(content) })}
            label={t("Text above the address")}
            variables={props.variables}
            onHandle={props.onHandle}
            lists
          />
          <SimpleGrid cols={{ base: 1, sm: 2 }}>
            <TextInput
              label={t("What the unsubscribe link says")}
              value={block.unsubscribeLabel ?? ""}
              placeholder="Unsubscribe"
              onChange={(event) => set({ unsubscribeLabel: event.currentTarget.value || undefined })}
            />
            <Align {...props} otherwise="center" />
          </SimpleGrid>
          <Switch
            label={t("Show the postal address")}
            checked={block.address !== false}
            onChange={(event) => set({ address: event.currentTarget.checked ? undefined : false })}
          />
        </>
      );
    default:
      return null;
  }
}

const isPath = (text: string) => /^[A-Za-z_]\w*(\.\w+)*$/.test(text);

function ImageFields({ block, set, ...props }: Setting<Extract<Leaf, { type: "image" }>>) {
  const [opened, setOpened] = useState(false);
  return (
    <>
      <Group align="center" gap="md">
        <Picture src={block.src} alt={block.alt} />
        <Button variant="default" size="xs" leftSection={<IconPhoto size={14} />} onClick={() => setOpened(true)}>
          {block.src ? t("Choose another picture") : t("Choose a picture")}
        </Button>
      </Group>
      <ImageLibrary
        opened={opened}
        close={() => setOpened(false)}
        choose={(image) => {
          set({ src: image.url, alt: image.alt, decorative: undefined });
          setOpened(false);
        }}
      />
      <Address label={t("Address of the picture")} value={block.src} set={(src) => set({ src })} />
      <TextInput
        label={t("What it shows")}
        description={t("Read out, and shown where pictures are not loaded.")}
        value={block.alt}
        disabled={block.decorative === true}
        error={
          block.alt.trim() === "" && !block.decorative && block.src
            ? t("Say what it shows, or that it says nothing.")
            : undefined
        }
        onChange={(event) => set({ alt: event.currentTarget.value })}
      />
      <Checkbox
        label={t("It is only decoration")}
        checked={block.decorative ?? false}
        onChange={(event) => set({ decorative: event.currentTarget.checked || undefined })}
      />
      <Address
        label={t("Where it leads (optional)")}
        value={block.href ?? ""}
        set={(href) => set({ href: href || undefined })}
      />
      <Group gap="md" align="flex-end">
        <NumberInput
          label={t("Width in per cent")}
          min={5}
          max={100}
          value={block.width ?? 100}
          onChange={(width) =>
            typeof width === "number" &&
            width >= 5 &&
            width <= 100 &&
            set({ width: width === 100 ? undefined : Math.round(width) })
          }
          w={140}
        />
        <Align {...props} block={block} set={set} otherwise="center" />
        <Switch
          label={t("Rounded corners")}
          checked={block.rounded ?? false}
          onChange={(event) => set({ rounded: event.currentTarget.checked || undefined })}
        />
      </Group>
    </>
  );
}

function ColumnsFields({ block, set }: Setting<Columns>) {
  const resize = (count: number) => {
    const kept = block.columns.slice(0, count).map(({ blocks }) => ({ blocks }));
    // What stood in a column that goes moves into the last that stays.
    const left = block.columns.slice(count).flatMap(({ blocks }) => blocks);
    const last = kept.at(-1);
    if (left.length > 0 && last) kept[kept.length - 1] = { blocks: [...last.blocks, ...left] };
    while (kept.length < count) kept.push({ blocks: [] });
    set({ columns: kept });
  };
  const first = block.columns[0]?.width;
  return (
    <Group gap="md" align="flex-end">
      <Choice
        label={t("Columns")}
        value={String(block.columns.length)}
        choices={["2", "3", "4"].map((count) => [count, count] as const)}
        choose={(count) => resize(Number(count))}
      />
      {block.columns.length === 2 && (
        <Select
          label={t("Widths")}
          value={String(first ?? 50)}
          data={[
            { value: "50", label: t("Equal") },
            { value: "35", label: t("Narrow, wide") },
            { value: "65", label: t("Wide, narrow") },
          ]}
          allowDeselect={false}
          onChange={(width) =>
            set({
              columns: block.columns.map(({ blocks }, at) =>
                at === 0 && width !== "50" ? { width: Number(width), blocks } : { blocks },
              ),
            })
          }
          w={170}
        />
      )}
      <Switch
        label={t("Beside each other on a phone too")}
        checked={block.keepBeside ?? false}
        onChange={(event) => set({ keepBeside: event.currentTarget.checked || undefined })}
      />
    </Group>
  );
}

function Address({ label, value, set }: { label: string; value: string; set: (value: string) => void }) {
  return (
    <TextInput
      label={label}
      placeholder="https://"
      value={value}
      onChange={(event) => set(event.currentTarget.value)}
      spellCheck={false}
      autoComplete="off"
    />
  );
}

function Choice({
  label,
  value,
  choices,
  choose,
}: {
  label: string;
  value: string;
  choices: readonly (readonly [value: string, label: string])[];
  choose: (value: string) => void;
}) {
  return (
    <div>
      <Text size="sm" fw={500} mb={4}>
        {label}
      </Text>
      <SegmentedControl
        size="xs"
        aria-label={label}
        value={value}
        onChange={choose}
        data={choices.map(([one, word]) => ({ value: one, label: word }))}
      />
    </div>
  );
}

function Align({ block, set, otherwise = "left" }: Pick<Setting, "block" | "set"> & { otherwise?: string }) {
  return (
    <Choice
      label={t("Aligned")}
      value={("align" in block && block.align) || otherwise}
      choices={[
        ["left", t("Left")],
        ["center", t("Middle")],
        ["right", t("Right")],
      ]}
      choose={(align) => set({ align: align === otherwise ? undefined : align })}
    />
  );
}

const TESTS: Readonly<Record<Condition["is"], () => string>> = {
  present: () => t("has a value"),
  absent: () => t("has no value"),
  equal: () => t("is"),
  different: () => t("is not"),
  contains: () => t("contains"),
  above: () => t("is more than"),
  below: () => t("is less than"),
};

function Around({ block, set, variables }: Setting) {
  const [open, setOpen] = useState(Boolean(block.showIf ?? block.background ?? block.spacing));
  if (!open)
    return (
      <Group>
        <Button size="compact-xs" variant="subtle" onClick={() => setOpen(true)}>
          {t("Condition, background, spacing")}
        </Button>
      </Group>
    );
  const { showIf } = block;
  return (
    <Stack gap="xs">
      <Group gap="xs" align="flex-end">
        <Select
          label={t("Show only if")}
          placeholder={t("Always shown")}
          data={variables
            .filter(({ type, group }) => type !== "html" && group !== "link")
            .map(({ name, label }) => ({ value: name, label }))}
          value={showIf?.variable ?? null}
          onChange={(variable) => set({ showIf: variable ? { is: "present", ...showIf, variable } : undefined })}
          searchable
          clearable
          w={190}
        />
        {showIf && (
          <Select
            aria-label={t("Test")}
            data={Object.entries(TESTS).map(([value, word]) => ({ value, label: word() }))}
            value={showIf.is}
            allowDeselect={false}
            onChange={(is) =>
              is &&
              set({
                showIf: without({
                  ...showIf,
                  is,
                  value: is === "present" || is === "absent" ? undefined : (showIf.value ?? ""),
                }),
              })
            }
            w={150}
          />
        )}
        {showIf && showIf.is !== "present" && showIf.is !== "absent" && (
          <TextInput
            aria-label={t("Value")}
            value={showIf.value ?? ""}
            onChange={(event) => set({ showIf: { ...showIf, value: event.currentTarget.value } })}
            flex={1}
            miw={110}
          />
        )}
      </Group>
      <Group gap="md" align="flex-end">
        <ColorInput
          eyeDropperButtonProps={{ "aria-label": t("Take a colour from the screen") }}
          label={t("Background")}
          placeholder={t("None")}
          value={block.background ?? ""}
          onChange={(background) => set({ background: /^#[0-9a-f]{6}$/i.test(background) ? background : undefined })}
          rightSection={
            block.background ? (
              <ActionIcon
                size="sm"
                variant="subtle"
                aria-label={t("No background")}
                onClick={() => set({ background: undefined })}
              >
                <IconTrash size={14} />
              </ActionIcon>
            ) : undefined
          }
          w={170}
        />
        <Choice
          label={t("Room above and below")}
          value={block.spacing ?? "normal"}
          choices={[
            ["none", t("None")],
            ["small", t("Small")],
            ["normal", t("Normal")],
            ["large", t("Large")],
          ]}
          choose={(spacing) => set({ spacing: spacing === "normal" ? undefined : spacing })}
        />
      </Group>
    </Stack>
  );
}
