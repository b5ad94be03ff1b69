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
import { IconClock, IconEye, IconGripVertical, IconPlus, IconTrash } from "@tabler/icons-react";
import { Link, useBlocker, useNavigate, useParams } from "@tanstack/react-router";
import { useDebouncedValue } from "@mantine/hooks";
import { keepPreviousData, useQuery } from "@tanstack/react-query";
import { useState } from "react";
import { type Answer, call } from "../../api.ts";
import { t, today } from "../../i18n.ts";
import { Failure, tellDone, tellFailure } from "../../kit/failures.tsx";
import { Empty } from "../../kit/list.tsx";
import { MailFrame } from "../../kit/mail-frame.tsx";
import { Page } from "../../kit/page.tsx";
import { nameLabel, Pick } from "../../kit/pick.tsx";
import { RowsSkeleton } from "../../kit/skeletons.tsx";
import type { StepTiming } from "../../kit/timing.tsx";
import { invalidate, useApi, useRead } from "../../queries.ts";
import { Publishing } from "./publish.tsx";
import { StepTimingFields } from "./step-timing.tsx";
import { TimingCard } from "./timing.tsx";

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
};

let made = 0;
const newKey = () => `new-${(made += 1)}`;

const draftsOf = ({ steps }: Campaign): Draft[] =>
  steps.map(({ id, emailTemplateId, emailTemplate, sendAfterDays, timeOfDay, expiresAfterDays, timing }) => ({
    key: String(id),
    id,
    emailTemplateId,
    emailTemplate,
    sendAfterDays,
    timeOfDay: timeOfDay?.slice(0, 5) ?? "",
    expiresAfterDays,
    timing,
  }));

/** The rows of a draft that somebody kept. */
const rowsOf = ({ content }: Answer<"GET /campaigns/:id/draft">, { steps }: Campaign): Draft[] =>
  content.steps.map(({ id, emailTemplateId, sendAfterDays, timeOfDay, expiresAfterDays, timing }) => ({
    key: id === undefined ? newKey() : String(id),
    id,
    emailTemplateId,
    emailTemplate:
      steps.find((step) => step.emailTemplateId === emailTemplateId)?.emailTemplate ??
      t("Template {id}", { id: emailTemplateId }),
    sendAfterDays,
    timeOfDay: timeOfDay?.slice(0, 5) ?? "",
    expiresAfterDays,
    timing: timing ?? null,
  }));

