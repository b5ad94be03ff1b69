/** One communication, whole: a mail as its recipient saw it, or what happened and why. Loaded when one is opened. */
import { Alert, Anchor, Button, Card, Code, Group, SegmentedControl, Stack, Text } from "@mantine/core";
import { useQuery } from "@tanstack/react-query";
import { Link } from "@tanstack/react-router";
import { lazy, Suspense, useState } from "react";
import { partsOf } from "../../src/core/inbound/quoted.ts";
import { address, call, Problem } from "../api.ts";
import { formatDay, formatMoment, t } from "../i18n.ts";
import { useApi } from "../queries.ts";
import { useMay } from "../session.tsx";
import { bounceConsequence } from "./bounce-words.ts";
import { type Communication, reasonWord } from "./communication.tsx";
import { Failure, tellDone, tellFailure } from "./failures.tsx";
import { MailFrame } from "./mail-frame.tsx";
import { ReplyParts } from "./reply-parts.tsx";
import { RowsSkeleton } from "./skeletons.tsx";

const ReceivedMail = lazy(() => import("./received-mail.tsx"));

/** What a program told of an event, by its own names. */
function propertiesOf({ properties }: Communication["detail"]): [string, string][] {
  const told = typeof properties === "object" && properties !== null ? Object.entries(properties) : [];
  return told.map(([name, value]) => [name, typeof value === "boolean" ? (value ? t("yes") : t("no")) : String(value)]);
}

/** Whose choice it was; null once it is forgotten with the person. */
function saidBy({ by }: Communication["detail"]): string | null {
  if (by === null) return t("the person themselves, by the link in a mail");
  return typeof by === "string" ? by : null;
}

export function CommunicationDetail({ id }: { id: string }) {
  const found = useApi("GET /communications/:id", { params: { id } });
  const may = useMay();
  if (found.isError) return <Failure error={found.error} retry={found.refetch} />;
  if (!found.data) return <RowsSkeleton count={3} />;
  const one = found.data;
  const facts: [string, string | null][] = [
    [t("At"), formatMoment(one.at)],
    [t("Happened"), typeof one.detail["happenedAt"] === "string" ? formatMoment(one.detail["happenedAt"]) : null],
    [t("By"), one.kind === "measuring" ? saidBy(one.detail) : null],
    [t("To"), one.to],
    [t("Template"), one.template?.name ?? null],
    [t("Server said"), one.reply],
    [t("Why"), one.reason === null ? null : reasonWord(one.reason)],
    [t("Attempts"), one.attempts && one.attempts > 1 ? String(one.attempts) : null],
    [t("Next attempt"), one.nextAttemptAt ? formatMoment(one.nextAttemptAt) : null],
  ];
  const resolve = (decision: "arrived" | "send-again") =>
    void call("PUT /communications/:id/resolution", { params: { id }, body: { decision } })
      .then(async () => {
        await found.refetch();
        tellDone(decision === "arrived" ? t("It counts as sent.") : t("It leaves once more."));
      })
      .catch(tellFailure);
  const text = typeof one.detail["text"] === "string" ? one.detail["text"] : null;
  const { receivedMailId, conversationId } = one.detail;
  return (
    <Card my="xs" padding="md" bg="var(--tidings-surface)">
      <Stack gap="sm">
        {one.reason === "in-doubt" && one.deliveryStatus === "sending" && may("manager") && (
          <Alert color="orange" title={t("Did this mail arrive?")}>
            <Text size="sm" mb="sm">
              {t(
                "The connection broke before the server confirmed it. Look into the account’s sent mail or ask the recipient, then decide.",
              )}
            </Text>
            <Group>
              <Button size="xs" onClick={() => resolve("arrived")}>
                {t("It arrived")}
              </Button>
              <Button size="xs" variant="default" onClick={() => resolve("send-again")}>
                {t("Send it once more")}
              </Button>
            </Group>
          </Alert>
        )}
        <Stack gap={2}>
          {[...facts, ...propertiesOf(one.detail)]
            .filter(([, value]) => value)
            .map(([label, value]) => (
              <Group key={label} gap="xs" wrap="nowrap" align="flex-start">
                <Text size="xs" c="dimmed" w={100} style={{ flexShrink: 0 }}>
                  {label}
                </Text>
                <Text size="xs" style={{ overflowWrap: "anywhere" }}>
                  {value}
                </Text>
              </Group>
            ))}
        </Stack>
        {one.kind === "bounce" && <WhatFollowed detail={one.detail} />}
        {one.kind === "auto-reply" && typeof one.detail["returnOn"] === "string" && (
          <Text size="sm" fw={550}>
            {one.detail["waits"] === true
              ? t("Away. The next mail waits until {day}.", { day: formatDay(one.detail["returnOn"]) })
              : t("Away, back on {day}.", { day: formatDay(one.detail["returnOn"]) })}
          </Text>
        )}
        {text &&
          (one.kind === "note" ? (
            <Text size="sm" style={{ whiteSpace: "pre-wrap" }}>
              {text}
            </Text>
          ) : (
            <ReplyParts parts={partsOf(text)} />
          ))}
        {typeof receivedMailId === "number" && <Original id={receivedMailId} subject={one.subject} />}
        {one.html !== null && (
          <MailBody
            html={one.html}
            text={one.text ?? ""}
            subject={one.subject}
            eml={address("GET /communications/:id/eml", { params: { id } })}
          />
        )}
        <Group gap="md">
          <Anchor component={Link} to={`/people/${one.personId}`} size="xs">
            {t("Open the person")}
          </Anchor>
          {typeof conversationId === "number" && (
            <Anchor component={Link} to={`/replies?show=open&open=${conversationId}`} size="xs">
              {one.kind === "reply" ? t("Answer it") : t("Open the conversation")}
            </Anchor>
          )}
          {one.emailCampaignId !== null && (
            <Anchor component={Link} to={`/email-campaigns/${one.emailCampaignId}`} size="xs">
              {t("Open the Email Campaign")}
            </Anchor>
          )}
        </Group>
      </Stack>
    </Card>
  );
}

