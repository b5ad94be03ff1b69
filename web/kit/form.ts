/** Forms over the API: what the server refuses is shown at the field it names. */
import type { UseFormReturnType } from "@mantine/form";
import { Problem } from "../api.ts";
import { tellFailure } from "./failures.tsx";

/** Shows a refusal at its fields (`/email` → `email`); what has no field is told at the side. */
export function showProblem<Values extends Record<string, unknown>>(
  form: UseFormReturnType<Values>,
  error: unknown,
): void {
  if (!(error instanceof Problem)) return tellFailure(error);
  const known = error.errors.filter(({ pointer }) => (pointer.split("/")[1] ?? "") in form.getValues());
  for (const { pointer, detail } of known) form.setFieldError(pointer.slice(1).replaceAll("/", "."), detail);
  if (known.length === 0) tellFailure(error);
}
