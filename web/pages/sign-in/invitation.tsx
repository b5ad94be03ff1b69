/** Accepting an invitation: a name and a password, and in. */
import { Button, Stack, TextInput } from "@mantine/core";
import { useForm } from "@mantine/form";
import { useParams } from "@tanstack/react-router";
import { call } from "../../api.ts";
import { t } from "../../i18n.ts";
import { showProblem } from "../../kit/form.ts";
import { NewPasswordInput } from "../../kit/password.tsx";
import { useRead } from "../../queries.ts";
import { Frame } from "./frame.tsx";
import { useEnter } from "./sign-in.tsx";

export default function Invitation() {
  const { token } = useParams({ strict: false }) as { token: string };
  const { data: invitation } = useRead("GET /invitations/by-token/:token", { params: { token } });
  const enter = useEnter();
  const form = useForm({ initialValues: { name: invitation.name, password: "" } });
  const submit = async (body: { name: string; password: string }) => {
    try {
      await call("PUT /invitations/by-token/:token", { params: { token }, body });
      await enter("/");
    } catch (error) {
      showProblem(form, error);
    }
  };
  return (
    <Frame
      title={t("Welcome to Tidings")}
      hint={t("Your account for {email}: choose a password and you are in.", { email: invitation.email })}
    >
      <form onSubmit={form.onSubmit((values) => void submit(values))}>
        <Stack>
          <TextInput label={t("Your name")} autoComplete="name" required {...form.getInputProps("name")} />
          <NewPasswordInput label={t("Password")} {...form.getInputProps("password")} />
          <Button type="submit">{t("Accept the invitation")}</Button>
        </Stack>
      </form>
    </Frame>
  );
}
