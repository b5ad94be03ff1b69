/** Asking for a link to a new password. The answer is the same whether the address is known or not. */
import { Alert, Anchor, Button, Stack, TextInput } from "@mantine/core";
import { useForm } from "@mantine/form";
import { Link } from "@tanstack/react-router";
import { useState } from "react";
import { call } from "../../api.ts";
import { t } from "../../i18n.ts";
import { showProblem } from "../../kit/form.ts";
import { Frame } from "./frame.tsx";

export default function ForgottenPassword() {
  const [sent, setSent] = useState(false);
  const form = useForm({ initialValues: { email: "" } });
  const submit = async (body: { email: string }) => {
    try {
      await call("POST /password-resets", { body });
      setSent(true);
    } catch (error) {
      showProblem(form, error);
    }
  };
  return (
    <Frame title={t("A new password")} hint={t("We send you a link that is good for an hour.")}>
      {sent ? (
        <Alert color="green" role="status">
          {t("If this address belongs to a user, a link is on its way. Look into your mailbox.")}
        </Alert>
      ) : (
        <form onSubmit={form.onSubmit((values) => void submit(values))}>
          <Stack>
            <TextInput
              label={t("Email address")}
              type="email"
              autoComplete="username"
              required
              {...form.getInputProps("email")}
            />
            <Button type="submit">{t("Send the link")}</Button>
          </Stack>
        </form>
      )}
      <Anchor component={Link} to="/sign-in" size="sm" ta="center">
        {t("Back to signing in")}
      </Anchor>
    </Frame>
  );
}