export default function SchedulePage() {
  const { id } = useParams({ strict: false }) as { id: string };
  const { data: campaign } = useRead("GET /campaigns/:id", { params: { id } });
  const { data: draft } = useRead("GET /campaigns/:id/draft", { params: { id } });
  const navigate = useNavigate();
  const [drafts, setDrafts] = useState(() => (draft.draft ? rowsOf(draft, campaign) : draftsOf(campaign)));
  const [start, setStart] = useState<string>(today());
  const [timing, setTiming] = useState(campaign.timing);
  const [person, setPerson] = useState<number | null>(null);
  const [shown, setShown] = useState<number | null>(null);
  const [publishing, setPublishing] = useState(false);
  const [busy, setBusy] = useState(false);
  const [saved, setSaved] = useState(false);
  const changed = JSON.stringify(drafts.map(bare)) !== JSON.stringify(draftsOf(campaign).map(bare));
  useBlocker({
    shouldBlockFn: () => changed && !saved && !window.confirm(t("Leave without saving the Schedule?")),
    enableBeforeUnload: () => changed && !saved,
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
    ({ id: stepId, emailTemplateId, sendAfterDays, timeOfDay, expiresAfterDays, timing: own }) => ({
      // What this page does not show stays as it is.
      ...(stepId === undefined ? {} : { ...draft.content.steps.find((step) => step.id === stepId), id: stepId }),
      emailTemplateId: emailTemplateId ?? 0,
      sendAfterDays,
      timeOfDay: timeOfDay || null,
      expiresAfterDays,
      timing: own,
    }),
  );
  const moments = useMoments(id, {
    startOn: start,
    personId: person,
    steps: steps.map((step) => ({ ...step, emailTemplateId: step.emailTemplateId || 1 })),
    timing,
  });
  const incomplete = drafts.some(({ emailTemplateId }) => emailTemplateId === null);
  const save = async () => {
    setBusy(true);
    try {
      await call("PUT /campaigns/:id/steps", { params: { id }, body: { steps } });
      setSaved(true);
      await invalidate("GET /campaigns/:id", "GET /campaigns", "GET /campaigns/:id/insights");
      tellDone(t("The Schedule is saved."));
      await navigate({ to: `/campaigns/${id}`, ignoreBlocker: true });
    } catch (error) {
      tellFailure(error);
    } finally {
      setBusy(false);
    }
  };
  /** Whoever is on their way is affected: kept as a draft, told what it does, published after a yes. */
  const review = async () => {
    setBusy(true);
    try {
      const { Scheduled, "In Progress": inProgress, Paused } = campaign.emailCampaigns;
      if (Scheduled + inProgress + Paused === 0) {
        await save();
        return;
      }
      await call("PUT /campaigns/:id/draft", { params: { id }, body: { steps }, ifMatch: `"${draft.changedAt}"` });
      await invalidate("GET /campaigns/:id/draft");
      setSaved(true);
      setPublishing(true);
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
      setDrafts(draftsOf(campaign));
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
            <Button size="xs" variant="default" onClick={() => void discard()}>
              {t("Throw the draft away")}
            </Button>
          </Group>
        </Alert>
      )}
      <TimingCard campaign={campaign} timing={timing} onChange={setTiming} />
      <Group align="flex-start">
        <DatePickerInput
          label={t("If somebody started on")}
          description={t("Only to see the dates below; nobody is started.")}
          value={start}
          onChange={(value) => setStart(value ?? today())}
          miw={280}
        />
        <Pick
          route="GET /leads"
          label={t("A Lead it would be")}
          description={t("With their time zone, country and dates.")}
          placeholder={t("Anybody in the workspace's time zone")}
          clearable
          labelOf={personLabel}
          value={person}
          onChange={setPerson}
          miw={300}
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
                  draft={draft}
                  position={at + 1}
                  leaves={moments?.[at] ?? null}
                  change={(changes) => change(draft.key, changes)}
                  remove={() => remove(draft.key)}
                  preview={() => setShown(draft.emailTemplateId)}
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
      <Modal opened={shown !== null} onClose={() => setShown(null)} size="xl" title={t("What it looks like")}>
        {shown !== null && <Preview id={shown} />}
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

const bare = ({ key: _key, emailTemplate: _name, ...draft }: Draft) => draft;

function StepRow({
  draft,
  position,
  leaves,
  change,
  remove,
  preview,
}: {
  draft: Draft;
  position: number;
  leaves: Moment | null;
  change: (changes: Partial<Draft>) => void;
  remove: () => void;
  preview: () => void;
}) {
  const [open, setOpen] = useState(false);
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
          <Button
            size="compact-xs"
            variant="subtle"
            aria-expanded={open}
            onClick={() => setOpen(!open)}
            leftSection={<IconClock size={14} />}
          >
            {draft.timing ? t("Own timing") : t("More timing")}
          </Button>
        </Group>
        {open && (
          <div style={{ paddingLeft: 44, paddingTop: 8 }}>
            <StepTimingFields value={draft.timing} onChange={(timing) => change({ timing })} />
          </div>
        )}
      </Card>
    </li>
  );
}

const personLabel = (row: Record<string, unknown>) => String(row["fullName"]);

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

function Preview({ id }: { id: number }) {
  const template = useApi("GET /email-templates/:id", { params: { id } });
  const content = template.data;
  const preview = useApiPreview(content);
  if (template.isError) return <Failure error={template.error} />;
  if (!content || !preview) return <RowsSkeleton />;
  return (
    <Stack>
      <Text fw={600}>{preview.subject}</Text>
      <MailFrame html={preview.html} title={t("The mail “{subject}”", { subject: preview.subject })} remote />
    </Stack>
  );
}

function useApiPreview(content: Answer<"GET /email-templates/:id"> | undefined) {
  const [found, setFound] = useState<{ of: number; answer: Answer<"POST /email-templates/preview"> } | null>(null);
  const [asked, setAsked] = useState<number | null>(null);
  if (content && asked !== content.id) {
    setAsked(content.id);
    const { subject, preheader, format, body, text } = content;
    void call("POST /email-templates/preview", { body: { subject, preheader, format, body, text } })
      .then((answer) => setFound({ of: content.id, answer }))
      .catch(tellFailure);
  }
  return found && found.of === content?.id ? found.answer : null;
}
