/** The Schedule of a Campaign: which mail after how many days. Says what a change does to those on their way before it is saved. */
import {
  ActionIcon,
  Alert,
  Button,
  Card,
  Group,
  Modal,
  NumberInput,
  Stack,
  Text,
  TextInput,
  Tooltip,
} from "@mantine/core";
import { DatePickerInput } from "@mantine/dates";
import {
  DndContext,
  type DragEndEvent,
  KeyboardSensor,
  PointerSensor,
  closestCenter,
  useSensor,
  useSensors,
} from "@dnd-kit/core";
import {
  arrayMove,
  SortableContext,
  sortableKeyboardCoordinates,
  useSortable,
  verticalListSortingStrategy,
} from "@dnd-kit/sortable";
import { CSS } from "@dnd-kit/utilities";
import {
  IconArrowsSplit2,
  IconClock,
  IconEye,
  IconFilter,
  IconGripVertical,
  IconPlus,
  IconTrash,
} from "@tabler/icons-react";
import { Link, useBlocker, useNavigate, useParams } from "@tanstack/react-router";
import { useDebouncedValue } from "@mantine/hooks";
import { keepPreviousData, useQuery } from "@tanstack/react-query";
import { lazy, Suspense, useState } from "react";
import { type Answer, call } from "../../api.ts";
import { t, today } from "../../i18n.ts";
import { tellDone, tellFailure } from "../../kit/failures.tsx";
import { Empty } from "../../kit/list.tsx";
import { Page } from "../../kit/page.tsx";
import { PickPerson } from "../../kit/pick-person.tsx";
import { nameLabel, Pick } from "../../kit/pick.tsx";
import { RowsSkeleton } from "../../kit/skeletons.tsx";
import { NO_TIMING, type StepTiming } from "../../kit/timing.tsx";
import { invalidate, useRead } from "../../queries.ts";
import type { StepConditions } from "./conditions/of-step.tsx";
import { canonical, isOpen } from "./conditions/rows.ts";
import type { Mail } from "./conditions/words.tsx";
import { ConditionLine, EndingsCard } from "./endings.tsx";
import { Publishing } from "./publish.tsx";
import { StepTimingFields } from "./step-timing.tsx";
import { type ScheduleSettings, TimingCard } from "./timing.tsx";
import { bare as asSent, editable, isOpen as isUnsaid, type StepVariants } from "./variants/rows.ts";

const StepPreview = lazy(() => import("./step-preview.tsx"));
const VariantFields = lazy(() => import("./variants/of-step.tsx"));
const StepConditionFields = lazy(() => import("./conditions/of-step.tsx"));

type Campaign = Answer<"GET /campaigns/:id">;
type Draft = {
  readonly key: string;
  readonly id: number | undefined;
  readonly emailTemplateId: number | null;
  readonly emailTemplate: string;
  readonly sendAfterDays: number;
  readonly timeOfDay: string;
  readonly expiresAfterDays: number | null;
  readonly timing: StepTiming | null;
  readonly variants: StepVariants | null;
} & StepConditions;

let made = 0;
const newKey = () => `new-${(made += 1)}`;

type Named = Answer<"GET /campaigns/:id/draft">["templates"];
const nameIn = (templates: Named) => (id: number) => templates.find((one) => one.id === id)?.name ?? "";

const draftsOf = ({ steps }: Campaign, templates: Named): Draft[] =>
  steps.map(({ id, emailTemplateId, emailTemplate, sendAfterDays, timeOfDay, expiresAfterDays, ...asked }) => ({
    key: String(id),
    id,
    emailTemplateId,
    emailTemplate,
    sendAfterDays,
    timeOfDay: timeOfDay?.slice(0, 5) ?? "",
    expiresAfterDays,
    timing: asked.timing,
    onlyIf: asked.onlyIf,
    stopIf: asked.stopIf,
    variants: editable(asked.variants, nameIn(templates)),
  }));

/** The rows of a draft that somebody kept. */
const rowsOf = ({ content, templates }: Answer<"GET /campaigns/:id/draft">): Draft[] =>
  content.steps.map(({ id, emailTemplateId, sendAfterDays, timeOfDay, expiresAfterDays, ...asked }) => ({
    key: id === undefined ? newKey() : String(id),
    id,
    emailTemplateId,
    emailTemplate: nameIn(templates)(emailTemplateId),
    sendAfterDays,
    timeOfDay: timeOfDay?.slice(0, 5) ?? "",
    expiresAfterDays,
    timing: asked.timing ?? null,
    onlyIf: asked.onlyIf ?? null,
    stopIf: asked.stopIf ?? null,
    variants: editable(asked.variants, nameIn(templates)),
  }));

