/** Writing a template: code left, the mail as it will look right, for whomever it is shown. */
import {
  Alert,
  Badge,
  Button,
  Card,
  Code,
  Drawer,
  Grid,
  Group,
  Menu,
  Modal,
  ScrollArea,
  SegmentedControl,
  Select,
  Skeleton,
  Stack,
  Tabs,
  Text,
  Textarea,
  TextInput,
  UnstyledButton,
} from "@mantine/core";
import { useDebouncedValue, useHotkeys } from "@mantine/hooks";
import { IconBraces, IconDeviceFloppy, IconHistory, IconSend } from "@tabler/icons-react";
import { useQuery } from "@tanstack/react-query";
import { useBlocker, useNavigate, useParams } from "@tanstack/react-router";
import { lazy, Suspense, useRef, useState } from "react";
import { type Answer, call, Problem } from "../../api.ts";
import { formatNumber, t } from "../../i18n.ts";
import { tellDone, tellFailure } from "../../kit/failures.tsx";
import type { EditorHandle } from "../../kit/code-editor.tsx";
import { MailFrame } from "../../kit/mail-frame.tsx";
import { Page } from "../../kit/page.tsx";
import { personLabel, Pick, senderLabel } from "../../kit/pick.tsx";
import { Moment } from "../../kit/words.tsx";
import { queryClient, useApi, useRead } from "../../queries.ts";
import { useMay, useMayChange } from "../../session.tsx";

const CodeEditor = lazy(() => import("../../kit/code-editor.tsx"));
const Difference = lazy(() => import("../../kit/difference.tsx"));

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

