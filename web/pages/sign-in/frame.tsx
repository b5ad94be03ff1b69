/** The frame of the pages before signing in: one card, one thing to do. */
import { Box, Card, Group, Stack, Text, Title } from "@mantine/core";
import { IconMail } from "@tabler/icons-react";
import type { ReactNode } from "react";
import { useTitle } from "../../kit/page.tsx";

export function Frame({
  title,
  hint,
  width = 420,
  children,
}: {
  title: string;
  hint?: ReactNode;
  width?: number;
  children: ReactNode;
}) {
  useTitle(title);
  return (
    <Box component="main" mih="100dvh" p="md" pt={{ base: "xl", sm: "10vh" }}>
      <Stack maw={width} mx="auto" gap="lg">
        <Group gap={8} justify="center">
          <IconMail size={28} color="var(--mantine-primary-color-filled)" stroke={2} aria-hidden />
          <Text fw={700} size="xl">
            Tidings
          </Text>
        </Group>
        <Card padding="xl">
          <Stack gap="md">
            <div>
              <Title order={1} size="h2">
                {title}
              </Title>
              {hint && (
                <Text size="sm" c="dimmed" mt={4} component="div">
                  {hint}
                </Text>
              )}
            </div>
            {children}
          </Stack>
        </Card>
      </Stack>
    </Box>
  );
}
