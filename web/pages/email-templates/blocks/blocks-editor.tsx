/** Writes a mail out of blocks: by mouse, by touch, or by keyboard alone. Loaded only where it is used. */
import {
  DndContext,
  type DragEndEvent,
  PointerSensor,
  pointerWithin,
  useDraggable,
  useDroppable,
  useSensor,
  useSensors,
} from "@dnd-kit/core";
import { SortableContext, useSortable, verticalListSortingStrategy } from "@dnd-kit/sortable";
import { CSS } from "@dnd-kit/utilities";
import {
  ActionIcon,
  Alert,
  Badge,
  Button,
  Collapse,
  Group,
  Menu,
  Modal,
  Stack,
  Text,
  TextInput,
  Tooltip,
  UnstyledButton,
  VisuallyHidden,
} from "@mantine/core";
import {
  IconArrowBackUp,
  IconArrowDown,
  IconArrowForwardUp,
  IconArrowUp,
  IconBookmark,
  IconCopy,
  IconGripVertical,
  IconPalette,
  IconPlus,
  IconTrash,
} from "@tabler/icons-react";
import { type KeyboardEvent, type Ref, useEffect, useImperativeHandle, useRef, useState } from "react";
import type { Block, BlocksDocument } from "../../../../src/core/blocks/document.ts";
import * as edit from "../../../../src/core/blocks/edit.ts";
import { call } from "../../../api.ts";
import { t } from "../../../i18n.ts";
import type { EditorHandle } from "../../../kit/code-editor.tsx";
import { tellDone, tellFailure } from "../../../kit/failures.tsx";
import { queryClient, useApi } from "../../../queries.ts";
import type { Variable } from "../variable-menu.tsx";
import { DesignFields } from "./design-fields.tsx";
import { Fields } from "./fields.tsx";
import { useHistory } from "./history.ts";
import { KIND_NAMES, KINDS, newId } from "./kinds.tsx";
import { Look, summaryOf } from "./looks.tsx";
import type { RichHandle } from "./rich-text.tsx";
import { designOf, startWith, written } from "./starters.ts";

export type BlocksHandle = EditorHandle & {
  /** Shows a block and puts the focus there. */
  goToBlock(id: string): void;
};

type Props = {
  /** What stands there at first. From then on the document is the editor's. */
  readonly initial: string;
  readonly onChange: (body: string) => void;
  readonly onFocus?: () => void;
  readonly variables: readonly Variable[];
  readonly label: string;
  readonly readOnly?: boolean;
  readonly ref?: Ref<BlocksHandle>;
};

/** What every card needs. */
type Desk = {
  readonly document: BlocksDocument;
  readonly revision: number;
  readonly selected: string | null;
  readonly variables: readonly Variable[];
  readonly readOnly: boolean;
  select(id: string | null): void;
  change(to: BlocksDocument, about?: string | null): void;
  said(what: string): void;
  handle(handle: RichHandle | null): void;
  insertAfter(id: string): void;
  keep(block: Block): void;
};

function read(body: string): BlocksDocument | null {
  try {
    const found = JSON.parse(body) as BlocksDocument;
    return Array.isArray(found.blocks) && typeof found.design === "object" ? found : null;
  } catch {
    return null;
  }
}

export default function BlocksEditor({ initial, ...props }: Props) {
  const [start] = useState(() => read(initial));
  const [anew, setAnew] = useState<BlocksDocument | null>(null);
  const first = start ?? anew;
  if (first) return <Desk {...props} first={first} />;
  return (
    <Alert color="orange" title={t("These are no blocks")}>
      <Stack align="flex-start" gap="sm">
        <Text size="sm">
          {t("What stands in this template cannot be read as blocks. It stays as it is until you begin anew.")}
        </Text>
        <Button size="xs" onClick={() => setAnew(read(startWith("empty", null)))}>
          {t("Begin anew")}
        </Button>
      </Stack>
    </Alert>
  );
}

