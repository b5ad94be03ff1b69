/** What stands where something is being fetched: never a blank page, never a jump when it comes. */
import { Card, Group, Skeleton, Stack, VisuallyHidden } from "@mantine/core";
import { t } from "../i18n.ts";

const rows = (count: number) => Array.from({ length: count }, (_, at) => at);

export function PageSkeleton() {
  return (
    <Stack gap="lg" aria-busy="true">
      <VisuallyHidden role="status">{t("Loading …")}</VisuallyHidden>
      <Group justify="space-between">
        <Skeleton height={28} width={220} />
        <Skeleton height={34} width={140} />
      </Group>
      <Card>
        <RowsSkeleton count={8} />
      </Card>
    </Stack>
  );
}

export function RowsSkeleton({ count = 6 }: { count?: number }) {
  return (
    <Stack gap="md" aria-busy="true">
      {rows(count).map((at) => (
        <Group key={at} wrap="nowrap">
          <Skeleton height={14} width="30%" />
          <Skeleton height={14} width="25%" />
          <Skeleton height={14} width="15%" />
          <Skeleton height={14} width="15%" />
        </Group>
      ))}
    </Stack>
  );
}
