/** Chooses a picture out of those that were uploaded, or uploads one; never without words for who cannot see it. */
import {
  ActionIcon,
  Alert,
  Button,
  FileInput,
  Group,
  Modal,
  SimpleGrid,
  Stack,
  Text,
  TextInput,
  UnstyledButton,
} from "@mantine/core";
import { IconTrash, IconUpload } from "@tabler/icons-react";
import { useState } from "react";
import { call, type Row, upload } from "../../../api.ts";
import { formatNumber, t } from "../../../i18n.ts";
import { ask } from "../../../kit/ask.tsx";
import { Failure } from "../../../kit/failures.tsx";
import { queryClient, useApi } from "../../../queries.ts";
import { useMay } from "../../../session.tsx";
import { Picture } from "./looks.tsx";

export type Image = Row<"GET /images">;

export function ImageLibrary({
  opened,
  close,
  choose,
}: {
  opened: boolean;
  close: () => void;
  choose: (image: Image) => void;
}) {
  return (
    <Modal opened={opened} onClose={close} title={t("Choose a picture")} size="xl">
      {opened && <Library choose={choose} />}
    </Modal>
  );
}

function Library({ choose }: { choose: (image: Image) => void }) {
  const [typed, setTyped] = useState("");
  const may = useMay();
  const found = useApi("GET /images", { query: { q: typed.trim() || undefined, limit: 60 } });
  const remove = (image: Image) =>
    ask({
      title: t("Delete “{name}”?", { name: image.name }),
      text: t("It is deleted only where no mail shows it or has shown it."),
      deed: t("Delete"),
      act: async () => {
        await call("DELETE /images/:id", { params: { id: image.id } });
        await queryClient.invalidateQueries();
      },
    });
  return (
    <Stack>
      <UploadForm done={choose} />
      <TextInput label={t("Search pictures")} value={typed} onChange={(event) => setTyped(event.currentTarget.value)} />
      {found.error && <Failure error={found.error} />}
      {found.data?.data.length === 0 && <Text c="dimmed">{t("No pictures yet.")}</Text>}
      <SimpleGrid cols={{ base: 2, sm: 4 }}>
        {found.data?.data.map((image) => (
          <Stack key={image.id} gap={4}>
            <UnstyledButton
              className="picture-tile"
              onClick={() => choose(image)}
              aria-label={t("Use “{name}”", { name: image.name })}
            >
              <Picture src={image.url} alt={image.alt} height={110} />
            </UnstyledButton>
            <Group gap={4} wrap="nowrap" justify="space-between">
              <Text size="xs" truncate>
                {image.name} · {formatNumber(Math.ceil(image.sizeBytes / 1000))} kB
              </Text>
              {may("manager") && (
                <ActionIcon
                  size="sm"
                  color="red"
                  variant="subtle"
                  aria-label={t("Delete {name}", { name: image.name })}
                  onClick={() => remove(image)}
                >
                  <IconTrash size={14} />
                </ActionIcon>
              )}
            </Group>
          </Stack>
        ))}
      </SimpleGrid>
    </Stack>
  );
}

function UploadForm({ done }: { done: (image: Image) => void }) {
  const [file, setFile] = useState<File | null>(null);
  const [alt, setAlt] = useState("");
  const [busy, setBusy] = useState(false);
  const [error, setError] = useState<unknown>(null);
  const send = async () => {
    if (!file || !alt.trim()) return;
    setBusy(true);
    setError(null);
    try {
      const image = await upload("POST /images", file, {
        query: { name: file.name.slice(0, 200), alt: alt.trim() },
        type: file.type.startsWith("image/") && file.type !== "image/svg+xml" ? file.type : "application/octet-stream",
      });
      await queryClient.invalidateQueries();
      done(image);
    } catch (caught) {
      setError(caught);
    } finally {
      setBusy(false);
    }
  };
  return (
    <Alert color="gray" title={t("Upload a picture")}>
      <form
        onSubmit={(event) => {
          event.preventDefault();
          void send();
        }}
      >
        <Stack gap="sm">
          <Group grow align="flex-start" preventGrowOverflow={false}>
            <FileInput
              label={t("File")}
              accept="image/png,image/jpeg,image/gif,image/webp,image/avif"
              placeholder={t("PNG, JPEG, GIF, WebP or AVIF, up to 10 MB")}
              value={file}
              onChange={setFile}
              required
            />
            <TextInput
              label={t("What it shows")}
              description={t("Read out, and shown where pictures are not loaded.")}
              value={alt}
              onChange={(event) => setAlt(event.currentTarget.value)}
              required
            />
          </Group>
          {error !== null && <Failure error={error} />}
          <Group justify="flex-end">
            <Button
              type="submit"
              size="xs"
              leftSection={<IconUpload size={14} />}
              loading={busy}
              disabled={!file || !alt.trim()}
            >
              {t("Upload")}
            </Button>
          </Group>
        </Stack>
      </form>
    </Alert>
  );
}
