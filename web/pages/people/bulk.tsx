/** What can be done with many people at once: those chosen in a list, or everybody its filters mean. */
import { Button, Group, Modal, Stack, Text } from "@mantine/core";
import { Link } from "@tanstack/react-router";
import { useState } from "react";
import { call } from "../../api.ts";
import type { PeopleFilter } from "../../../src/people/api.ts";
import { t } from "../../i18n.ts";
import { ask } from "../../kit/ask.tsx";
import { tellFailure } from "../../kit/failures.tsx";
import { JobProgress, useJob } from "../../kit/job-progress.tsx";
import { actOnPeople, cameOf, type PeopleDeed } from "../../kit/people-deeds.ts";
import { nameLabel, Pick } from "../../kit/pick.tsx";
import { queryClient } from "../../queries.ts";
import { useMay } from "../../session.tsx";

type Whom = { readonly ids: readonly number[] } | { readonly filter: PeopleFilter };

export function BulkActions({ whom, done }: { whom: Whom; done: () => void }) {
  const may = useMay();
  const [grouping, setGrouping] = useState(false);
  const [jobId, setJobId] = useState<number | null>(null);
  const count = "ids" in whom ? whom.ids.length : null;
  const act = async (deed: PeopleDeed) => {
    if ("ids" in whom) {
      await actOnPeople(deed, whom.ids);
      done();
    } else {
      const answer = await call("POST /people/bulk-actions", { body: { ...deed, filter: whom.filter } });
      setJobId(answer.jobId);
    }
  };
  const start =
    "ids" in whom ? `ids=${whom.ids.join(",")}` : `filter=${encodeURIComponent(JSON.stringify(whom.filter))}`;
  return (
    <Group gap="xs">
      <Button size="xs" component={Link} to={`/email-campaigns/new?${start}`}>
        {t("Start a Campaign")}
      </Button>
      <Button size="xs" variant="default" onClick={() => setGrouping(true)}>
        {t("Add to a group")}
      </Button>
      <Button
        size="xs"
        variant="default"
        onClick={() =>
          ask({
            title: t("Mark as Do Not Contact?"),
            text:
              count === null
                ? t("Everybody these filters mean gets no more mail, and whatever runs for them stops.")
                : t(
                    "{count, plural, one {One person gets} other {# people get}} no more mail, and whatever runs for them stops.",
                    { count },
                  ),
            deed: t("Do Not Contact"),
            act: () => act({ action: "do-not-contact" }),
          })
        }
      >
        {t("Do Not Contact")}
      </Button>
      {may("manager") && (
        <Button
          size="xs"
          variant="default"
          color="red"
          onClick={() =>
            ask({
              title:
                count === null
                  ? t("Delete everybody these filters mean?")
                  : t("{count, plural, one {Delete this person?} other {Delete # people?}}", { count }),
              text: t("They go for good. Whoever was in a Campaign is kept: erase them one by one instead."),
              deed: t("Delete"),
              act: () => act({ action: "delete" }),
            })
          }
        >
          {t("Delete")}
        </Button>
      )}
      <Modal opened={grouping} onClose={() => setGrouping(false)} title={t("Add to a group")}>
        <Pick
          route="GET /email-groups"
          label={t("Email Group")}
          labelOf={nameLabel}
          value={null}
          data-autofocus
          onChange={(emailGroupId) => {
            setGrouping(false);
            if (emailGroupId !== null) void act({ action: "add-to-group", emailGroupId }).catch(tellFailure);
          }}
        />
      </Modal>
      <Modal opened={jobId !== null} onClose={done} title={t("Everybody these filters mean")}>
        {jobId !== null && <Progress jobId={jobId} close={done} />}
      </Modal>
    </Group>
  );
}

function Progress({ jobId, close }: { jobId: number; close: () => void }) {
  const job = useJob(jobId);
  const came = job?.state === "succeeded" ? (job.result as Parameters<typeof cameOf>[0] | null) : null;
  const finished = job?.state === "succeeded" || job?.state === "failed";
  return (
    <Stack>
      <JobProgress job={job} label={t("One by one")} />
      {came && <Text size="sm">{cameOf(came)}</Text>}
      <Text size="xs" c="dimmed">
        {finished ? null : t("It goes on when this is closed.")}
      </Text>
      <Group justify="flex-end">
        <Button
          variant={finished ? "filled" : "default"}
          onClick={() => {
            close();
            void queryClient.invalidateQueries();
          }}
        >
          {t("Close")}
        </Button>
      </Group>
    </Stack>
  );
}
