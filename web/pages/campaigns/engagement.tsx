/** Who opened and clicked, step by step and link by link. Loaded with the rest of a Campaign only where there is something. */
import { Anchor, Card, Code, Group, Stack, Table, Text } from "@mantine/core";
import { Fragment } from "react";
import { address, type Answer } from "../../api.ts";
import { formatNumber, formatShare, t } from "../../i18n.ts";

type Engagement = Answer<"GET /campaigns/:id/engagement">;

export default function EngagementCard({ id, engagement }: { id: number; engagement: Engagement }) {
  const { measures, steps } = engagement;
  return (
    <Card component="section" aria-label={t("Opens and clicks")}>
      <Group justify="space-between" mb="sm">
        <Text component="h2" fw={650}>
          {t("Opens and clicks")}
        </Text>
        <Anchor size="sm" href={address("GET /campaigns/:id/engagements.csv", { params: { id }, query: {} })} download>
          {t("Download the whole list as CSV")}
        </Anchor>
      </Group>
      <Stack gap="sm">
        <Table.ScrollContainer minWidth={560} scrollAreaProps={{ viewportProps: { tabIndex: 0 } }}>
          <Table>
            <Table.Thead>
              <Table.Tr>
                <Table.Th>{t("Mail")}</Table.Th>
                <Table.Th ta="right">{t("Sent")}</Table.Th>
                <Table.Th ta="right">{t("Opened")}</Table.Th>
                <Table.Th ta="right">{t("Clicked")}</Table.Th>
                <Table.Th ta="right">{t("Clicked, of those who opened")}</Table.Th>
                <Table.Th ta="right">{t("By machines alone")}</Table.Th>
              </Table.Tr>
            </Table.Thead>
            <Table.Tbody>
              {steps.map((step) => (
                <Fragment key={step.stepId}>
                  <Table.Tr>
                    <Table.Td>
                      {t("Day {day}", { day: step.sendAfterDays })}: {step.emailTemplate}
                    </Table.Td>
                    <Number value={step.sent} />
                    <Measured value={step.opened} of={step.opensMeasured} sent={step.sent} />
                    <Measured value={step.clicked} of={step.clicksMeasured} sent={step.sent} />
                    <Table.Td ta="right" className="numbers">
                      {step.clickedOfOpened === null ? "–" : formatShare(step.clickedOfOpened, 1)}
                    </Table.Td>
                    <Number value={step.automaticOnly} />
                  </Table.Tr>
                  {step.links.map((link) => (
                    <Table.Tr key={link.link}>
                      <Table.Td pl="lg" colSpan={3}>
                        <Code style={{ overflowWrap: "anywhere" }}>{link.link}</Code>
                      </Table.Td>
                      <Number value={link.people} whole={step.clicksMeasured} />
                      <Table.Td ta="right" className="numbers" colSpan={2}>
                        {t("{clicks, plural, one {# click} other {# clicks}}, {automatic} by machines", {
                          clicks: link.clicks,
                          automatic: formatNumber(link.automatic),
                        })}
                      </Table.Td>
                    </Table.Tr>
                  ))}
                </Fragment>
              ))}
            </Table.Tbody>
          </Table>
        </Table.ScrollContainer>
        <Text size="xs" c="dimmed">
          {t("Each person is counted once for a mail. Shares are of the mails in which it was measured.")}{" "}
          {!measures.opens && !measures.clicks && t("In mails that leave now nothing is measured.")}
        </Text>
      </Stack>
    </Card>
  );
}

/** With its share of the mails in which it was measured, and how many those are where they are not all. */
function Measured({ value, of, sent }: { value: number; of: number; sent: number }) {
  if (of === 0) return <Table.Td ta="right">–</Table.Td>;
  const basis = of < sent ? ` ${t("of {count}", { count: formatNumber(of) })}` : "";
  return <Number value={value} whole={of} basis={basis} />;
}

function Number({ value, whole, basis = "" }: { value: number; whole?: number; basis?: string }) {
  return (
    <Table.Td ta="right" className="numbers">
      {formatNumber(value)}
      {whole !== undefined && whole > 0 && (
        <Text component="span" size="xs" c="dimmed">
          {" "}
          {formatShare(value, whole)}
          {basis}
        </Text>
      )}
    </Table.Td>
  );
}