function Desk({
  first,
  onChange,
  onFocus,
  variables,
  label,
  readOnly = false,
  ref,
}: Omit<Props, "initial"> & { first: BlocksDocument }) {
  const history = useHistory(() => first);
  const { document, revision } = history;
  const [selected, setSelected] = useState<string | null>(null);
  const [status, setStatus] = useState("");
  const [designing, setDesigning] = useState(false);
  const [inserting, setInserting] = useState(false);
  const [keeping, setKeeping] = useState<Block | null>(null);
  const rich = useRef<RichHandle | null>(null);
  const list = useRef<HTMLDivElement>(null);
  const last = useRef(document);
  const { data: workspace } = useApi("GET /workspace");
  const saved = useApi("GET /saved-blocks").data?.data ?? [];

  // What was not touched is not written anew: the author's own JSON stays as it is.
  useEffect(() => {
    if (last.current === document) return;
    last.current = document;
    onChange(written(document));
  }, [document, onChange]);

  const focusOn = (id: string) =>
    requestAnimationFrame(() =>
      list.current?.querySelector<HTMLElement>(`[data-block-name="${CSS_ESCAPE(id)}"]`)?.focus(),
    );
  const select = (id: string | null) => {
    setSelected(id);
    onFocus?.();
  };
  const change = (to: BlocksDocument, about: string | null = null) => !readOnly && history.change(to, about);

  /** After the chosen block, where it may stand there; else before the footer at the end. */
  const placeFor = (type: Block["type"]): edit.Place => {
    const chosen = selected === null ? null : edit.placeOf(document, selected);
    if (chosen && edit.mayStand(type, chosen.container, document)) return { ...chosen, index: chosen.index + 1 };
    if (chosen) {
      const outer = edit.placeOf(document, chosen.container.split("/")[0] ?? "");
      if (outer && edit.mayStand(type, outer.container, document)) return { ...outer, index: outer.index + 1 };
    }
    const end = document.blocks.at(-1)?.type === "footer" && type !== "footer" ? 1 : 0;
    return { container: edit.ROOT, index: document.blocks.length - end };
  };
  const add = (blocks: readonly Block[], at?: edit.Place) => {
    const copies = blocks.map((one) => edit.withNewIds(one, newId));
    const head = copies[0];
    if (!head) return;
    const place = at ?? placeFor(head.type);
    change(
      copies.reduce((now, one, offset) => edit.insert(now, { ...place, index: place.index + offset }, one), document),
    );
    setStatus(t("{kind} put in.", { kind: KINDS[head.type].word() }));
    setSelected(head.id);
    setInserting(false);
    focusOn(head.id);
  };

  useImperativeHandle(ref, () => ({
    insert: (text) => rich.current?.insert(text),
    goTo: () => undefined,
    goToBlock(id) {
      setSelected(id);
      requestAnimationFrame(() => {
        const found = list.current?.querySelector<HTMLElement>(`[data-block-name="${CSS_ESCAPE(id)}"]`);
        found?.scrollIntoView({ block: "center" });
        found?.focus();
      });
    },
    replace(body) {
      const found = read(body);
      if (!found || body === written(document)) return;
      last.current = found;
      history.begin(found);
    },
  }));

  const dropped = ({ active, over }: DragEndEvent) => {
    if (!over) return;
    const to = over.data.current as edit.Place | undefined;
    const what = active.data.current as { id?: string; type?: Block["type"] } | undefined;
    if (!to || !what) return;
    if (what.type) return add([KINDS[what.type].make(newId)], to);
    const from = edit.placeOf(document, what.id ?? "");
    if (!from || !what.id) return;
    // The end of a container is one place less once the block has been taken out of it.
    const there = edit.blocksIn(document, to.container)?.length ?? 0;
    const index = from.container === to.container && to.index >= there ? there - 1 : to.index;
    const moved = edit.move(document, what.id, { ...to, index });
    change(moved);
    setStatus(moved === document ? t("It cannot stand there.") : t("Moved."));
  };
  const sensors = useSensors(useSensor(PointerSensor, { activationConstraint: { distance: 6 } }));

  const onKeys = (event: KeyboardEvent) => {
    // In a field the field's own undo is meant.
    if ((event.target as HTMLElement).closest("input, textarea, [contenteditable=true]")) return;
    const isMod = event.ctrlKey || event.metaKey;
    if (!isMod || event.key.toLowerCase() !== "z") return;
    event.preventDefault();
    if (event.shiftKey) history.redo();
    else history.undo();
  };

  const desk: Desk = {
    document,
    revision,
    selected,
    variables,
    readOnly,
    select,
    change,
    said: setStatus,
    handle: (handle) => (rich.current = handle),
    insertAfter(id) {
      setSelected(id);
      setInserting(true);
    },
    keep: setKeeping,
  };
  const brand = workspace ? designOf(workspace.brand) : null;
  const offBrand = brand !== null && JSON.stringify(sorted(brand)) !== JSON.stringify(sorted(document.design));
  const insertMenu = (
    <>
      <Menu.Label>{t("Put in")}</Menu.Label>
      {KIND_NAMES.map((type) => {
        const Icon = KINDS[type].icon;
        return (
          <Menu.Item key={type} leftSection={<Icon size={16} />} onClick={() => add([KINDS[type].make(newId)])}>
            {KINDS[type].word()}
          </Menu.Item>
        );
      })}
      {saved.length > 0 && <Menu.Label>{t("Saved blocks")}</Menu.Label>}
      {saved.map(({ id, name, blocks }) => (
        <Menu.Item key={id} leftSection={<IconBookmark size={16} />} onClick={() => add(blocks as Block[])}>
          {name}
        </Menu.Item>
      ))}
    </>
  );

  return (
    <section aria-label={label} onKeyDown={onKeys} onFocusCapture={onFocus}>
      <DndContext
        sensors={sensors}
        collisionDetection={pointerWithin}
        onDragEnd={dropped}
        accessibility={{
          screenReaderInstructions: { draggable: t("Blocks are also moved with Alt and the arrow keys.") },
        }}
      >
        {!readOnly && (
          <Stack gap={6} className="blocks-tools">
            <Group gap={6} justify="space-between" wrap="nowrap">
              <Group gap={4}>
                <Menu opened={inserting} onChange={setInserting} position="bottom-start" width={230} returnFocus>
                  <Menu.Target>
                    <Button size="xs" leftSection={<IconPlus size={14} />} aria-keyshortcuts="Insert">
                      {t("Insert a block")}
                    </Button>
                  </Menu.Target>
                  <Menu.Dropdown mah={420} style={{ overflowY: "auto" }}>
                    {insertMenu}
                  </Menu.Dropdown>
                </Menu>
                <Button
                  size="xs"
                  variant="default"
                  leftSection={<IconPalette size={14} />}
                  aria-expanded={designing}
                  onClick={() => setDesigning(!designing)}
                >
                  {t("Colours and fonts")}
                </Button>
              </Group>
              <Group gap={4} wrap="nowrap">
                <Tool
                  label={t("Undo")}
                  keys="Control+Z"
                  icon={IconArrowBackUp}
                  act={history.undo}
                  disabled={!history.canUndo}
                />
                <Tool
                  label={t("Redo")}
                  keys="Control+Shift+Z"
                  icon={IconArrowForwardUp}
                  act={history.redo}
                  disabled={!history.canRedo}
                />
              </Group>
            </Group>
            <Group gap={4} role="group" aria-label={t("Blocks to drag into the mail")}>
              {KIND_NAMES.map((type) => (
                <PaletteItem key={type} type={type} add={() => add([KINDS[type].make(newId)])} />
              ))}
            </Group>
            <Collapse expanded={designing}>
              <Stack gap="sm" py="xs">
                <DesignFields
                  design={document.design}
                  set={(changes) => change({ ...document, design: { ...document.design, ...changes } }, "design")}
                />
                {offBrand && (
                  <Group justify="flex-end">
                    <Button size="xs" variant="default" onClick={() => brand && change({ ...document, design: brand })}>
                      {t("Take over the brand kit")}
                    </Button>
                  </Group>
                )}
              </Stack>
            </Collapse>
          </Stack>
        )}
        <div ref={list} className="blocks-desk">
          <Blocks container={edit.ROOT} blocks={document.blocks} desk={desk} label={t("Blocks of the mail")} />
        </div>
      </DndContext>
      <VisuallyHidden role="status" aria-live="polite">
        {status}
      </VisuallyHidden>
      <KeepDialog block={keeping} close={() => setKeeping(null)} />
    </section>
  );
}

