/** Small pieces of every page: badges, days, moments, names. */
import { Badge, Text, Tooltip, UnstyledButton } from "@mantine/core";
import { Link } from "@tanstack/react-router";
import { formatAgo, formatDay, formatMoment, t } from "../i18n.ts";
import { STATUS_COLORS } from "../theme.ts";

const STATUS_WORDS: Readonly<Record<string, () => string>> = {
  Scheduled: () => t("Scheduled"),
  "In Progress": () => t("In Progress"),
  Completed: () => t("Completed"),
  Unsubscribed: () => t("Unsubscribed"),
  Paused: () => t("Paused"),
  Stopped: () => t("Stopped"),
};

const REASON_WORDS: Readonly<Record<string, () => string>> = {
  replied: () => t("replied"),
  bounced: () => t("bounced"),
  complained: () => t("complained"),
  converted: () => t("converted"),
  condition: () => t("by a condition"),
  cancelled: () => t("cancelled"),
  erased: () => t("erased"),
  "do-not-contact": () => t("do not contact"),
};

export const statusWord = (status: string) => STATUS_WORDS[status]?.() ?? status;

/** The status of an Email Campaign; a click filters where `onClick` is given. */
export function StatusBadge({
  status,
  reason,
  onClick,
}: {
  status: string;
  reason?: string | null;
  onClick?: () => void;
}) {
  const words = reason ? `${statusWord(status)}: ${REASON_WORDS[reason]?.() ?? reason}` : statusWord(status);
  const badge = <Badge color={STATUS_COLORS[status] ?? "gray"}>{words}</Badge>;
  if (!onClick) return badge;
  return (
    <UnstyledButton onClick={onClick} aria-label={t("Show only {status}", { status: statusWord(status) })}>
      {badge}
    </UnstyledButton>
  );
}

/** A calendar day; belongs to no zone. */
export function Day({ on, style = "medium" }: { on: string | null; style?: "medium" | "short" | "weekday" }) {
  if (!on)
    return (
      <Text span c="dimmed">
        –
      </Text>
    );
  return <time dateTime={on}>{formatDay(on, style)}</time>;
}

/** A moment in the reader's zone; the whole of it on hovering. */
export function Moment({ at, ago = false }: { at: string | null | undefined; ago?: boolean }) {
  if (!at)
    return (
      <Text span c="dimmed">
        –
      </Text>
    );
  return (
    <Tooltip label={formatMoment(at, "full")}>
      <time dateTime={at}>{ago ? formatAgo(at) : formatMoment(at)}</time>
    </Tooltip>
  );
}

/** The name that opens a record. */
export function RecordLink({
  to,
  params,
  children,
}: {
  to: string;
  params?: Record<string, string | number>;
  children: React.ReactNode;
}) {
  const filled = Object.entries(params ?? {}).reduce(
    (path, [name, value]) => path.replace(`$${name}`, String(value)),
    to,
  );
  return (
    <Link to={filled} className="row-link">
      {children}
    </Link>
  );
}

/** A person's name with the address below. */
export function PersonLink({ person }: { person: { id: number; name: string; email?: string | null } }) {
  return (
    <div>
      <RecordLink to={`/people/${person.id}`}>{person.name || person.email || t("Somebody without a name")}</RecordLink>
      {person.email && person.name !== person.email && (
        <Text size="xs" c="dimmed">
          {person.email}
        </Text>
      )}
    </div>
  );
}
