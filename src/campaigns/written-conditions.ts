/** Conditions as files write them, in words, brought to what they name here, and back. Evaluates nothing. */
import { conditionInWords } from "../core/condition-words.ts";
import { parseCondition, type Resolve } from "../core/condition-text.ts";
import type { Condition } from "../core/conditions.ts";
import { refuse } from "../core/problem.ts";
import type { Db } from "../db/database.ts";

/** Reads and writes conditions for as long as nothing gets another name. */
export type Writer = {
  /** @throws Refusal `condition-invalid` with its place in the text. */
  read(text: string, stepNamed: Resolve["step"], where: string): Condition;
  write(condition: Condition, stepName: (id: number) => string): string;
  /** An Email Group by its name, whatever the case; null: there is none. */
  groupNamed(name: string): number | null;
  /** What an Email Group is called; its number where it is gone. */
  groupName(id: number): string;
};

/** Groups and Campaigns go by their names, whatever the case; how steps are called the caller says. */
export async function conditionWriter(db: Db): Promise<Writer> {
  const groups = await db.selectFrom("emailGroups").select(["id", "title as name"]).execute();
  const campaigns = await db.selectFrom("campaigns").select(["id", "name"]).execute();
  const idOf = (rows: typeof groups) => {
    const ids = new Map(rows.map(({ id, name }) => [name.toLowerCase(), id]));
    return (name: string) => ids.get(name.toLowerCase()) ?? null;
  };
  const nameOf = (rows: typeof groups) => {
    const names = new Map(rows.map(({ id, name }) => [id, name]));
    return (id: number) => names.get(id) ?? String(id);
  };
  const [group, campaign] = [idOf(groups), idOf(campaigns)];
  const names = { group: nameOf(groups), campaign: nameOf(campaigns), field: (key: string) => key };
  return {
    read(text, step, where) {
      const read = parseCondition(text, { group, campaign, step });
      return "problem" in read ? refuse("condition-invalid", `${where}: ${read.problem}`) : read.condition;
    },
    groupNamed: group,
    groupName: names.group,
    write: (condition, step) => conditionInWords(condition, { ...names, step }, { language: "en" }),
  };
}