const sorted = (value: object) => Object.entries(value).toSorted(([one], [other]) => (one < other ? -1 : 1));
const CSS_ESCAPE = (id: string) => id.replaceAll(/[^\w-]/g, "");

function Tool({
  label,
  keys,
  icon: Icon,
  act,
  disabled,
}: {
  label: string;
  keys?: string;
  icon: typeof IconPlus;
  act: () => void;
  disabled?: boolean;
}) {
  return (
    <Tooltip label={label}>
      <ActionIcon
        size="md"
        variant="subtle"
        aria-label={label}
        aria-keyshortcuts={keys}
        onClick={act}
        disabled={disabled ?? false}
      >
        <Icon size={16} />
      </ActionIcon>
    </Tooltip>
  );
}

function PaletteItem({ type, add }: { type: Block["type"]; add: () => void }) {
  const { setNodeRef, listeners, isDragging, transform } = useDraggable({ id: `new-${type}`, data: { type } });
  const { icon: Icon, word } = KINDS[type];
  return (
    <Button
      ref={setNodeRef}
      size="compact-xs"
      variant="light"
      color="gray"
      leftSection={<Icon size={13} />}
      {...listeners}
      style={{
        opacity: isDragging ? 0.7 : 1,
        transform: CSS.Translate.toString(transform),
        touchAction: "none",
        zIndex: isDragging ? 10 : undefined,
      }}
      onClick={add}
    >
      {word()}
    </Button>
  );
}

