/** A plain question before what cannot be undone. */
import { Text } from "@mantine/core";
import { modals } from "@mantine/modals";
import { t } from "../i18n.ts";
import { Problem } from "../api.ts";
import { tellFailure } from "./failures.tsx";

type Question = {
  readonly title: string;
  /** What will happen, and what will not. */
  readonly text: React.ReactNode;
  /** The deed as a verb: "Delete", "Cancel 12 Email Campaigns". */
  readonly deed: string;
  readonly harmful?: boolean;
  readonly act: () => unknown;
};

/** Asks; acts on yes, and says so when the deed fails. */
export function ask({ title, text, deed, harmful = true, act }: Question): void {
  modals.openConfirmModal({
    title: <Text fw={650}>{title}</Text>,
    children: (
      <Text size="sm" component="div">
        {text}
      </Text>
    ),
    labels: { confirm: deed, cancel: t("Keep as it is") },
    confirmProps: harmful ? { color: "red" } : {},
    onConfirm: () => void Promise.resolve(act()).catch(tellFailure),
  });
}

/**
 * Deletes what rules and conditions of Campaigns may name: where they do, that is said and asked about once more.
 * @param done what follows when it is gone.
 */
export async function deleteNamed(remove: (force: boolean) => Promise<unknown>, done: () => unknown): Promise<void> {
  try {
    await remove(false);
  } catch (error) {
    if (!(error instanceof Problem && error.code === "named-in-use")) throw error;
    ask({
      title: t("Delete it all the same?"),
      text: error.message,
      deed: t("Delete all the same"),
      act: async () => {
        await remove(true);
        await done();
      },
    });
    return;
  }
  await done();
}
