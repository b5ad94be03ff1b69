/** The frame of every page: heading, what belongs to it, and the title of the browser's tab. */
import { Anchor, Breadcrumbs, Group, Stack, Text, Title } from "@mantine/core";
import { Link } from "@tanstack/react-router";
import { type ReactNode, useEffect } from "react";

type PageProps = {
  readonly title: string;
  readonly hint?: ReactNode;
  /** Where this page belongs: label and address of each page above it. */
  readonly above?: readonly (readonly [label: string, to: string])[];
  readonly badge?: ReactNode;
  readonly actions?: ReactNode;
  readonly children: ReactNode;
};

export function Page({ title, hint, above, badge, actions, children }: PageProps) {
  useTitle(title);
  return (
    <Stack gap="lg">
      <Stack gap={4}>
        {above && (
          <Breadcrumbs fz="sm">
            {above.map(([label, to]) => (
              <Anchor key={to} component={Link} to={to} size="sm">
                {label}
              </Anchor>
            ))}
          </Breadcrumbs>
        )}
        <Group justify="space-between" align="flex-start" gap="sm">
          <Stack gap={2} miw={0}>
            <Group gap="sm">
              <Title order={1}>{title}</Title>
              {badge}
            </Group>
            {hint && (
              <Text c="dimmed" size="sm" component="div" maw={680}>
                {hint}
              </Text>
            )}
          </Stack>
          {actions && <Group gap="xs">{actions}</Group>}
        </Group>
      </Stack>
      {children}
    </Stack>
  );
}

export function useTitle(title: string): void {
  useEffect(() => {
    document.title = title === "Tidings" ? title : `${title} · Tidings`;
  }, [title]);
}