function Blocks({
  container,
  blocks,
  desk,
  label,
}: {
  container: string;
  blocks: readonly Block[];
  desk: Desk;
  label: string;
}) {
  const { setNodeRef, isOver } = useDroppable({ id: `end-${container}`, data: { container, index: blocks.length } });
  return (
    <SortableContext items={blocks.map(({ id }) => id)} strategy={verticalListSortingStrategy}>
      <ol className="blocks-list" aria-label={label}>
        {blocks.map((block, index) => (
          <BlockCard key={block.id} block={block} place={{ container, index }} count={blocks.length} desk={desk} />
        ))}
        <li
          ref={setNodeRef}
          className={isOver ? "blocks-end blocks-end-over" : "blocks-end"}
          aria-hidden={blocks.length > 0}
        >
          {blocks.length === 0 && (
            <Text size="xs" c="dimmed" ta="center">
              {t("Empty: put a block in, or drag one here.")}
            </Text>
          )}
        </li>
      </ol>
    </SortableContext>
  );
}

function BlockCard({ block, place, count, desk }: { block: Block; place: edit.Place; count: number; desk: Desk }) {
  const { document, selected, select, change, said, readOnly } = desk;
  const isSelected = selected === block.id;
  const { setNodeRef, listeners, transform, transition, isDragging, isOver } = useSortable({
    id: block.id,
    data: { id: block.id, ...place },
    disabled: readOnly,
  });
  const { icon: Icon, word } = KINDS[block.type];
  const summary = summaryOf(block);

  const focusAgain = (id: string) =>
    requestAnimationFrame(() =>
      window.document.querySelector<HTMLElement>(`[data-block-name="${CSS_ESCAPE(id)}"]`)?.focus(),
    );
  const move = (by: -1 | 1) => {
    const moved = edit.nudge(document, block.id, by);
    change(moved);
    const now = edit.placeOf(moved, block.id);
    said(
      moved === document || !now
        ? t("It is at the end already.")
        : t("Moved to place {place} of {count}.", {
            place: now.index + 1,
            count: edit.blocksIn(moved, now.container)?.length ?? 0,
          }),
    );
    focusAgain(block.id);
  };
  const copy = () => {
    const made = edit.duplicate(document, block.id, newId);
    change(made);
    const next = edit.blocksIn(made, place.container)?.[place.index + 1];
    // Closed: an open block would take the focus into its text, and the next key with it.
    select(null);
    if (next) focusAgain(next.id);
    said(t("Copied."));
  };
  const remove = () => {
    const gone = edit.remove(document, block.id);
    change(gone);
    const there = edit.blocksIn(gone, place.container) ?? [];
    const next = there[place.index] ?? there[place.index - 1];
    select(null);
    if (next) focusAgain(next.id);
    said(t("{kind} deleted. Undo brings it back.", { kind: word() }));
  };
  const step = (by: -1 | 1) => {
    const all = [...window.document.querySelectorAll<HTMLElement>("[data-block-name]")];
    all[all.findIndex((one) => one.dataset["blockName"] === block.id) + by]?.focus();
  };
  const keys: Readonly<Record<string, () => void>> = {
    ...(readOnly
      ? {}
      : {
          "Alt+ArrowUp": () => move(-1),
          "Alt+ArrowDown": () => move(1),
          "Mod+d": copy,
          Delete: remove,
          Backspace: remove,
          Insert: () => desk.insertAfter(block.id),
          "Mod+Enter": () => desk.insertAfter(block.id),
        }),
    ArrowUp: () => step(-1),
    ArrowDown: () => step(1),
    Escape: () => select(null),
  };
  const onKeyDown = (event: KeyboardEvent) => {
    const name = `${event.ctrlKey || event.metaKey ? "Mod+" : ""}${event.altKey ? "Alt+" : ""}${event.key}`;
    const act = keys[name];
    if (!act) return;
    event.preventDefault();
    event.stopPropagation();
    act();
  };

  return (
    <li
      ref={setNodeRef}
      className={`block-card${isSelected ? " block-card-selected" : ""}${isOver && !isDragging ? " block-card-over" : ""}`}
      style={{ transform: CSS.Translate.toString(transform), transition, opacity: isDragging ? 0.5 : 1 }}
    >
      <Group gap={4} wrap="nowrap" align="center">
        {!readOnly && (
          <span className="block-grip" {...listeners} aria-hidden title={t("Drag to move")}>
            <IconGripVertical size={16} />
          </span>
        )}
        <UnstyledButton
          data-block-name={block.id}
          aria-expanded={isSelected}
          aria-label={`${t("{kind}, {place} of {count}", { kind: word(), place: place.index + 1, count })}${summary ? `: ${summary}` : ""}`}
          aria-keyshortcuts="Alt+ArrowUp Alt+ArrowDown Control+D Delete Insert"
          onClick={() => select(isSelected ? null : block.id)}
          onKeyDown={onKeyDown}
          flex={1}
          py={4}
        >
          <Group gap={6} wrap="nowrap">
            <Icon size={15} aria-hidden />
            <Text size="xs" c="dimmed" fw={600}>
              {word()}
            </Text>
            {block.showIf && (
              <Badge size="xs" color="grape" variant="light">
                {t("If {name}", { name: block.showIf.variable })}
              </Badge>
            )}
          </Group>
        </UnstyledButton>
        {!readOnly && (
          <Group gap={0} wrap="nowrap" className="block-tools">
            <Tool label={t("Move up")} icon={IconArrowUp} act={() => move(-1)} />
            <Tool label={t("Move down")} icon={IconArrowDown} act={() => move(1)} />
            <Tool label={t("Copy the block")} icon={IconCopy} act={copy} />
            <Tool label={t("Keep for other mails")} icon={IconBookmark} act={() => desk.keep(block)} />
            <Tool label={t("Delete the block")} icon={IconTrash} act={remove} />
          </Group>
        )}
      </Group>
      {isSelected && !readOnly ? (
        <Fields
          key={desk.revision}
          block={block}
          change={(to) => change(edit.replace(document, block.id, to), `block ${block.id}`)}
          variables={desk.variables}
          onHandle={desk.handle}
        />
      ) : (
        // The name above says the same to those who do not see it.
        <div className="block-look" onClick={() => select(block.id)} aria-hidden>
          <Look block={block} />
        </div>
      )}
      <Inside block={block} desk={desk} />
    </li>
  );
}

