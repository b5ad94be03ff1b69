/** Records that are probably of the same person, pair by pair. */
import { Button, Card, Group, Modal, SimpleGrid, Stack, Text } from "@mantine/core";
import { useInfiniteQuery } from "@tanstack/react-query";
import { useState } from "react";
import { call, type Row } from "../../api.ts";
import { t } from "../../i18n.ts";
import { Failure } from "../../kit/failures.tsx";
import { Empty } from "../../kit/list.tsx";
import { MergeForm } from "../../kit/merge.tsx";
import { Page } from "../../kit/page.tsx";
import { RowsSkeleton } from "../../kit/skeletons.tsx";
import { Moment, PersonLink } from "../../kit/words.tsx";

type Pair = Row<"GET /people/duplicates">;

export default function Duplicates() {
  const [pair, setPair] = useState<[number, number] | null>(null);
  const found = useInfiniteQuery({
    queryKey: ["GET /people/duplicates"],
    initialPageParam: null as string | null,
    queryFn: ({ pageParam }) => call("GET /people/duplicates", { query: pageParam ? { cursor: pageParam } : {} }),
    getNextPageParam: (last) => last.nextCursor,
  });
  const pairs = found.data?.pages.flatMap(({ data }) => data) ?? [];
  return (
    <Page
      title={t("Duplicates")}
      hint={t("Records that are probably of the same person. Merging keeps everything of both.")}
      above={[[t("Leads"), "/leads"]]}
    >
      {found.isError ? (
        <Failure error={found.error} retry={found.refetch} />
      ) : found.isPending ? (
        <RowsSkeleton />
      ) : (
        <Stack>
          {pairs.length === 0 && !found.hasNextPage && (
            <Empty title={t("No duplicates found")}>
              {t("Nobody shares a mailbox, or a name and a company, with somebody else.")}
            </Empty>
          )}
          {pairs.map((one) => (
            <PairCard key={`${one.one.id}-${one.other.id}`} pair={one} merge={setPair} />
          ))}
          {found.hasNextPage && (
            <Group>
              <Button variant="default" loading={found.isFetchingNextPage} onClick={() => void found.fetchNextPage()}>
                {t("Look further")}
              </Button>
            </Group>
          )}
        </Stack>
      )}
      <Modal opened={pair !== null} onClose={() => setPair(null)} size="lg" title={t("Merge")}>
        {pair && <MergeForm id={pair[0]} otherId={pair[1]} done={() => setPair(null)} />}
      </Modal>
    </Page>
  );
}

function PairCard({ pair, merge }: { pair: Pair; merge: (pair: [number, number]) => void }) {
  return (
    <Card component="section" aria-label={pair.text} padding="md">
      <Text size="xs" c="dimmed" mb="xs">
        {pair.text}
      </Text>
      <SimpleGrid cols={{ base: 1, sm: 2 }}>
        {([pair.one, pair.other] as const).map((person, at) => (
          <Group key={person.id} justify="space-between" wrap="nowrap" align="flex-start">
            <div>
              <PersonLink person={{ id: person.id, name: person.fullName, email: person.email }} />
              <Text size="xs" c="dimmed">
                {person.company} <Moment at={person.createdAt} ago />
              </Text>
            </div>
            <Button
              size="xs"
              variant="default"
              onClick={() => merge(at === 0 ? [pair.one.id, pair.other.id] : [pair.other.id, pair.one.id])}
            >
              {t("Keep this one")}
            </Button>
          </Group>
        ))}
      </SimpleGrid>
    </Card>
  );
}