function Editor({ template }: { template: Template | null }) {
  const [draft, setDraft] = useState(() => draftOf(template));
  const [personId, setPersonId] = useState<number | null>(null);
  const [busy, setBusy] = useState(false);
  const [history, setHistory] = useState(false);
  const [testing, setTesting] = useState(false);
  const [fault, setFault] = useState<Problem | null>(null);
  const leaving = useRef(false);
  const editor = useRef<EditorHandle>(null);
  const navigate = useNavigate();
  const may = useMay();
  const mayChange = useMayChange();
  const variables = useApi("GET /template-variables");
  const names = (variables.data?.data ?? []).map(({ name, label }) => ({ name, label }));
  const writable = template ? mayChange(template) : may("user");
  const changed = JSON.stringify(draft) !== JSON.stringify(draftOf(template));
  const set = (changes: Partial<Draft>) => setDraft((before) => ({ ...before, ...changes }));
  const content = {
    subject: draft.subject || " ",
    preheader: draft.preheader || null,
    format: draft.format,
    body: draft.body,
    text: draft.text || null,
  };
  const [asked] = useDebouncedValue({ ...content, personId }, 350);
  const preview = useQuery({
    queryKey: ["POST /email-templates/preview", asked],
    queryFn: () => call("POST /email-templates/preview", { body: { ...asked, subject: asked.subject.trim() || "–" } }),
    placeholderData: (former) => former,
  });

  useBlocker({
    shouldBlockFn: () => changed && !leaving.current && !window.confirm(t("Leave without saving the template?")),
    enableBeforeUnload: () => changed && !leaving.current,
  });

  const save = async () => {
    if (busy) return;
    setBusy(true);
    setFault(null);
    try {
      const body = { name: draft.name, ...content, subject: draft.subject };
      if (template) {
        const saved = await call("PATCH /email-templates/:id", { params: { id: template.id }, body });
        queryClient.setQueryData(["GET /email-templates/:id", { id: String(template.id) }, {}], saved);
        setDraft(draftOf(saved));
        await queryClient.invalidateQueries();
        tellDone(t("Saved as version {number}.", { number: saved.versionNumber }));
      } else {
        const made = await call("POST /email-templates", { body });
        leaving.current = true;
        await queryClient.invalidateQueries();
        tellDone(t("The template is saved."));
        await navigate({ to: `/email-templates/${made.id}`, replace: true, ignoreBlocker: true });
      }
    } catch (error) {
      if (error instanceof Problem) setFault(error);
      else tellFailure(error);
    } finally {
      setBusy(false);
    }
  };
  useHotkeys([["mod+S", () => void (writable && save())]], []);
  const faultAt = (pointer: string) => fault?.errors.find((one) => one.pointer.startsWith(pointer))?.detail;

  return (
    <Page
      title={template ? template.name : t("New Email Template")}
      above={[[t("Email Templates"), "/email-templates"]]}
      badge={template && <Badge color="gray">{t("Version {number}", { number: template.versionNumber })}</Badge>}
      actions={
        <>
          {template && (
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
            >
              {t("Save")}
            </Button>
          )}
        </>
      }
    >
      {fault && (
        <Alert color="red" role="alert" title={t("Not saved")}>
          {fault.message}
        </Alert>
      )}
      <Grid gap="lg">
        <Grid.Col span={{ base: 12, lg: 6 }}>
          <Card>
            <Stack gap="sm">
              <TextInput
                label={t("Name")}
                required
                value={draft.name}
                onChange={(event) => set({ name: event.currentTarget.value })}
                error={faultAt("/name")}
              />
              <TextInput
                label={t("Subject")}
                required
                value={draft.subject}
                onChange={(event) => set({ subject: event.currentTarget.value })}
                error={faultAt("/subject")}
              />
              <TextInput
                label={t("Preheader")}
                description={t("What mail programs show beside the subject.")}
                value={draft.preheader}
                onChange={(event) => set({ preheader: event.currentTarget.value })}
                error={faultAt("/preheader")}
              />
              <Group justify="space-between" align="flex-end">
                <SegmentedControl
                  aria-label={t("Format")}
                  value={draft.format}
                  onChange={(format) => set({ format: format as Format })}
                  data={[
                    { value: "markdown", label: "Markdown" },
                    { value: "mjml", label: "MJML" },
                    { value: "html", label: "HTML" },
                  ]}
                />
                <Menu position="bottom-end" width={300}>
                  <Menu.Target>
                    <Button variant="default" size="xs" leftSection={<IconBraces size={14} />}>
                      {t("Insert a variable")}
                    </Button>
                  </Menu.Target>
                  <Menu.Dropdown>
                    <ScrollArea.Autosize mah={320}>
                      {names.map(({ name, label }) => (
                        <Menu.Item key={name} onClick={() => editor.current?.insert(`{{ ${name} }}`)}>
                          <Text size="sm">{label}</Text>
                          <Text size="xs" c="dimmed" ff="monospace">
                            {`{{ ${name} }}`}
                          </Text>
                        </Menu.Item>
                      ))}
                    </ScrollArea.Autosize>
                  </Menu.Dropdown>
                </Menu>
              </Group>
              <Suspense fallback={<Skeleton height={460} />}>
                <CodeEditor
                  ref={editor}
                  value={draft.body}
                  onChange={(body) => set({ body })}
                  format={draft.format}
                  variables={names}
                  label={t("Body of the mail")}
                />
              </Suspense>
              <Problems preview={preview.data} goTo={(line, column) => editor.current?.goTo(line, column)} />
              <Textarea
                label={t("Plain text (optional)")}
                description={t("Made from the body when empty.")}
                autosize
                minRows={2}
                maxRows={12}
                value={draft.text}
                onChange={(event) => set({ text: event.currentTarget.value })}
              />
            </Stack>
          </Card>
        </Grid.Col>
        <Grid.Col span={{ base: 12, lg: 6 }}>
          <Preview preview={preview.data} personId={personId} choose={setPersonId} />
        </Grid.Col>
      </Grid>
      <Drawer opened={history} onClose={() => setHistory(false)} position="right" size="xl" title={t("Versions")}>
        {history && template && (
          <Versions template={template} restored={(saved) => setDraft(draftOf(saved))} writable={writable} />
        )}
      </Drawer>
      <Modal opened={testing} onClose={() => setTesting(false)} title={t("Send a test")}>
        {testing && (
          <TestSend
            content={{ ...content, subject: draft.subject }}
            personId={personId}
            done={() => setTesting(false)}
          />
        )}
      </Modal>
    </Page>
  );
}