function Inside({ block, desk }: { block: Block; desk: Desk }) {
  if (block.type === "columns")
    return (
      <div className="block-columns">
        {edit.insideOf(block).map(([container, blocks], at) => (
          <Blocks
            key={container}
            container={container}
            blocks={blocks}
            desk={desk}
            label={t("Column {number}", { number: at + 1 })}
          />
        ))}
      </div>
    );
  if (block.type !== "loop") return null;
  const [entries, none] = edit.insideOf(block);
  return (
    <Stack gap={4} mt={4}>
      {entries && <Blocks container={entries[0]} blocks={entries[1]} desk={desk} label={t("For each entry")} />}
      <Text size="xs" c="dimmed">
        {t("When the list is empty")}
      </Text>
      {none && <Blocks container={none[0]} blocks={none[1]} desk={desk} label={t("When the list is empty")} />}
    </Stack>
  );
}

function KeepDialog({ block, close }: { block: Block | null; close: () => void }) {
  const [name, setName] = useState("");
  const [busy, setBusy] = useState(false);
  const keep = async () => {
    if (!block || !name.trim()) return;
    setBusy(true);
    try {
      await call("POST /saved-blocks", { body: { name: name.trim(), blocks: [block] } });
      await queryClient.invalidateQueries();
      tellDone(t("Kept. It is under “Insert a block” now."));
      setName("");
      close();
    } catch (error) {
      tellFailure(error);
    } finally {
      setBusy(false);
    }
  };
  return (
    <Modal opened={block !== null} onClose={close} title={t("Keep for other mails")}>
      <form
        onSubmit={(event) => {
          event.preventDefault();
          void keep();
        }}
      >
        <Stack>
          <Text size="sm" c="dimmed">
            {t("Other mails get a copy. Changing it there changes nothing here.")}
          </Text>
          <TextInput
            label={t("Name")}
            value={name}
            onChange={(event) => setName(event.currentTarget.value)}
            required
            data-autofocus
          />
          <Group justify="flex-end">
            <Button type="submit" loading={busy} disabled={!name.trim()}>
              {t("Keep it")}
            </Button>
          </Group>
        </Stack>
      </form>
    </Modal>
  );
}
