/** After the set-up: how mail leaves, and a sample to play with. Each step can be left out. */
import { Badge, Button, Card, Group, List as Bullets, SimpleGrid, Stack, Text, ThemeIcon, Title } from "@mantine/core";
import { IconInbox, IconMailbox, IconServer, IconSparkles, IconSpeakerphone } from "@tabler/icons-react";
import { Link, useNavigate } from "@tanstack/react-router";
import { useState } from "react";
import { call } from "../../api.ts";
import { t } from "../../i18n.ts";
import { tellDone, tellFailure } from "../../kit/failures.tsx";
import { Page } from "../../kit/page.tsx";
import { invalidate, useApi } from "../../queries.ts";
import { useMay } from "../../session.tsx";

export default function Welcome() {
  const may = useMay();
  const navigate = useNavigate();
  const [busy, setBusy] = useState(false);
  const accounts = useApi("GET /email-accounts", { enabled: may("manager") });
  const campaigns = useApi("GET /campaigns", { query: { limit: 1 } });
  const connected = (accounts.data?.data.length ?? 0) > 0;
  const loadSample = async () => {
    setBusy(true);
    try {
      const made = await call("POST /sample-campaign");
      await invalidate("GET /campaigns");
      tellDone(t("The sample campaign is there: three mails over a week, and five people to send them to."));
      await navigate({ to: `/campaigns/${made.campaign.id}` });
    } catch (error) {
      tellFailure(error);
    } finally {
      setBusy(false);
    }
  };
  return (
    <Page title={t("Ready in two steps")} hint={t("Both can wait: Tidings works at once with its built-in mailbox.")}>
      <SimpleGrid cols={{ base: 1, md: 2 }}>
        <Choice
          icon={<IconServer size={20} />}
          title={t("1. How mail leaves")}
          done={connected ? t("Connected") : undefined}
        >
          <Text size="sm">
            {t(
              "Without an email account nothing leaves: every mail lands in the mailbox here, where you can read it as its recipient would.",
            )}
          </Text>
          <Group>
            {may("administrator") && (
              <Button component={Link} to="/settings/email-accounts" leftSection={<IconMailbox size={16} />}>
                {t("Connect an email account")}
              </Button>
            )}
            <Button component={Link} to="/mailbox" variant="default" leftSection={<IconInbox size={16} />}>
              {t("Try without SMTP")}
            </Button>
          </Group>
        </Choice>
        <Choice
          icon={<IconSparkles size={20} />}
          title={t("2. Something to send")}
          done={(campaigns.data?.data.length ?? 0) > 0 ? t("There is a Campaign") : undefined}
        >
          <Text size="sm">
            {t("The sample campaign has three handsome templates, a Schedule over a week and five made-up people.")}
          </Text>
          <Group>
            <Button loading={busy} onClick={() => void loadSample()} leftSection={<IconSparkles size={16} />}>
              {t("Load the sample campaign")}
            </Button>
            <Button
              component={Link}
              to="/campaigns?new=yes"
              variant="default"
              leftSection={<IconSpeakerphone size={16} />}
            >
              {t("Start from nothing")}
            </Button>
          </Group>
        </Choice>
      </SimpleGrid>
      <Card>
        <Title order={2} mb="xs">
          {t("How Tidings works")}
        </Title>
        <Bullets size="sm" spacing={6}>
          <Bullets.Item>{t("A Campaign is a Schedule of emails: “send after 0, 3 and 7 days”.")}</Bullets.Item>
          <Bullets.Item>
            {t("An Email Campaign takes one person through it from a start date. Groups start many at once.")}
          </Bullets.Item>
          <Bullets.Item>
            {t("Every email leaves on its day, once. Whoever unsubscribes gets nothing more.")}
          </Bullets.Item>
        </Bullets>
      </Card>
    </Page>
  );
}

function Choice({
  icon,
  title,
  done,
  children,
}: {
  icon: React.ReactNode;
  title: string;
  done?: string;
  children: React.ReactNode;
}) {
  return (
    <Card component="section" aria-label={title}>
      <Stack h="100%">
        <Group justify="space-between">
          <Group gap="sm">
            <ThemeIcon variant="light" size="lg">
              {icon}
            </ThemeIcon>
            <Title order={2}>{title}</Title>
          </Group>
          {done && <Badge color="green">{done}</Badge>}
        </Group>
        {children}
      </Stack>
    </Card>
  );
}
