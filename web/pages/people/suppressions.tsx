/** Addresses that get nothing more: why, how far it reaches, and since when. */
import { Button, Modal, Select, TextInput } from "@mantine/core";
import { IconPlus, IconSearch } from "@tabler/icons-react";
import { useState } from "react";
import { call, type Row } from "../../api.ts";
import { t } from "../../i18n.ts";
import { ask } from "../../kit/ask.tsx";
import { tellDone } from "../../kit/failures.tsx";
import { type Column, Empty, List, useSearchState } from "../../kit/list.tsx";
import { Page } from "../../kit/page.tsx";
import {
  howLifted,
  mayBeLifted,
  originOf,
  scopeWord,
  SUPPRESSION_REASONS,
  SUPPRESSION_SCOPES,
  suppressionReason,
} from "../../kit/suppression-words.ts";
import { Moment, RecordLink } from "../../kit/words.tsx";
import { queryClient } from "../../queries.ts";
import { useMay } from "../../session.tsx";
import { SuppressForm } from "./suppress.tsx";

type Suppression = Row<"GET /suppressions">;

export default function Suppressions() {
  const may = useMay();
  const [search, change] = useSearchState();
  const [adding, setAdding] = useState(false);
  const lift = ({ id, email }: Suppression) =>
    ask({
      title: t("Let mail go to {email} again?", { email: email ?? "" }),
      harmful: false,
      text: t("What a person asked for themselves cannot be lifted here; this one can."),
      deed: t("Lift it"),
      act: async () => {
        await call("DELETE /suppressions/:id", { params: { id } });
        await queryClient.invalidateQueries();
        tellDone(t("Lifted."));
      },
    });
  const columns: readonly Column<Suppression>[] = [
    {
      key: "email",
      label: t("Address"),
      cell: ({ email, personId }) =>
        personId && email ? <RecordLink to={`/people/${personId}`}>{email}</RecordLink> : (email ?? t("erased")),
    },
    {
      key: "scope",
      label: t("Scope"),
      cell: ({ scope, campaignId }) =>
        campaignId === null ? (
          scopeWord(scope)
        ) : (
          <RecordLink to={`/campaigns/${campaignId}`}>{scopeWord(scope)}</RecordLink>
        ),
    },
    { key: "reason", label: t("Reason"), cell: ({ reason }) => suppressionReason(reason) },
    {
      key: "origin",
      label: t("Origin"),
      cell: ({ origin }) => {
        const { text, communication } = originOf(origin);
        return communication === null ? (
          text
        ) : (
          <RecordLink to={`/communications?open=${communication}`}>{text}</RecordLink>
        );
      },
    },
    { key: "howLifted", label: t("Is lifted"), optional: true, cell: ({ reason }) => howLifted(reason) },
    {
      key: "liftedAt",
      label: t("Lifted"),
      optional: search["lifted"] !== "true",
      cell: ({ liftedAt, liftedBy }) =>
        liftedAt && (
          <>
            <Moment at={liftedAt} /> {liftedBy}
          </>
        ),
    },
    { key: "createdAt", label: t("Since"), sort: "id", cell: ({ createdAt }) => <Moment at={createdAt} /> },
    {
      key: "lift",
      label: "",
      align: "right",
      cell: (row) =>
        may("manager") &&
        !row.liftedAt &&
        mayBeLifted(row.reason) && (
          <Button size="compact-xs" variant="subtle" onClick={() => lift(row)}>
            {t("Lift")}
          </Button>
        ),
    },
  ];
  const add = may("user") && (
    <Button leftSection={<IconPlus size={16} />} onClick={() => setAdding(true)}>
      {t("Suppress an address")}
    </Button>
  );
  return (
    <Page title={t("Suppressions")} hint={t("Addresses that get nothing more, whatever runs.")} actions={add}>
      <List
        route="GET /suppressions"
        label={t("Suppressions")}
        columns={columns}
        filters={["scope", "reason", "email", "lifted"]}
        controls={
          <>
            <ExactAddress key={search["email"] ?? ""} value={search["email"] ?? ""} change={change} />
            <Select
              aria-label={t("Reason")}
              placeholder={t("Any reason")}
              data={SUPPRESSION_REASONS.map((value) => ({ value, label: suppressionReason(value) }))}
              value={search["reason"] ?? null}
              onChange={(reason) => change({ reason: reason ?? undefined })}
              clearable
              w={180}
            />
            <Select
              aria-label={t("Scope")}
              placeholder={t("Any scope")}
              data={SUPPRESSION_SCOPES.map((value) => ({ value, label: scopeWord(value) }))}
              value={search["scope"] ?? null}
              onChange={(scope) => change({ scope: scope ?? undefined })}
              clearable
              w={160}
            />
            <Select
              aria-label={t("In force or lifted")}
              data={[
                { value: "no", label: t("In force") },
                { value: "true", label: t("Lifted") },
              ]}
              value={search["lifted"] ?? "no"}
              allowDeselect={false}
              onChange={(lifted) => change({ lifted: lifted === "true" ? "true" : undefined })}
              w={130}
            />
          </>
        }
        empty={
          <Empty title={t("Nobody is suppressed")} action={add}>
            {t("Whoever unsubscribes, complains or has a dead address stands here by itself.")}
          </Empty>
        }
      />
      <Modal opened={adding} onClose={() => setAdding(false)} title={t("Suppress an address")}>
        {adding && <SuppressForm done={() => setAdding(false)} />}
      </Modal>
    </Page>
  );
}

/** Looks for one address, whole: is this one suppressed? */
function ExactAddress({ value, change }: { value: string; change: (changes: { email: string | undefined }) => void }) {
  const [typed, setTyped] = useState(value);
  return (
    <form
      onSubmit={(event) => {
        event.preventDefault();
        change({ email: typed.trim() || undefined });
      }}
    >
      <TextInput
        type="search"
        aria-label={t("Find an address")}
        placeholder={t("A whole address, then Enter")}
        leftSection={<IconSearch size={16} />}
        value={typed}
        onChange={(event) => setTyped(event.currentTarget.value)}
        onBlur={() => typed.trim() !== value && change({ email: typed.trim() || undefined })}
        w={260}
      />
    </form>
  );
}
