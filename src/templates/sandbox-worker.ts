/** The thread in which templates beyond the subset render: MiniJinja in WebAssembly, which has no files, no network and no clock. */
import { parentPort } from "node:worker_threads";
import { Environment } from "minijinja-js";

/** Steps MiniJinja may take for one part; a campaign mail takes some hundreds. */
const FUEL = 200_000;

export type Task =
  | { readonly kind: "render"; readonly parts: readonly Part[]; readonly variables: Readonly<Record<string, unknown>> }
  | { readonly kind: "check"; readonly source: string };
export type Part = { readonly source: string; readonly escape: boolean };
export type Reply = { readonly texts: readonly string[] } | { readonly problem: string };

parentPort!.on("message", (task: Task) => {
  parentPort!.postMessage(answer(task));
});
parentPort!.postMessage("ready");

function answer(task: Task): Reply {
  const environment = new Environment();
  try {
    environment.enablePyCompat();
    environment.fuel = FUEL;
    environment.undefinedBehavior = "chainable";
    environment.addFilter("default", (value: unknown, otherwise: unknown = "") =>
      value === undefined || value === null || value === "" ? otherwise : value,
    );
    if (task.kind === "check") {
      environment.addTemplate("checked", task.source);
      return { texts: [] };
    }
    const context = { ...task.variables, doc: task.variables };
    // The name decides about escaping, as it does in Jinja.
    const texts = task.parts.map(({ source, escape }) =>
      environment.renderNamedStr(escape ? "part.html" : "part.txt", source, context),
    );
    return { texts };
  } catch (error) {
    return { problem: error instanceof Error ? error.message : String(error) };
  } finally {
    environment.free();
  }
}
