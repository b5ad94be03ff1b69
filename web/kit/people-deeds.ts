/** Deeds over many people at once: told as they came out, with a way back where there is one. */
import { type Answer, call, type Sent } from "../api.ts";
import { t } from "../i18n.ts";
import { queryClient } from "../queries.ts";
import { tellDone } from "./failures.tsx";

/** How many people one request may name. */
const AT_ONCE = 500;

type Asked = NonNullable<Sent<"POST /people/bulk-actions">["body"]>;
export type PeopleDeed = Pick<Asked, "action" | "emailGroupId">;
type Came = Pick<Answer<"POST /people/bulk-actions">, "done" | "unchanged" | "problemCount"> & {
  readonly problems: readonly { readonly text: string }[];
};

/**
 * Does it to these people, as many requests as it takes, and says what came of it.
 * The way back is the server's own: it never subscribes anybody again who had unsubscribed.
 */
export async function actOnPeople(deed: PeopleDeed, ids: readonly number[], message?: string): Promise<void> {
  const total = { done: 0, unchanged: 0, problemCount: 0, problems: [] as { text: string }[] };
  const undos: Asked[] = [];
  try {
    for (let from = 0; from < ids.length; from += AT_ONCE) {
      const some = ids.slice(from, from + AT_ONCE);
      const answer = await call("POST /people/bulk-actions", { body: { ...deed, ids: some } });
      total.done += answer.done;
      total.unchanged += answer.unchanged;
      total.problemCount += answer.problemCount;
      total.problems.push(...answer.problems);
      if (answer.undo) undos.push(answer.undo.body as Asked);
    }
  } finally {
    await queryClient.invalidateQueries();
  }
  const back = async () => {
    for (const body of undos) await call("POST /people/bulk-actions", { body });
    await queryClient.invalidateQueries();
    tellDone(t("Undone."));
  };
  tellDone(message ?? cameOf(total), undos.length > 0 ? back : undefined);
}

/** What came of a deed, in one sentence. */
export function cameOf({ done, unchanged, problemCount, problems }: Came): string {
  return [
    t("{count, plural, one {# person changed} other {# people changed}}", { count: done }),
    unchanged > 0 && t("{count} were so already", { count: unchanged }),
    problemCount > 0 && `${t("{count} could not be", { count: problemCount })}: ${problems[0]?.text ?? ""}`,
  ]
    .filter(Boolean)
    .join(", ");
}
