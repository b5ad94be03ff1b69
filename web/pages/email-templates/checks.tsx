/** What can be said of the mail being written, each a way to where it is; and who lacks a value for it. */
import { Alert, Anchor, Badge, Button, Group, Skeleton, Stack, Text, UnstyledButton } from "@mantine/core";
import { IconCircleCheck } from "@tabler/icons-react";
import { Link } from "@tanstack/react-router";
import type { Answer } from "../../api.ts";
import { formatNumber, t } from "../../i18n.ts";
import { Failure } from "../../kit/failures.tsx";
import { nameLabel, Pick } from "../../kit/pick.tsx";
import type { Place } from "./preview.tsx";

export type Checked = Answer<"POST /email-templates/check">;
type Finding = Checked["findings"][number];
/** Among whom to look for people without a value. */
export type Whom = { readonly campaignId: number | null; readonly emailGroupId: number | null };

const SEVERITIES: Readonly<Record<Finding["severity"], { word: () => string; colour: string }>> = {
  error: { word: () => t("Error"), colour: "red" },
  warning: { word: () => t("Warning"), colour: "orange" },
  hint: { word: () => t("Hint"), colour: "gray" },
};

export function Checks({
  checked,
  error,
  goTo,
  whom,
  setWhom,
  askSpam,
  asking,
}: {
  checked: Checked | undefined;
  error: unknown;
  goTo: (place: Place) => void;
  whom: Whom;
  setWhom: (whom: Whom) => void;
  /** Asks SpamAssassin too. */
  askSpam: () => void;
  asking: boolean;
}) {
  if (!checked) return error ? <Failure error={error} /> : <Skeleton height={200} />;
  return (
    <Stack gap="md">
      {checked.findings.length === 0 ? (
        <Group gap={6} role="status">
          <IconCircleCheck size={18} color="var(--mantine-color-green-filled)" aria-hidden />
          <Text size="sm">{t("Nothing to complain about.")}</Text>
        </Group>
      ) : (
        <Stack gap={8} component="ul" style={{ listStyle: "none", margin: 0, padding: 0 }} aria-label={t("Findings")}>
          {checked.findings.map((one) => (
            <li key={`${one.code} ${one.text} ${one.line} ${one.block}`}>
              <Found finding={one} goTo={goTo} />
            </li>
          ))}
        </Stack>
      )}
      <Lacking checked={checked} whom={whom} setWhom={setWhom} />
      <Spam spam={checked.spam} ask={askSpam} asking={asking} />
    </Stack>
  );
}

function Found({ finding, goTo }: { finding: Finding; goTo: (place: Place) => void }) {
  const { severity, text, line, block, field } = finding;
  const { word, colour } = SEVERITIES[severity];
  const content = (
    <Group gap="xs" wrap="nowrap" align="flex-start">
      <Badge color={colour} variant="light" style={{ flexShrink: 0 }}>
        {word()}
      </Badge>
      <Text size="sm" style={{ overflowWrap: "anywhere" }}>
        {line !== null && block === null && field === "body" ? `${t("Line {line}", { line })}: ` : ""}
        {text}
      </Text>
    </Group>
  );
  if (field === "body" && line === null && block === null) return content;
  return <UnstyledButton onClick={() => goTo(finding)}>{content}</UnstyledButton>;
}

function Lacking({ checked, whom, setWhom }: { checked: Checked; whom: Whom; setWhom: (whom: Whom) => void }) {
  const { people } = checked;
  return (
    <Stack gap="xs">
      <Text size="sm" fw={600}>
        {t("Who has no value for a variable?")}
      </Text>
      <Group gap="xs" grow>
        <Pick
          route="GET /campaigns"
          label={t("On their way in")}
          placeholder={t("A Campaign")}
          labelOf={nameLabel}
          value={whom.campaignId}
          onChange={(campaignId) => setWhom({ ...whom, campaignId })}
          clearable
          size="xs"
        />
        <Pick
          route="GET /email-groups"
          label={t("Member of")}
          placeholder={t("An Email Group")}
          labelOf={nameLabel}
          value={whom.emailGroupId}
          onChange={(emailGroupId) => setWhom({ ...whom, emailGroupId })}
          clearable
          size="xs"
        />
      </Group>
      {people && people.lacking.length === 0 && (
        <Text size="sm">
          {t(
            "{count, plural, =0 {Nobody is there.} one {The one person has all of them.} other {All # people have all of them.}}",
            {
              count: people.of,
            },
          )}
        </Text>
      )}
      {people?.lacking.map(({ variable, count, hasDefault, people: named }) => (
        <Alert key={variable} color={hasDefault ? "gray" : "orange"} p="xs">
          <Text size="sm">
            {t("{variable}: {count} of {of} have no value.", {
              variable,
              count: formatNumber(count),
              of: formatNumber(people.of),
            })}{" "}
            {hasDefault ? t("The mail says what stands there instead.") : t("Nothing would stand there.")}
          </Text>
          <Text size="xs">
            {named.map(({ id, fullName }, at) => (
              <span key={id}>
                {at > 0 && ", "}
                <Anchor component={Link} to={`/people/${id}`} size="xs" underline="always">
                  {fullName}
                </Anchor>
              </span>
            ))}
            {count > named.length && ` ${t("and {count} more", { count: formatNumber(count - named.length) })}`}
          </Text>
        </Alert>
      ))}
    </Stack>
  );
}

function Spam({ spam, ask, asking }: { spam: Checked["spam"]; ask: () => void; asking: boolean }) {
  return (
    <Stack gap="xs" align="flex-start">
      <Button size="xs" variant="default" onClick={ask} loading={asking}>
        {t("Ask SpamAssassin")}
      </Button>
      {spam && (
        <Alert color={spam.score >= spam.required ? "red" : "green"} p="xs" w="100%" role="status">
          <Text size="sm" fw={600}>
            {t("{score} points; {required} make it spam.", {
              score: formatNumber(spam.score),
              required: formatNumber(spam.required),
            })}
          </Text>
          {spam.rules.map(({ name, score, text }) => (
            <Text key={name} size="xs">
              {formatNumber(score)} {name}: {text}
            </Text>
          ))}
        </Alert>
      )}
    </Stack>
  );
}