type Settings = Answer<"GET /campaigns/:id/draft">["content"]["settings"];

const settingsOf = ({ timing, timeOfDay, expiresAfterDays, evergreen, stopIf, goal }: Settings): ScheduleSettings => ({
  timing: timing ?? null,
  timeOfDay: timeOfDay?.slice(0, 5) ?? "",
  expiresAfterDays: expiresAfterDays ?? null,
  evergreen: evergreen ?? false,
  stopIf: stopIf ?? null,
  goal: goal ?? null,
});

export default function SchedulePage() {
  const { id } = useParams({ strict: false }) as { id: string };
  const { data: campaign } = useRead("GET /campaigns/:id", { params: { id } });
  const { data: draft } = useRead("GET /campaigns/:id/draft", { params: { id } });
  const navigate = useNavigate();
  const [drafts, setDrafts] = useState(() => (draft.draft ? rowsOf(draft) : draftsOf(campaign, draft.templates)));
  const [start, setStart] = useState<string>(today());
  const [settings, setSettings] = useState(() => settingsOf(draft.content.settings));
  const [person, setPerson] = useState<number | null>(null);
  const [shown, setShown] = useState<string | null>(null);
  const [publishing, setPublishing] = useState(false);
  const [busy, setBusy] = useState(false);
  const isPublished =
    canonical(drafts.map(bare)) === canonical(draftsOf(campaign, draft.templates).map(bare)) &&
    isSame(settings, settingsOf(draft.published.settings));
  const isKept =
    canonical(drafts.map(bare)) === canonical(rowsOf(draft).map(bare)) &&
    isSame(settings, settingsOf(draft.content.settings));
  const changed = !isPublished;
  useBlocker({
    shouldBlockFn: () => !isKept && !window.confirm(t("Leave without saving the Schedule?")),
    enableBeforeUnload: () => !isKept,
  });
  const sensors = useSensors(
    useSensor(PointerSensor, { activationConstraint: { distance: 4 } }),
    useSensor(KeyboardSensor, { coordinateGetter: sortableKeyboardCoordinates }),
  );

  const change = (key: string, changes: Partial<Draft>) =>
    setDrafts(drafts.map((one) => (one.key === key ? { ...one, ...changes } : one)));
  const add = () => {
    const last = drafts.at(-1);
    setDrafts([
      ...drafts,
      {
        key: newKey(),
        id: undefined,
        emailTemplateId: null,
        emailTemplate: "",
        sendAfterDays: last ? last.sendAfterDays + 3 : 0,
        timeOfDay: "",
        expiresAfterDays: null,
        timing: null,
        onlyIf: null,
        stopIf: null,
        variants: null,
      },
    ]);
  };
  const remove = (key: string) => {
    const before = drafts;
    setDrafts(drafts.filter((one) => one.key !== key));
    tellDone(t("Removed from the Schedule."), () => setDrafts(before));
  };
  // The days belong to the places: whoever moves a mail up wants it sent earlier.
  const move = ({ active, over }: DragEndEvent) => {
    if (!over || active.id === over.id) return;
    const days = drafts.map(({ sendAfterDays }) => sendAfterDays);
    const from = drafts.findIndex(({ key }) => key === active.id);
    const to = drafts.findIndex(({ key }) => key === over.id);
    setDrafts(arrayMove(drafts, from, to).map((one, at) => ({ ...one, sendAfterDays: days[at] ?? one.sendAfterDays })));
  };
  const steps = drafts.map(
    ({
      id: stepId,
      emailTemplateId,
      sendAfterDays,
      timeOfDay,
      expiresAfterDays,
      timing: own,
      onlyIf,
      stopIf,
      variants,
    }) => ({
      // What this page does not show stays as it is.
      ...(stepId === undefined ? {} : { ...draft.content.steps.find((step) => step.id === stepId), id: stepId }),
      emailTemplateId: emailTemplateId ?? 0,
      sendAfterDays,
      timeOfDay: timeOfDay || null,
      expiresAfterDays,
      timing: own,
      onlyIf,
      stopIf,
      variants: asSent(variants),
    }),
  );
  const moments = useMoments(id, {
    startOn: start,
    personId: person,
    // Days do not hang on conditions and variants, and one that is being written would be refused.
    steps: steps.map((step) => ({
      ...step,
      emailTemplateId: step.emailTemplateId || 1,
      onlyIf: null,
      stopIf: null,
      variants: null,
    })),
    timing: settings.timing,
    timeOfDay: settings.timeOfDay || null,
  });
  const previewed = drafts.find(({ key, emailTemplateId }) => key === shown && emailTemplateId !== null);
  const incomplete =
    drafts.some(
      ({ emailTemplateId, onlyIf, stopIf, variants }) =>
        emailTemplateId === null || isOpen(onlyIf) || isOpen(stopIf) || isUnsaid(variants),
    ) ||
    isOpen(settings.stopIf) ||
    isOpen(settings.goal);
  const mails = drafts.flatMap(({ id: stepId, emailTemplate: name, sendAfterDays: day }) =>
    stepId === undefined ? [] : [{ id: stepId, name, day }],
  );
  /** Kept as a draft; where people have begun, published only after a look at what it does to them. */
  const review = async () => {
    setBusy(true);
    try {
      const kept = await call("PUT /campaigns/:id/draft", {
        params: { id },
        body: { steps, settings: { ...draft.content.settings, ...settings, timeOfDay: settings.timeOfDay || null } },
        ifMatch: `"${draft.changedAt}"`,
      });
      const { Scheduled, "In Progress": inProgress, Paused, Completed } = campaign.emailCampaigns;
      const begun = Scheduled + inProgress + Paused + Completed > 0;
      if (!begun && !kept.approvalNeeded) {
        await call("POST /campaigns/:id/draft/publication", { params: { id }, body: { choice: "everyone" } });
        tellDone(t("The Schedule is saved."));
      }
      await invalidate(
        "GET /campaigns/:id/draft",
        "GET /campaigns/:id",
        "GET /campaigns",
        "GET /campaigns/:id/insights",
        "GET /campaigns/:id/versions",
      );
      if (begun || kept.approvalNeeded) setPublishing(true);
      else await navigate({ to: `/campaigns/${id}`, ignoreBlocker: true });
    } catch (error) {
      tellFailure(error);
    } finally {
      setBusy(false);
    }
  };

  const discard = async () => {
    try {
      await call("DELETE /campaigns/:id/draft", { params: { id } });
      await invalidate("GET /campaigns/:id/draft");
      setDrafts(draftsOf(campaign, draft.templates));
      setSettings(settingsOf(draft.published.settings));
      tellDone(t("The draft is gone."));
    } catch (error) {
      tellFailure(error);
    }
  };

  return (
    <Page
      title={t("Schedule of “{name}”", { name: campaign.name })}
      hint={t("Which mail leaves how many days after the start. Drag to reorder; the days stay in their places.")}
      above={[
        [t("Campaigns"), "/campaigns"],
        [campaign.name, `/campaigns/${id}`],
      ]}
      actions={
        <>
          <Button variant="default" component={Link} to={`/campaigns/${id}`}>
            {t("Cancel")}
          </Button>
          <Button onClick={() => void review()} loading={busy} disabled={!changed || incomplete}>
            {t("Save the Schedule")}
          </Button>
        </>
      }
    >
      {draft.draft && (
        <Alert color="blue" title={t("This is a draft that is not published")}>
          {t("{name} changed it. What runs goes by the published Schedule.", { name: draft.draft.changedBy })}{" "}
          {draft.draft.outdated && t("Somebody published meanwhile: look at both before you save it again.")}
          <Group mt="xs">
            <Button size="xs" onClick={() => setPublishing(true)}>
              {t("See what it changes")}
            </Button>
            <Button size="xs" variant="default" onClick={() => void discard()}>
              {t("Throw the draft away")}
            </Button>
          </Group>
        </Alert>
      )}
      <TimingCard settings={settings} onChange={setSettings} />
      <EndingsCard campaignId={id} mails={mails} settings={settings} onChange={setSettings} />
      <Group align="flex-start">
        <DatePickerInput
          label={t("If somebody started on")}
          description={t("Only to see the dates below; nobody is started.")}
          value={start}
          onChange={(value) => setStart(value ?? today())}
          miw={280}
        />
        <PickPerson
          label={t("Somebody it would be")}
          description={t("With their time zone, country and dates.")}
          placeholder={t("Anybody in the workspace's time zone")}
          value={person}
          onChange={setPerson}
          miw={{ base: 0, xs: 300 }}
        />
      </Group>
      {drafts.length === 0 ? (
        <Empty title={t("No mails yet")} action={<Button onClick={add}>{t("Add the first mail")}</Button>}>
          {t("A mail on day 0 leaves at the start. Add a second one for day 3, and so on.")}
        </Empty>
      ) : (
        <DndContext sensors={sensors} collisionDetection={closestCenter} onDragEnd={move}>
          <SortableContext items={drafts.map(({ key }) => key)} strategy={verticalListSortingStrategy}>
            <Stack gap="sm" component="ol" style={{ listStyle: "none", margin: 0, padding: 0 }}>
              {drafts.map((draft, at) => (
                <StepRow
                  key={draft.key}
                  campaignId={id}
                  mails={mails}
                  draft={draft}
                  position={at + 1}
                  leaves={moments?.[at] ?? null}
                  change={(changes) => change(draft.key, changes)}
                  remove={() => remove(draft.key)}
                  preview={() => setShown(draft.key)}
                />
              ))}
            </Stack>
          </SortableContext>
        </DndContext>
      )}
      {drafts.length > 0 && (
        <Group>
          <Button variant="light" leftSection={<IconPlus size={16} />} onClick={add}>
            {t("Add a mail")}
          </Button>
          <Button variant="subtle" component={Link} to="/email-templates/new">
            {t("Write a new template")}
          </Button>
        </Group>
      )}
      <Modal opened={previewed !== undefined} onClose={() => setShown(null)} size="xl" title={t("What it looks like")}>
        {previewed && (
          <Suspense fallback={<RowsSkeleton />}>
            <StepPreview
              emailTemplateId={previewed.emailTemplateId ?? 0}
              variants={previewed.variants}
              campaignName={campaign.name}
              personId={person}
              moment={moments?.[drafts.indexOf(previewed)] ?? null}
            />
          </Suspense>
        )}
      </Modal>
      <Modal opened={publishing} onClose={() => setPublishing(false)} size="xl" title={t("What this changes")}>
        {publishing && (
          <Publishing
            id={id}
            close={() => setPublishing(false)}
            done={() => navigate({ to: `/campaigns/${id}`, ignoreBlocker: true })}
          />
        )}
      </Modal>
    </Page>
  );
}

