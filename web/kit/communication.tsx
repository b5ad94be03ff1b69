/** What stands on a timeline: one line each, opened in place with everything that is known of it. */
import { Badge, Button, Collapse, Group, Stack, Text, ThemeIcon, UnstyledButton } from "@mantine/core";
import {
  IconAlertTriangle,
  IconArrowBackUp,
  IconBan,
  IconBeach,
  IconBolt,
  IconChevronDown,
  IconChevronRight,
  IconClick,
  IconFlag,
  IconMail,
  IconMailOff,
  IconMailOpened,
  IconNote,
  IconRefresh,
  IconSend,
} from "@tabler/icons-react";
import { useInfiniteQuery } from "@tanstack/react-query";
import { lazy, Suspense, useState } from "react";
import { call, type Row } from "../api.ts";
import { t } from "../i18n.ts";
import { bounceReason } from "./bounce-words.ts";
import { Failure } from "./failures.tsx";
import { RowsSkeleton } from "./skeletons.tsx";
import { Moment } from "./words.tsx";

// Most lines are never opened, and Home has some.
const CommunicationDetail = lazy(() =>
  import("./communication-detail.tsx").then(({ CommunicationDetail: component }) => ({ default: component })),
);

export type Communication = Row<"GET /communications">;

const KINDS: Readonly<Record<Communication["kind"], { icon: typeof IconMail; word: () => string; color: string }>> = {
  email: { icon: IconMail, word: () => t("Email"), color: "ink" },
  unsubscribed: { icon: IconMailOff, word: () => t("Unsubscribed"), color: "red" },
  resubscribed: { icon: IconRefresh, word: () => t("Subscribed again"), color: "green" },
  note: { icon: IconNote, word: () => t("Note"), color: "yellow" },
  status: { icon: IconFlag, word: () => t("Status"), color: "gray" },
  bounce: { icon: IconAlertTriangle, word: () => t("Bounce"), color: "orange" },
  complaint: { icon: IconAlertTriangle, word: () => t("Complaint"), color: "red" },
  reply: { icon: IconArrowBackUp, word: () => t("Reply"), color: "green" },
  answer: { icon: IconSend, word: () => t("Answer"), color: "ink" },
  "auto-reply": { icon: IconBeach, word: () => t("Automatic reply"), color: "gray" },
  converted: { icon: IconFlag, word: () => t("Converted"), color: "green" },
  suppressed: { icon: IconBan, word: () => t("Suppressed"), color: "gray" },
  opened: { icon: IconMailOpened, word: () => t("Opened"), color: "blue" },
  clicked: { icon: IconClick, word: () => t("Clicked"), color: "blue" },
  event: { icon: IconBolt, word: () => t("Event"), color: "grape" },
  measuring: { icon: IconClick, word: () => t("Measuring"), color: "gray" },
};

export const COMMUNICATION_KINDS = Object.keys(KINDS) as Communication["kind"][];
export const kindWord = (kind: Communication["kind"]) => KINDS[kind].word();

const DELIVERY: Readonly<Record<NonNullable<Communication["deliveryStatus"]>, { color: string; word: () => string }>> =
  {
    sending: { color: "blue", word: () => t("Sending") },
    sent: { color: "green", word: () => t("Sent") },
    deferred: { color: "yellow", word: () => t("Waiting to try again") },
    error: { color: "red", word: () => t("Refused") },
    bounced: { color: "orange", word: () => t("Came back") },
    suppressed: { color: "gray", word: () => t("Not sent") },
  };

const REASONS: Readonly<Record<string, () => string>> = {
  unsubscribed: () => t("unsubscribed"),
  "hard-bounce": () => t("the address does not exist any more"),
  "soft-bounces": () => t("mail to it came back time after time"),
  complaint: () => t("reported as spam"),
  "do-not-contact": () => t("do not contact"),
  manual: () => t("suppressed by hand"),
  imported: () => t("on an imported list of opt-outs"),
  erased: () => t("erased"),
  "no-address": () => t("no email address"),
  "not-a-member": () => t("no longer in the Email Group"),
  "gave-up": () => t("tried for days, then given up"),
  paused: () => t("the Email Campaign is paused"),
  "in-doubt": () => t("nobody knows whether it arrived"),
};

/** Why a mail was not sent, waits, or came back. */
export const reasonWord = (reason: string) => REASONS[reason]?.() ?? bounceReason(reason);

