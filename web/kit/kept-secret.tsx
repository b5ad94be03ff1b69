/** A field for a secret that goes in and never comes out: left empty, the one that is kept stays. */
import { PasswordInput, type PasswordInputProps } from "@mantine/core";
import { t } from "../i18n.ts";

export function KeptSecret({ isKept, ...field }: PasswordInputProps & { isKept: boolean }) {
  return (
    <PasswordInput
      description={isKept ? t("One is kept. Leave this empty to keep it.") : undefined}
      autoComplete="new-password"
      visibilityToggleButtonProps={{ "aria-label": t("Show the password") }}
      {...field}
    />
  );
}