const isSame = (one: ScheduleSettings, other: ScheduleSettings) => {
  const flat = ({ timing, ...rest }: ScheduleSettings) => canonical({ ...rest, ...NO_TIMING, ...timing });
  return flat(one) === flat(other);
};

const bare = ({ key: _key, emailTemplate: _name, variants, ...draft }: Draft) => ({
  ...draft,
  variants: asSent(variants),
});

function StepRow({
  campaignId,
  mails,
  draft,
  position,
  leaves,
  change,
  remove,
  preview,
}: {
  campaignId: string;
  mails: readonly Mail[];
  draft: Draft;
  position: number;
  leaves: Moment | null;
  change: (changes: Partial<Draft>) => void;
  remove: () => void;
  preview: () => void;
}) {
  const [open, setOpen] = useState<Part | null>(null);
  const toggle = (part: Part) => setOpen(open === part ? null : part);
  const { attributes, listeners, setNodeRef, transform, transition, isDragging } = useSortable({ id: draft.key });
  return (
    <li
      ref={setNodeRef}
      style={{
        transform: CSS.Transform.toString(transform),
        transition,
        zIndex: isDragging ? 2 : undefined,
        position: "relative",
      }}
    >
      <Card padding="sm" aria-label={t("Step {position}", { position })} component="section">
        <Group gap="sm" align="flex-end">
          <ActionIcon
            {...attributes}
            {...listeners}
            size="lg"
            aria-label={t("Move step {position}", { position })}
            style={{ cursor: "grab", touchAction: "none" }}
          >
            <IconGripVertical size={18} />
          </ActionIcon>
          <NumberInput
            label={t("Send after (days)")}
            w={140}
            min={0}
            max={3650}
            allowDecimal={false}
            value={draft.sendAfterDays}
            onChange={(value) => change({ sendAfterDays: Number(value) || 0 })}
          />
          <Pick
            route="GET /email-templates"
            label={t("Email Template")}
            placeholder={t("Choose a template")}
            labelOf={nameLabel}
            value={draft.emailTemplateId}
            chosenLabel={draft.emailTemplate}
            onChange={(emailTemplateId, row) => change({ emailTemplateId, emailTemplate: row ? nameLabel(row) : "" })}
            flex={1}
            miw={200}
          />
          <TextInput
            type="time"
            label={t("Time of day")}
            w={130}
            value={draft.timeOfDay}
            onChange={(event) => change({ timeOfDay: event.currentTarget.value })}
          />
          <Group gap={2}>
            <Tooltip label={t("Preview")}>
              <ActionIcon
                size="lg"
                disabled={draft.emailTemplateId === null}
                onClick={preview}
                aria-label={t("Preview of step {position}", { position })}
              >
                <IconEye size={18} />
              </ActionIcon>
            </Tooltip>
            <Tooltip label={t("Remove")}>
              <ActionIcon size="lg" color="red" onClick={remove} aria-label={t("Remove step {position}", { position })}>
                <IconTrash size={18} />
              </ActionIcon>
            </Tooltip>
          </Group>
        </Group>
        <Group justify="space-between" mt={6} pl={44} gap="xs">
          <Text size="xs" c="dimmed" aria-live="polite">
            {leaves?.at ? t("Leaves {when}", { when: leaves.text }) : leaves?.text}
            {leaves?.moved && <> · {leaves.moved}</>}
          </Text>
          <Group gap={4}>
            <Button
              size="compact-xs"
              variant="subtle"
              aria-expanded={open === "variants"}
              onClick={() => toggle("variants")}
              leftSection={<IconArrowsSplit2 size={14} />}
            >
              {draft.variants ? t("{count} variants", { count: draft.variants.others.length + 1 }) : t("Variants")}
            </Button>
            <Button
              size="compact-xs"
              variant="subtle"
              aria-expanded={open === "conditions"}
              onClick={() => toggle("conditions")}
              leftSection={<IconFilter size={14} />}
            >
              {t("Conditions")}
            </Button>
            <Button
              size="compact-xs"
              variant="subtle"
              aria-expanded={open === "timing"}
              onClick={() => toggle("timing")}
              leftSection={<IconClock size={14} />}
            >
              {draft.timing ? t("Own timing") : t("More timing")}
            </Button>
          </Group>
        </Group>
        {open !== "conditions" && (draft.onlyIf ?? draft.stopIf) && (
          <div style={BELOW}>
            <ConditionLine label={t("Only if")} condition={draft.onlyIf} mails={mails} />
            <ConditionLine label={t("Stop if")} condition={draft.stopIf} mails={mails} />
          </div>
        )}
        {open === "timing" && (
          <div style={BELOW}>
            <StepTimingFields value={draft.timing} onChange={(timing) => change({ timing })} />
          </div>
        )}
        {open === "variants" && (
          <div style={{ paddingTop: 8 }}>
            <Suspense fallback={<RowsSkeleton count={2} />}>
              <VariantFields
                campaignId={campaignId}
                emailTemplateId={draft.emailTemplateId}
                value={draft.variants}
                onChange={(variants) => change({ variants })}
              />
            </Suspense>
          </div>
        )}
        {open === "conditions" && (
          <div style={{ paddingTop: 8 }}>
            <Suspense fallback={<RowsSkeleton count={2} />}>
              <StepConditionFields campaignId={campaignId} mails={mails} value={draft} onChange={change} />
            </Suspense>
          </div>
        )}
      </Card>
    </li>
  );
}

type Part = "timing" | "conditions" | "variants";

const BELOW = { paddingLeft: 44, paddingTop: 8 } as const;

type Moment = Answer<"POST /campaigns/:id/timing/preview">["steps"][number];

/** When each step would leave, asked a moment after the last change; the answer before stands meanwhile. */
function useMoments(id: string, asked: Parameters<typeof momentsOf>[1]): readonly Moment[] | null {
  const [wanted] = useDebouncedValue(JSON.stringify(asked), 300);
  const found = useQuery({
    queryKey: ["timing preview", id, wanted],
    queryFn: () => momentsOf(id, JSON.parse(wanted) as typeof asked),
    placeholderData: keepPreviousData,
    retry: false,
  });
  return found.data ?? null;
}

async function momentsOf(
  id: string,
  body: NonNullable<Parameters<typeof call<"POST /campaigns/:id/timing/preview">>[1]>["body"],
) {
  return (await call("POST /campaigns/:id/timing/preview", { params: { id }, body })).steps;
}
