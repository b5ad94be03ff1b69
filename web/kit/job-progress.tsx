/** Long work as it happens: a bar that follows the server's events, and what came of it. */
import { Alert, Group, Progress, Stack, Text } from "@mantine/core";
import { useEffect, useState } from "react";
import { address, type Answer, call } from "../api.ts";
import { formatNumber, t } from "../i18n.ts";

export type Job = Answer<"GET /jobs/:id">;

/** Follows a job until it is finished; falls back to asking when the stream breaks. */
export function useJob(id: number | null): Job | null {
  const [job, setJob] = useState<Job | null>(null);
  useEffect(() => {
    if (id === null) return;
    let timer: ReturnType<typeof setTimeout> | undefined;
    const finished = (one: Job) => one.state === "succeeded" || one.state === "failed";
    const poll = async () => {
      const now = await call("GET /jobs/:id", { params: { id } }).catch(() => null);
      if (now) setJob(now);
      if (!now || !finished(now)) timer = setTimeout(() => void poll(), 1000);
    };
    const events = new EventSource(address("GET /jobs/:id/events", { params: { id } }));
    events.addEventListener("progress", (event: MessageEvent<string>) => {
      const now = JSON.parse(event.data) as Job;
      setJob(now);
      if (finished(now)) events.close();
    });
    events.addEventListener("error", () => {
      events.close();
      void poll();
    });
    return () => {
      events.close();
      clearTimeout(timer);
    };
  }, [id]);
  return job?.id === id ? job : null;
}

export function JobProgress({ job, label }: { job: Job | null; label: string }) {
  const done = job?.done ?? 0;
  const total = job?.total ?? null;
  const finished = job?.state === "succeeded";
  const share = finished ? 100 : total ? Math.min(100, (done / total) * 100) : done > 0 ? 100 : 0;
  return (
    <Stack gap="xs" aria-live="polite">
      <Group justify="space-between">
        <Text size="sm" fw={600}>
          {label}
        </Text>
        <Text size="sm" c="dimmed" className="numbers">
          {total
            ? t("{done} of {total}", { done: formatNumber(done), total: formatNumber(total) })
            : formatNumber(done)}
        </Text>
      </Group>
      <Progress.Root size="lg">
        <Progress.Section
          value={share}
          aria-label={label}
          animated={!finished && job?.state !== "failed"}
          color={job?.state === "failed" ? "red" : finished ? "green" : "ink"}
        />
      </Progress.Root>
      {job?.state === "failed" && (
        <Alert color="red" role="alert">
          {job.error ?? t("It failed.")}
        </Alert>
      )}
    </Stack>
  );
}
