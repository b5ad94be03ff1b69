/** A field for a new password: what makes a good one is said before, not after. */
import { PasswordInput, type PasswordInputProps } from "@mantine/core";
import { t } from "../i18n.ts";

export function NewPasswordInput(props: PasswordInputProps) {
  return (
    <PasswordInput
      label={t("New password")}
      description={t("At least 10 characters. A few words in a row are easy to remember and hard to guess.")}
      autoComplete="new-password"
      required
      minLength={10}
      maxLength={200}
      visibilityToggleButtonProps={{ "aria-label": t("Show the password") }}
      {...props}
    />
  );
}