type Rendered = Answer<"POST /email-templates/preview">;

function Problems({ preview, goTo }: { preview: Rendered | undefined; goTo: (line: number, column: number) => void }) {
  if (!preview || preview.problems.length === 0) return null;
  return (
    <Stack gap={4} role="status">
      {preview.problems.slice(0, 20).map(({ severity, text, field, line, column }) => (
        <UnstyledButton
          key={`${text}-${line}-${column}`}
          disabled={line === null || field !== "body"}
          onClick={() => goTo(line ?? 1, column ?? 1)}
        >
          <Group gap="xs" wrap="nowrap" align="flex-start">
            <Badge color={severity === "error" ? "red" : "orange"}>
              {severity === "error" ? t("Error") : t("Warning")}
            </Badge>
            <Text size="sm">
              {line !== null && `${t("Line {line}", { line })}: `}
              {text}
            </Text>
          </Group>
        </UnstyledButton>
      ))}
    </Stack>
  );
}

function Preview({
  preview,
  personId,
  choose,
}: {
  preview: Rendered | undefined;
  personId: number | null;
  choose: (id: number | null) => void;
}) {
  const [width, setWidth] = useState("600");
  const [scheme, setScheme] = useState<"light" | "dark">("light");
  return (
    <Card component="section" aria-label={t("Preview")} pos="sticky" top={72}>
      <Stack gap="sm">
        <Group justify="space-between">
          <Group gap="xs">
            <SegmentedControl
              size="xs"
              aria-label={t("Width")}
              value={width}
              onChange={setWidth}
              data={[
                { value: "600", label: t("Desktop") },
                { value: "375", label: t("Phone") },
              ]}
            />
            <SegmentedControl
              size="xs"
              aria-label={t("Colours of the mail program")}
              value={scheme}
              onChange={(value) => setScheme(value as "light" | "dark")}
              data={[
                { value: "light", label: t("Light") },
                { value: "dark", label: t("Dark") },
              ]}
            />
          </Group>
          <Pick
            route="GET /leads"
            aria-label={t("Shown for")}
            placeholder={t("For anybody")}
            size="xs"
            labelOf={personLabel}
            value={personId}
            onChange={choose}
            clearable
            w={200}
          />
        </Group>
        {preview ? (
          <>
            <div>
              <Text fw={600}>{preview.subject || "–"}</Text>
              {preview.preheader && (
                <Text size="sm" c="dimmed">
                  {preview.preheader}
                </Text>
              )}
            </div>
            <Tabs defaultValue="html" keepMounted={false}>
              <Tabs.List>
                <Tabs.Tab value="html">{t("As it looks")}</Tabs.Tab>
                <Tabs.Tab value="text">{t("Plain text")}</Tabs.Tab>
              </Tabs.List>
              <Tabs.Panel value="html" pt="sm">
                <Group justify="center">
                  <MailFrame
                    html={preview.html}
                    title={t("Preview of the mail")}
                    width={Number(width)}
                    height={520}
                    scheme={scheme}
                    remote
                  />
                </Group>
              </Tabs.Panel>
              <Tabs.Panel value="text" pt="sm">
                <Code block style={{ whiteSpace: "pre-wrap", maxHeight: 520, overflow: "auto" }} tabIndex={0}>
                  {preview.text}
                </Code>
              </Tabs.Panel>
            </Tabs>
            <Text size="xs" c="dimmed">
              {t("{size} kB of HTML; Gmail clips at 102 kB.", {
                size: formatNumber(Math.ceil(preview.sizeBytes / 1000)),
              })}
              {preview.missing.length > 0 &&
                ` ${t("No value here for: {names}.", { names: preview.missing.join(", ") })}`}
            </Text>
          </>
        ) : (
          <Skeleton height={560} />
        )}
      </Stack>
    </Card>
  );
}

