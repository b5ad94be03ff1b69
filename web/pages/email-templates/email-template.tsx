/** Writing a template: code left, the mail as it will look right. What others saved meanwhile is never overwritten unasked. */
import {
  Alert,
  Badge,
  Button,
  Card,
  Drawer,
  Grid,
  Group,
  Modal,
  SegmentedControl,
  Skeleton,
  Stack,
  Text,
  Textarea,
  TextInput,
} from "@mantine/core";
import { useDebouncedValue, useHotkeys } from "@mantine/hooks";
import { IconDeviceFloppy, IconHistory, IconSend } from "@tabler/icons-react";
import { useQuery } from "@tanstack/react-query";
import { useBlocker, useNavigate, useParams, useSearch } from "@tanstack/react-router";
import { lazy, type Ref, Suspense, useCallback, useEffect, useMemo, useRef, useState } from "react";
import { type Answer, call, Problem } from "../../api.ts";
import { t } from "../../i18n.ts";
import type { EditorHandle } from "../../kit/code-editor.tsx";
import { tellDone, tellFailure } from "../../kit/failures.tsx";
import { Page } from "../../kit/page.tsx";
import { queryClient, useApi, useRead } from "../../queries.ts";
import { useMay, useMayChange } from "../../session.tsx";
import { Checks, type Whom } from "./checks.tsx";
import { type Place, Preview } from "./preview.tsx";
import type { BlocksHandle } from "./blocks/blocks-editor.tsx";
import { TestSend } from "./test-send.tsx";
import { VariableMenu } from "./variable-menu.tsx";
import { Versions } from "./versions.tsx";

const CodeEditor = lazy(() => import("../../kit/code-editor.tsx"));
const BlocksEditor = lazy(() => import("./blocks/blocks-editor.tsx"));
const SwitchFormat = lazy(() => import("./blocks/switch-format.tsx"));

type Template = Answer<"GET /email-templates/:id">;
type Format = Template["format"];
type Draft = { name: string; subject: string; preheader: string; format: Format; body: string; text: string };

const BEGINNING: Draft = {
  name: "",
  subject: "",
  preheader: "",
  format: "markdown",
  body: 'Hello {{ first_name | default("there") }},\n\n\n\nKind regards\n',
  text: "",
};

export default function EmailTemplatePage() {
  const { id } = useParams({ strict: false }) as { id: string };
  return id === "new" ? <Editor key="new" template={null} /> : <Existing key={id} id={id} />;
}

function Existing({ id }: { id: string }) {
  const { data } = useRead("GET /email-templates/:id", { params: { id } });
  return <Editor template={data} />;
}

const draftOf = (template: Template | null): Draft =>
  template
    ? {
        name: template.name,
        subject: template.subject,
        preheader: template.preheader ?? "",
        format: template.format,
        body: template.body,
        text: template.text ?? "",
      }
    : BEGINNING;

const isLater = (one: string, other: string) => new Date(one).getTime() > new Date(other).getTime();
const same = (one: Draft, other: Draft) => JSON.stringify(one) === JSON.stringify(other);

const contentOf = ({ subject, preheader, format, body, text }: Draft) => ({
  subject,
  preheader: preheader || null,
  format,
  body,
  text: text || null,
});

/** A value once it has stayed the same for a while. By its content: an object is another one at every turn, and would never stay. */
function useSettled<Value extends object>(value: Value, waitMs: number): Value {
  const [text] = useDebouncedValue(JSON.stringify(value), waitMs);
  return useMemo(() => JSON.parse(text) as Value, [text]);
}

