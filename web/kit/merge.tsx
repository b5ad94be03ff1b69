/** Merging two records of one person: what comes from which side, what moves, and what ends. */
import { Alert, Button, Group, Radio, Stack, Table, Text } from "@mantine/core";
import { useQuery } from "@tanstack/react-query";
import { useState } from "react";
import { call } from "../api.ts";
import type { MergeInput } from "../../src/people/api.ts";
import { t } from "../i18n.ts";
import { queryClient } from "../queries.ts";
import { Failure, tellDone, tellFailure } from "./failures.tsx";
import { PERSON_TARGETS } from "./import-targets.ts";
import { personLabel } from "./pick.tsx";
import { RowsSkeleton } from "./skeletons.tsx";

export function MergeForm({ id, otherId, done }: { id: number; otherId: number; done: () => void }) {
  const [keep, setKeep] = useState<MergeInput["keep"]>({});
  const [busy, setBusy] = useState(false);
  const preview = useQuery({
    queryKey: ["POST /people/:id/merges/preview", id, otherId, keep],
    queryFn: () => call("POST /people/:id/merges/preview", { params: { id }, body: { otherId, keep } }),
    placeholderData: (former) => former,
  });
  if (preview.isError) return <Failure error={preview.error} />;
  if (!preview.data) return <RowsSkeleton />;
  const { survivor, other, fields, addresses, moves, stops, warnings } = preview.data;
  const merge = async () => {
    setBusy(true);
    try {
      await call("POST /people/:id/merges", { params: { id }, body: { otherId, keep } });
      await queryClient.invalidateQueries();
      tellDone(t("Merged. Links to the other record lead here."));
      done();
    } catch (error) {
      tellFailure(error);
    } finally {
      setBusy(false);
    }
  };
  const differing = fields.filter(({ differs }) => differs);
  return (
    <Stack>
      <Text size="sm">
        {t(
          "“{other}” goes into “{survivor}”: {emailCampaigns} Email Campaigns, {messages} mails and {groups} groups move.",
          {
            other: personLabel(other),
            survivor: personLabel(survivor),
            emailCampaigns: moves.emailCampaigns,
            messages: moves.messages,
            groups: moves.emailGroups,
          },
        )}
      </Text>
      {differing.length > 0 && (
        <div className="list-scroll" tabIndex={0} role="region" aria-label={t("Where the records differ")}>
          <Table aria-label={t("Where the records differ")} verticalSpacing={6}>
            <Table.Thead>
              <Table.Tr>
                <Table.Th>{t("Field")}</Table.Th>
                <Table.Th>{t("This one, kept: {name}", { name: personLabel(survivor) })}</Table.Th>
                <Table.Th>{t("The other: {name}", { name: personLabel(other) })}</Table.Th>
              </Table.Tr>
            </Table.Thead>
            <Table.Tbody>
              {differing.map(({ field, this: mine, other: theirs }) => (
                <Table.Tr key={field}>
                  <Table.Td>{fieldWord(field)}</Table.Td>
                  {(["this", "other"] as const).map((which) => (
                    <Table.Td key={which}>
                      <Radio
                        name={field}
                        aria-label={`${fieldWord(field)}: ${(which === "this" ? mine : theirs) ?? ""}`}
                        label={which === "this" ? mine : theirs}
                        checked={(keep[field] ?? "this") === which}
                        onChange={() => setKeep({ ...keep, [field]: which })}
                      />
                    </Table.Td>
                  ))}
                </Table.Tr>
              ))}
            </Table.Tbody>
          </Table>
        </div>
      )}
      {[
        ...warnings,
        ...stops.map(({ number, campaign, continues }) =>
          t("{number} ({campaign}) ends: {continues} goes on.", { number, campaign, continues }),
        ),
      ].map((text) => (
        <Alert key={text} color="orange" p="xs">
          {text}
        </Alert>
      ))}
      {addresses.length > 0 && (
        <Text size="sm">
          {t("Addresses afterwards: {addresses}", { addresses: addresses.map(({ email }) => email).join(", ") })}
        </Text>
      )}
      <Group justify="flex-end">
        <Text size="xs" c="dimmed">
          {t("This cannot be undone.")}
        </Text>
        <Button color="red" loading={busy} onClick={() => void merge()}>
          {t("Merge")}
        </Button>
      </Group>
    </Stack>
  );
}

const fieldWord = (field: string) => PERSON_TARGETS.find(({ value }) => value === field)?.label() ?? field;
