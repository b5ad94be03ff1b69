/** The brand kit: how mails made of blocks look that are begun from now on. */
import { Alert, Button, Card, Group, Stack, Text } from "@mantine/core";
import { useState } from "react";
import { call } from "../../api.ts";
import { t } from "../../i18n.ts";
import { tellDone, tellFailure } from "../../kit/failures.tsx";
import { SettingsPage } from "../../kit/settings.tsx";
import { queryClient, useRead } from "../../queries.ts";
import { useMay } from "../../session.tsx";
import { DesignFields } from "../email-templates/blocks/design-fields.tsx";
import { ImageLibrary } from "../email-templates/blocks/images.tsx";
import { Picture } from "../email-templates/blocks/looks.tsx";
import { designOf } from "../email-templates/blocks/starters.ts";

export default function BrandPage() {
  const { data } = useRead("GET /workspace");
  const may = useMay();
  const [design, setDesign] = useState(() => designOf(data.brand));
  const [logo, setLogo] = useState(data.brand?.logo ?? null);
  const [choosing, setChoosing] = useState(false);
  const [busy, setBusy] = useState(false);
  const disabled = !may("administrator");
  const save = async () => {
    setBusy(true);
    try {
      await call("PATCH /workspace", { body: { brand: { ...design, logo } } });
      await queryClient.invalidateQueries();
      tellDone(t("Saved."));
    } catch (error) {
      tellFailure(error);
    } finally {
      setBusy(false);
    }
  };
  return (
    <SettingsPage title={t("Brand kit")} hint={t("How mails made of blocks look that are begun from now on.")}>
      <Card maw={640}>
        <Stack>
          <DesignFields design={design} set={(changes) => setDesign({ ...design, ...changes })} disabled={disabled} />
          <div>
            <Text size="sm" fw={500} mb={4}>
              {t("Logo")}
            </Text>
            <Group>
              {logo ? (
                <Picture src={logo.src} alt={logo.alt} />
              ) : (
                <Text size="sm" c="dimmed">
                  {t("None")}
                </Text>
              )}
              {!disabled && (
                <Button size="xs" variant="default" onClick={() => setChoosing(true)}>
                  {t("Choose a picture")}
                </Button>
              )}
              {logo && !disabled && (
                <Button size="xs" variant="subtle" color="red" onClick={() => setLogo(null)}>
                  {t("No logo")}
                </Button>
              )}
            </Group>
          </div>
          <Alert color="gray" p="xs">
            <Text size="sm">
              {t(
                "Each mail carries its own copy of the look. “Take over the brand kit” in the editor brings an older one up to date.",
              )}
            </Text>
          </Alert>
          {!disabled && (
            <Group justify="flex-end">
              <Button loading={busy} onClick={() => void save()}>
                {t("Save")}
              </Button>
            </Group>
          )}
        </Stack>
      </Card>
      <ImageLibrary
        opened={choosing}
        close={() => setChoosing(false)}
        choose={({ url, alt }) => {
          setLogo({ src: url, alt });
          setChoosing(false);
        }}
      />
    </SettingsPage>
  );
}