function Editor({ template }: { template: Template | null }) {
  // What the draft began from. The newest known may be newer: somebody else writes here too.
  const [base, setBase] = useState(template);
  const [draft, setDraft] = useState(() => draftOf(template));
  const [personId, setPersonId] = useState<number | null>(null);
  const [busy, setBusy] = useState(false);
  const [history, setHistory] = useState(false);
  const [testing, setTesting] = useState(false);
  const [fault, setFault] = useState<Problem | null>(null);
  const leaving = useRef(false);
  const editor = useRef<EditorHandle & Partial<BlocksHandle>>(null);
  const search = useSearch({ strict: false });
  const [switching, setSwitching] = useState<Format | null>(
    template === null && search["format"] === "blocks" ? "blocks" : null,
  );
  // What was written in each format in this window: nothing is lost by looking at another one.
  const kept = useRef<Partial<Record<Format, string>>>({});
  const subject = useRef<HTMLInputElement>(null);
  const preheader = useRef<HTMLInputElement>(null);
  const plainText = useRef<HTMLTextAreaElement>(null);
  const [writingIn, setWritingIn] = useState<"subject" | "preheader" | "body">("body");
  const navigate = useNavigate();
  const may = useMay();
  const mayChange = useMayChange();
  const variables = useApi("GET /template-variables").data?.data ?? [];
  const writable = template ? mayChange(template) : may("user");
  const changed = !same(draft, draftOf(base));
  const set = (changes: Partial<Draft>) => setDraft((before) => ({ ...before, ...changes }));

  const changeBody = useCallback((body: string) => setDraft((before) => ({ ...before, body })), []);
  const writeBody = useCallback(() => setWritingIn("body"), []);

  const begin = (from: Template) => {
    setBase(from);
    setDraft(draftOf(from));
    setFault(null);
    editor.current?.replace(from.body);
  };
  useEffect(() => {
    if (template && base && isLater(template.changedAt, base.changedAt) && !changed && !busy) begin(template);
  });

  const [on, setOn] = useState<string | null>(null);
  const asked = useSettled({ ...contentOf(draft), personId, on }, 350);
  const preview = useQuery({
    queryKey: ["POST /email-templates/preview", asked],
    queryFn: ({ signal }) =>
      call("POST /email-templates/preview", { body: { ...asked, subject: asked.subject.trim() || "–" }, signal }),
    placeholderData: (former) => former,
    retry: false,
  });

  const [whom, setWhom] = useState<Whom>({ campaignId: null, emailGroupId: null });
  const [spamOf, setSpamOf] = useState<string | null>(null);
  const toCheck = useSettled({ ...contentOf(draft), personId, ...whom }, 1000);
  // SpamAssassin is asked for what stands there now, not for each word that follows.
  const spam = spamOf === JSON.stringify(toCheck);
  const checks = useQuery({
    queryKey: ["POST /email-templates/check", toCheck, spam],
    queryFn: ({ signal }) =>
      call("POST /email-templates/check", {
        body: { ...toCheck, subject: toCheck.subject.trim() || "–", spam },
        signal,
      }),
    placeholderData: (former) => former,
    retry: false,
  });

  /** Saves; over what somebody else saved meanwhile only when told to. */
  const save = async (over = false): Promise<boolean> => {
    if (busy) return false;
    setBusy(true);
    setFault(null);
    try {
      const body = { name: draft.name, ...contentOf(draft) };
      if (base) {
        const saved = await call("PATCH /email-templates/:id", {
          params: { id: base.id },
          body,
          ...(over ? {} : { ifMatch: `"${base.changedAt}"` }),
        });
        queryClient.setQueryData(["GET /email-templates/:id", { id: String(base.id) }, {}], saved);
        setBase(saved);
        // What was typed while it was being saved stays, unsaved.
        setDraft((now) => (same(now, draft) ? draftOf(saved) : now));
        void queryClient.invalidateQueries();
        tellDone(
          saved.versionNumber === base.versionNumber
            ? t("Saved.")
            : t("Saved as version {number}.", { number: saved.versionNumber }),
        );
      } else {
        const made = await call("POST /email-templates", { body });
        leaving.current = true;
        void queryClient.invalidateQueries();
        tellDone(t("The template is saved."));
        await navigate({ to: `/email-templates/${made.id}`, replace: true, ignoreBlocker: true });
      }
      return true;
    } catch (error) {
      if (error instanceof Problem) setFault(error);
      else tellFailure(error);
      return false;
    } finally {
      setBusy(false);
    }
  };
  // In the code editor too, hence the last argument.
  useHotkeys([["mod+S", () => void (writable && changed && save())]], [], true);

  const blocker = useBlocker({
    shouldBlockFn: () => changed && writable && !leaving.current,
    enableBeforeUnload: () => changed && writable && !leaving.current,
    withResolver: true,
  });

  const faultAt = (field: keyof Draft) =>
    fault?.errors.find(({ pointer }) => pointer === `/${field}` || pointer.startsWith(`/${field}/`))?.detail;
  const writeIn = (format: Format, body: string) => {
    kept.current[draft.format] = draft.body;
    // Between two code formats the editor stays; to and from blocks another one begins with the body.
    if (format !== "blocks" && draft.format !== "blocks") editor.current?.replace(body);
    set({ format, body });
    setSwitching(null);
  };
  const goTo = ({ field, line, column, block }: Place) => {
    if (field === "subject") subject.current?.focus();
    else if (field === "preheader") preheader.current?.focus();
    else if (field === "text") plainText.current?.focus();
    else if (block && editor.current?.goToBlock) editor.current.goToBlock(block);
    else editor.current?.goTo(line ?? 1, column ?? 1);
  };
  const insert = (text: string) => {
    const input = writingIn === "subject" ? subject.current : writingIn === "preheader" ? preheader.current : null;
    if (writingIn === "body" || !input) return editor.current?.insert(text);
    const [start, end] = [input.selectionStart ?? input.value.length, input.selectionEnd ?? input.value.length];
    set({ [writingIn]: input.value.slice(0, start) + text + input.value.slice(end) });
    requestAnimationFrame(() => {
      input.focus();
      input.setSelectionRange(start + text.length, start + text.length);
    });
  };

  return (
    <Page
      title={base ? base.name : t("New Email Template")}
      above={[[t("Email Templates"), "/email-templates"]]}
      badge={
        base && (
          <>
            <Badge color="gray">{t("Version {number}", { number: base.versionNumber })}</Badge>
            {changed && writable && <Badge color="orange">{t("Not saved yet")}</Badge>}
          </>
        )
      }
      actions={
        <>
          {base && (
            <Button variant="subtle" leftSection={<IconHistory size={16} />} onClick={() => setHistory(true)}>
              {t("Versions")}
            </Button>
          )}
          {may("user") && (
            <Button variant="default" leftSection={<IconSend size={16} />} onClick={() => setTesting(true)}>
              {t("Send a test")}
            </Button>
          )}
          {writable && (
            <Button
              leftSection={<IconDeviceFloppy size={16} />}
              loading={busy}
              disabled={!changed}
              onClick={() => void save()}
              aria-keyshortcuts="Control+S Meta+S"
            >
              {t("Save")}
            </Button>
          )}
        </>
      }
    >
      {fault?.code === "changed-meanwhile" ? (
        <Alert color="orange" role="alert" title={t("Somebody else saved this template while you were writing")}>
          <Stack gap="sm" align="flex-start">
            <Text size="sm">{t("Both stay: the one that is saved later becomes the newest version.")}</Text>
            <Group gap="xs">
              <Button size="xs" onClick={() => void save(true)}>
                {t("Save mine as the newest")}
              </Button>
              <Button
                size="xs"
                variant="default"
                onClick={() =>
                  void call("GET /email-templates/:id", { params: { id: base?.id ?? 0 } })
                    .then(begin)
                    .catch(tellFailure)
                }
              >
                {t("Drop mine and show theirs")}
              </Button>
            </Group>
          </Stack>
        </Alert>
      ) : (
        fault && (
          <Alert color="red" role="alert" title={t("Not saved")}>
            {fault.message}
          </Alert>
        )
      )}
      <Grid gap="lg">
        <Grid.Col span={{ base: 12, lg: 6 }}>
          <Card>
            <Stack gap="sm">
              <TextInput
                label={t("Name")}
                required
                readOnly={!writable}
                value={draft.name}
                onChange={(event) => set({ name: event.currentTarget.value })}
                error={faultAt("name")}
              />
              <TextInput
                ref={subject}
                label={t("Subject")}
                required
                readOnly={!writable}
                value={draft.subject}
                onFocus={() => setWritingIn("subject")}
                onChange={(event) => set({ subject: event.currentTarget.value })}
                error={faultAt("subject")}
              />
              <TextInput
                ref={preheader}
                label={t("Preheader")}
                description={t("What mail programs show beside the subject.")}
                readOnly={!writable}
                value={draft.preheader}
                onFocus={() => setWritingIn("preheader")}
                onChange={(event) => set({ preheader: event.currentTarget.value })}
                error={faultAt("preheader")}
              />
              <Group justify="space-between" align="flex-end" gap="xs">
                <SegmentedControl
                  aria-label={t("Format")}
                  value={draft.format}
                  readOnly={!writable}
                  onChange={(format) => format !== draft.format && setSwitching(format)}
                  data={[
                    { value: "blocks", label: t("Blocks") },
                    { value: "markdown", label: "Markdown" },
                    { value: "mjml", label: "MJML" },
                    { value: "html", label: "HTML" },
                  ]}
                />
                {writable && (draft.format !== "blocks" || writingIn !== "body") && (
                  <VariableMenu variables={variables} insert={insert} />
                )}
              </Group>
              <Suspense fallback={<Skeleton height={460} />}>
                {draft.format === "blocks" ? (
                  <BlocksEditor
                    ref={editor as Ref<BlocksHandle>}
                    initial={draft.body}
                    onChange={changeBody}
                    onFocus={writeBody}
                    variables={variables}
                    readOnly={!writable}
                    label={t("Body of the mail")}
                  />
                ) : (
                  <CodeEditor
                    ref={editor as Ref<EditorHandle>}
                    initial={draft.body}
                    onChange={changeBody}
                    onFocus={writeBody}
                    format={draft.format}
                    variables={variables}
                    readOnly={!writable}
                    label={t("Body of the mail")}
                  />
                )}
              </Suspense>
              <Textarea
                ref={plainText}
                label={t("Plain text (optional)")}
                description={t("Made from the body when empty.")}
                autosize
                minRows={2}
                maxRows={12}
                readOnly={!writable}
                value={draft.text}
                onChange={(event) => set({ text: event.currentTarget.value })}
                error={faultAt("text")}
              />
            </Stack>
          </Card>
        </Grid.Col>
        <Grid.Col span={{ base: 12, lg: 6 }}>
          <Preview
            preview={preview.data}
            error={preview.error}
            goTo={goTo}
            personId={personId}
            choose={setPersonId}
            on={on}
            setOn={setOn}
            findings={checks.data?.findings.filter(({ severity }) => severity !== "hint").length ?? 0}
            checks={
              <Checks
                checked={checks.data}
                error={checks.error}
                goTo={goTo}
                whom={whom}
                setWhom={setWhom}
                askSpam={() => setSpamOf(JSON.stringify(toCheck))}
                asking={spam && checks.isFetching}
              />
            }
          />
        </Grid.Col>
      </Grid>
      <Drawer opened={history} onClose={() => setHistory(false)} position="right" size="xl" title={t("Versions")}>
        {history && base && (
          <Versions
            template={base}
            restored={(saved) => {
              begin(saved);
              queryClient.setQueryData(["GET /email-templates/:id", { id: String(saved.id) }, {}], saved);
              void queryClient.invalidateQueries();
            }}
            writable={writable}
            unsaved={changed}
          />
        )}
      </Drawer>
      <Suspense fallback={null}>
        {switching && (
          <SwitchFormat
            to={switching}
            from={draft.format}
            body={draft.body}
            before={kept.current[switching]}
            saved={base && base.body === draft.body && base.format === draft.format ? base.versionNumber : null}
            isNew={base === null && draft.body === BEGINNING.body}
            templateId={base?.id ?? null}
            close={() => setSwitching(null)}
            take={writeIn}
          />
        )}
      </Suspense>
      <Modal opened={testing} onClose={() => setTesting(false)} title={t("Send a test")}>
        {testing && <TestSend content={contentOf(draft)} personId={personId} done={() => setTesting(false)} />}
      </Modal>
      <Modal
        opened={blocker.status === "blocked"}
        onClose={() => blocker.reset?.()}
        title={t("Leave without saving the template?")}
      >
        <Stack>
          <Text size="sm">{t("What you wrote since the last save would be lost.")}</Text>
          <Group justify="flex-end" gap="xs">
            <Button variant="subtle" color="red" onClick={() => blocker.proceed?.()}>
              {t("Leave without saving")}
            </Button>
            <Button variant="default" onClick={() => blocker.reset?.()} data-autofocus>
              {t("Keep writing")}
            </Button>
          </Group>
        </Stack>
      </Modal>
    </Page>
  );
}