function Versions({
  template,
  restored,
  writable,
}: {
  template: Template;
  restored: (saved: Template) => void;
  writable: boolean;
}) {
  const found = useApi("GET /email-templates/:id/versions", { params: { id: template.id }, query: { limit: 100 } });
  const [before, setBefore] = useState<string | null>(null);
  const [after, setAfter] = useState<string | null>(null);
  const versions = found.data?.data ?? [];
  const bodyOf = (number: string | null) => versions.find((one) => String(one.number) === number)?.body;
  const newest = String(versions[0]?.number ?? "");
  const older = before ?? String(versions[1]?.number ?? newest);
  const restore = async (number: number) => {
    try {
      const saved = await call("POST /email-templates/:id/versions/:number/restoration", {
        params: { id: template.id, number },
      });
      await queryClient.invalidateQueries();
      const fresh = await call("GET /email-templates/:id", { params: { id: template.id } });
      restored(fresh);
      tellDone(t("Version {number} is back, as a new version.", { number }));
      return saved;
    } catch (error) {
      return tellFailure(error);
    }
  };
  const data = versions.map(({ number }) => ({ value: String(number), label: t("Version {number}", { number }) }));
  return (
    <Stack>
      {versions.map(({ number, createdAt, createdBy, subject }) => (
        <Group key={number} justify="space-between" wrap="nowrap">
          <div>
            <Text size="sm" fw={550}>
              {t("Version {number}", { number })}: {subject}
            </Text>
            <Text size="xs" c="dimmed">
              {createdBy} · <Moment at={createdAt} />
            </Text>
          </div>
          {writable && String(number) !== newest && (
            <Button size="compact-sm" variant="default" onClick={() => void restore(number)}>
              {t("Bring it back")}
            </Button>
          )}
        </Group>
      ))}
      {versions.length > 1 && (
        <>
          <Group grow>
            <Select label={t("Before")} data={data} value={older} onChange={setBefore} allowDeselect={false} />
            <Select label={t("After")} data={data} value={after ?? newest} onChange={setAfter} allowDeselect={false} />
          </Group>
          <Suspense fallback={<Skeleton height={300} />}>
            <Difference before={bodyOf(older) ?? ""} after={bodyOf(after ?? newest) ?? ""} />
          </Suspense>
        </>
      )}
    </Stack>
  );
}

type Content = { subject: string; preheader: string | null; format: Format; body: string; text: string | null };

function TestSend({ content, personId, done }: { content: Content; personId: number | null; done: () => void }) {
  const [to, setTo] = useState("");
  const [senderId, setSenderId] = useState<number | null>(null);
  const [busy, setBusy] = useState(false);
  const send = async () => {
    setBusy(true);
    try {
      const answer = await call("POST /email-templates/test-send", {
        body: { content, personId, to: to || null, senderId },
      });
      if (answer.ok) {
        tellDone(answer.mailbox ? t("It is in the mailbox here.") : t("Sent to {to}.", { to: answer.to }));
        done();
      } else tellFailure(new Problem(0, "refused", answer.reply ?? answer.outcome));
    } catch (error) {
      tellFailure(error);
    } finally {
      setBusy(false);
    }
  };
  return (
    <Stack>
      <TextInput
        label={t("To")}
        type="email"
        placeholder={t("Yourself")}
        value={to}
        onChange={(event) => setTo(event.currentTarget.value)}
        data-autofocus
      />
      <Pick
        route="GET /senders"
        searches={false}
        label={t("Sender")}
        placeholder={t("Yourself")}
        labelOf={senderLabel}
        value={senderId}
        onChange={setSenderId}
        clearable
      />
      <Group justify="flex-end">
        <Button loading={busy} onClick={() => void send()}>
          {t("Send the test")}
        </Button>
      </Group>
    </Stack>
  );
}
