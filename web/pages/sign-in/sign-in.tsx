/** Signing in: address and password, a second factor where there is one, or a passkey. */
import { Alert, Anchor, Button, Divider, PasswordInput, Stack, TextInput } from "@mantine/core";
import { useForm } from "@mantine/form";
import { IconKey } from "@tabler/icons-react";
import { Link, useNavigate, useSearch } from "@tanstack/react-router";
import { useState } from "react";
import { call, Problem } from "../../api.ts";
import { chooseLanguage, type Language, t } from "../../i18n.ts";
import { sentenceOf } from "../../kit/failures.tsx";
import { queryClient } from "../../queries.ts";
import type { Search } from "../../router.tsx";
import { sessionQuery } from "../../session.tsx";
import { Frame } from "./frame.tsx";

export default function SignIn() {
  const [needsCode, setNeedsCode] = useState(false);
  const [problem, setProblem] = useState<string | null>(null);
  const [busy, setBusy] = useState(false);
  const enter = useEnter();
  const form = useForm({ mode: "uncontrolled", initialValues: { email: "", password: "", code: "" } });

  const attempt = async (act: () => Promise<unknown>) => {
    setBusy(true);
    setProblem(null);
    try {
      await act();
      await enter();
    } catch (error) {
      if (error instanceof Problem && error.code === "second-factor-required") setNeedsCode(true);
      else if (!(error instanceof DOMException)) setProblem(sentenceOf(error));
    } finally {
      setBusy(false);
    }
  };
  const submit = ({ email, password, code }: { email: string; password: string; code: string }) =>
    void attempt(() => call("POST /session", { body: { email, password, ...(code ? { code } : {}) } }));

  return (
    <Frame title={t("Sign in")}>
      <form onSubmit={form.onSubmit(submit)}>
        <Stack>
          {problem && (
            <Alert color="red" role="alert">
              {problem}
            </Alert>
          )}
          <TextInput
            label={t("Email address")}
            type="email"
            autoComplete="username webauthn"
            required
            key={form.key("email")}
            {...form.getInputProps("email")}
          />
          <PasswordInput
            label={t("Password")}
            autoComplete="current-password"
            required
            visibilityToggleButtonProps={{ "aria-label": t("Show the password") }}
            key={form.key("password")}
            {...form.getInputProps("password")}
          />
          {needsCode && (
            <TextInput
              label={t("Code")}
              description={t("The six digits your authenticator shows, or one of your recovery codes.")}
              autoComplete="one-time-code"
              inputMode="numeric"
              autoFocus
              required
              key={form.key("code")}
              {...form.getInputProps("code")}
            />
          )}
          <Button type="submit" loading={busy} fullWidth>
            {t("Sign in")}
          </Button>
        </Stack>
      </form>
      <Divider label={t("or")} />
      <Button variant="default" leftSection={<IconKey size={16} />} onClick={() => void attempt(signInWithPasskey)}>
        {t("Use a passkey")}
      </Button>
      <Anchor component={Link} to="/forgotten-password" size="sm" ta="center">
        {t("Forgotten your password?")}
      </Anchor>
    </Frame>
  );
}

/** Goes where the visitor wanted to, in their own language. */
export function useEnter(): (to?: string) => Promise<void> {
  const navigate = useNavigate();
  const { next } = useSearch({ strict: false }) as Search;
  return async (to) => {
    queryClient.clear();
    const { user } = await queryClient.fetchQuery(sessionQuery);
    const wanted = to ?? next ?? "/";
    // Within this application only: an address of elsewhere never gets through.
    await navigate({ to: /^\/(?![/\\])/.test(wanted) ? wanted : "/" });
    chooseLanguage(user.language as Language);
  };
}

async function signInWithPasskey(): Promise<void> {
  const { startAuthentication } = await import("@simplewebauthn/browser");
  const options = await call("POST /passkey-challenges");
  const response = await startAuthentication({ optionsJSON: options as never });
  await call("POST /session/passkey", { body: { response: response as never } });
}