/** What a communication is called in a list: a bounce by what is wrong, the rest by its subject. */
export function titleOf({ kind, subject, detail }: Pick<Communication, "kind" | "subject" | "detail">): string {
  if (kind === "opened") return t("Opened an email");
  if (kind === "clicked" && typeof detail["link"] === "string") return t("Clicked {link}", { link: detail["link"] });
  // Of an erased person the detail is gone.
  if (detail["measuring"] === "never") return t("Never measured from now on");
  if (detail["measuring"] === "as-campaign") return t("Measured again, as the Campaign says");
  const reason = detail["reason"];
  return kind === "bounce" && typeof reason === "string"
    ? t("Came back: {reason}", { reason: bounceReason(reason) })
    : subject;
}

/** How often something was opened or clicked, and whether a machine was behind it. */
function engagementWords({ times, automatic }: Communication["detail"]): string[] {
  if (typeof times !== "number") return [];
  return [
    ...(times > 1 ? [t("{count} times", { count: times })] : []),
    ...(automatic === true ? [t("by a machine, not the person")] : []),
  ];
}

export const deliveryWord = (status: NonNullable<Communication["deliveryStatus"]>) => DELIVERY[status].word();

export function DeliveryBadge({ status }: { status: Communication["deliveryStatus"] }) {
  if (!status) return null;
  return <Badge color={DELIVERY[status].color}>{DELIVERY[status].word()}</Badge>;
}

/** A timeline: the newest of what the query means, and with a press those before. */
export function CommunicationList({
  query,
  empty,
  open,
  pages = false,
}: {
  query: Readonly<Record<string, unknown>>;
  empty: string;
  open?: string;
  /** Whether what came before can be fetched, too. */
  pages?: boolean;
}) {
  const found = useInfiniteQuery({
    queryKey: ["GET /communications", {}, query, "pages"],
    initialPageParam: null as string | null,
    queryFn: ({ pageParam, signal }) =>
      call("GET /communications", { query: { ...query, ...(pageParam ? { cursor: pageParam } : {}) }, signal }),
    getNextPageParam: (last) => last.nextCursor,
    placeholderData: (former) => former,
  });
  if (found.isError) return <Failure error={found.error} retry={found.refetch} />;
  if (!found.data) return <RowsSkeleton count={4} />;
  const rows = found.data.pages.flatMap(({ data }) => data);
  if (rows.length === 0)
    return (
      <Text size="sm" c="dimmed">
        {empty}
      </Text>
    );
  return (
    <>
      <Stack gap={0} component="ol" style={{ listStyle: "none", margin: 0, padding: 0 }}>
        {rows.map((one) => (
          <li key={one.id}>
            <CommunicationRow communication={one} opened={open === one.id} />
          </li>
        ))}
      </Stack>
      {pages && found.hasNextPage && (
        <Button
          mt="sm"
          variant="subtle"
          size="xs"
          loading={found.isFetchingNextPage}
          onClick={() => void found.fetchNextPage()}
        >
          {t("Show what came before")}
        </Button>
      )}
    </>
  );
}

function CommunicationRow({
  communication,
  opened: first = false,
}: {
  communication: Communication;
  opened?: boolean;
}) {
  const [opened, setOpened] = useState(first);
  const { id, kind, at, to, deliveryStatus, reason, detail } = communication;
  const subject = titleOf(communication);
  const { icon: Icon, color } = KINDS[kind];
  return (
    <div style={{ borderBottom: "1px solid var(--tidings-line)" }}>
      <UnstyledButton w="100%" py={10} onClick={() => setOpened(!opened)} aria-expanded={opened}>
        <Group wrap="nowrap" gap="sm">
          <ThemeIcon variant="light" color={color} size="md" aria-hidden>
            <Icon size={16} />
          </ThemeIcon>
          <div style={{ flex: 1, minWidth: 0 }}>
            <Text size="sm" fw={550} truncate>
              {subject || kindWord(kind)}
            </Text>
            <Text size="xs" c="dimmed" truncate>
              {[kindWord(kind), to, reason && reasonWord(reason), ...engagementWords(detail)]
                .filter(Boolean)
                .join(" · ")}
            </Text>
          </div>
          <DeliveryBadge status={deliveryStatus} />
          <Text size="xs" c="dimmed" visibleFrom="xs" style={{ whiteSpace: "nowrap" }}>
            <Moment at={at} ago />
          </Text>
          {opened ? <IconChevronDown size={16} /> : <IconChevronRight size={16} />}
        </Group>
      </UnstyledButton>
      <Collapse expanded={opened}>
        {opened && (
          <Suspense fallback={<RowsSkeleton count={3} />}>
            <CommunicationDetail id={id} />
          </Suspense>
        )}
      </Collapse>
    </div>
  );
}
