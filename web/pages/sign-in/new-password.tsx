/** Choosing a new password with a link that was sent. */
import { Button, Stack } from "@mantine/core";
import { useForm } from "@mantine/form";
import { useNavigate, useParams } from "@tanstack/react-router";
import { call } from "../../api.ts";
import { t } from "../../i18n.ts";
import { tellDone } from "../../kit/failures.tsx";
import { showProblem } from "../../kit/form.ts";
import { NewPasswordInput } from "../../kit/password.tsx";
import { Frame } from "./frame.tsx";

export default function NewPassword() {
  const { token } = useParams({ strict: false }) as { token: string };
  const navigate = useNavigate();
  const form = useForm({ initialValues: { password: "" } });
  const submit = async (body: { password: string }) => {
    try {
      await call("PUT /password-resets/:token", { params: { token }, body });
      tellDone(t("Your password is changed. Sign in with it."));
      await navigate({ to: "/sign-in" });
    } catch (error) {
      showProblem(form, error);
    }
  };
  return (
    <Frame title={t("Choose a new password")} hint={t("You are signed out everywhere else.")}>
      <form onSubmit={form.onSubmit((values) => void submit(values))}>
        <Stack>
          <NewPasswordInput {...form.getInputProps("password")} />
          <Button type="submit">{t("Save the password")}</Button>
        </Stack>
      </form>
    </Frame>
  );
}