/** What a bounce said and what followed from it. */
function WhatFollowed({ detail }: { detail: Communication["detail"] }) {
  const word = (name: string) => (typeof detail[name] === "string" ? (detail[name] as string) : null);
  const codes = [word("replyCode"), word("status")].filter(Boolean).join(" ");
  return (
    <Stack gap={2}>
      <Text size="sm">{bounceConsequence(word("consequence") ?? "none")}</Text>
      {detail["elsewhere"] === true && (
        <Text size="sm">
          {t("It was passed on to {address}, and that address is the one that failed.", {
            address: word("recipient") ?? "",
          })}
        </Text>
      )}
      {codes && (
        <Text size="xs" c="dimmed">
          {t("Their server’s code: {codes}", { codes })}
        </Text>
      )}
    </Stack>
  );
}

function Original({ id, subject }: { id: number; subject: string }) {
  const [open, setOpen] = useState(false);
  return (
    <div>
      <Anchor component="button" type="button" size="xs" onClick={() => setOpen(!open)} aria-expanded={open}>
        {open ? t("Fold the original") : t("Show the original")}
      </Anchor>
      {open && (
        <Suspense fallback={<RowsSkeleton count={3} />}>
          <ReceivedMail id={id} subject={subject} />
        </Suspense>
      )}
    </div>
  );
}

/** A mail's two bodies, side by side behind a switch, and its exact bytes to download. */
export function MailBody({
  html,
  text,
  subject,
  eml,
  headers,
  height,
}: {
  html: string | null;
  text: string;
  subject: string;
  eml?: string;
  headers?: readonly { name: string; value: string }[];
  height?: number;
}) {
  const [shown, setShown] = useState(html === null ? "text" : "html");
  return (
    <Stack gap="xs">
      <Group justify="space-between">
        <SegmentedControl
          size="xs"
          aria-label={t("How to show the mail")}
          value={shown}
          onChange={setShown}
          data={[
            ...(html === null ? [] : [{ value: "html", label: t("As it looks") }]),
            { value: "text", label: t("Plain text") },
            ...(headers ? [{ value: "headers", label: t("Headers") }] : []),
            ...(eml ? [{ value: "source", label: t("Source") }] : []),
          ]}
        />
        {eml && (
          <Anchor href={eml} download size="xs">
            {t("Download (.eml)")}
          </Anchor>
        )}
      </Group>
      {shown === "html" && html !== null && (
        <MailFrame html={html} title={t("The mail “{subject}”", { subject })} {...(height ? { height } : {})} />
      )}
      {shown === "text" && (
        <Code block style={{ whiteSpace: "pre-wrap" }} tabIndex={0}>
          {text}
        </Code>
      )}
      {shown === "headers" && headers && (
        <Code block style={{ whiteSpace: "pre-wrap", overflowWrap: "anywhere" }} tabIndex={0}>
          {headers.map(({ name, value }) => `${name}: ${value}`).join("\n")}
        </Code>
      )}
      {shown === "source" && eml && <Source of={eml} {...(height ? { height } : {})} />}
    </Stack>
  );
}

/** The exact bytes, read when they are asked for. */
function Source({ of, height = 520 }: { of: string; height?: number }) {
  const found = useQuery({
    queryKey: ["source", of],
    queryFn: async ({ signal }) => {
      const answer = await fetch(of, { credentials: "same-origin", signal });
      if (!answer.ok) throw new Problem(answer.status, "failed", t("The source cannot be read."));
      return answer.text();
    },
    staleTime: Infinity,
  });
  if (found.isError) return <Failure error={found.error} retry={found.refetch} />;
  if (found.data === undefined) return <RowsSkeleton count={4} />;
  return (
    <Code
      block
      style={{ whiteSpace: "pre-wrap", overflowWrap: "anywhere", maxHeight: height, overflow: "auto" }}
      tabIndex={0}
    >
      {found.data}
    </Code>
  );
}
