/** First start, behind the one-time link: the administrator and the workspace, in two steps. */
import { Button, Group, Select, Stack, Stepper, Textarea, TextInput } from "@mantine/core";
import { useForm } from "@mantine/form";
import { useParams } from "@tanstack/react-router";
import { useState } from "react";
import { call, Problem } from "../../api.ts";
import { language, LANGUAGES, type Language, t } from "../../i18n.ts";
import { showProblem } from "../../kit/form.ts";
import { NewPasswordInput } from "../../kit/password.tsx";
import { useRead } from "../../queries.ts";
import { Frame } from "./frame.tsx";
import { useEnter } from "./sign-in.tsx";

const OF_THE_FIRST = ["/name", "/email", "/password"];

export default function Setup() {
  const { token } = useParams({ strict: false }) as { token: string };
  useRead("GET /setup/:token", { params: { token } });
  const enter = useEnter();
  const [step, setStep] = useState(0);
  const [busy, setBusy] = useState(false);
  const form = useForm({
    initialValues: {
      name: "",
      email: "",
      password: "",
      workspaceName: "",
      timeZone: Intl.DateTimeFormat().resolvedOptions().timeZone,
      postalAddress: "",
      language: language() as string,
    },
    validate: {
      name: (name) => (name.trim() ? null : t("Your name, as colleagues and recipients know it.")),
      email: (email) => (/^\S+@\S+\.\S+$/.test(email) ? null : t("An address such as ana@example.com.")),
      password: (password) => (password.length >= 10 ? null : t("At least 10 characters.")),
      workspaceName: (name) => (step === 0 || name.trim() ? null : t("What recipients know you by.")),
    },
  });
  const submit = async (values: typeof form.values) => {
    if (step === 0) return setStep(1);
    setBusy(true);
    try {
      const { name, email, password, workspaceName, timeZone, postalAddress } = values;
      await call("PUT /setup/:token", {
        params: { token },
        body: {
          name,
          email,
          password,
          workspace: {
            name: workspaceName,
            timeZone,
            language: values.language as Language,
            ...(postalAddress.trim() ? { postalAddress } : {}),
          },
        },
      });
      await enter("/welcome");
    } catch (error) {
      if (error instanceof Problem && error.errors.some(({ pointer }) => OF_THE_FIRST.includes(pointer))) setStep(0);
      if (error instanceof Problem && error.errors.length > 0) {
        for (const { pointer, detail } of error.errors)
          form.setFieldError(
            pointer === "/workspace/name" ? "workspaceName" : (pointer.split("/").at(-1) ?? ""),
            detail,
          );
      } else showProblem(form, error);
    } finally {
      setBusy(false);
    }
  };
  return (
    <Frame width={560} title={t("Set up Tidings")} hint={t("Two short pages. Everything here can be changed later.")}>
      <Stepper active={step} size="sm" onStepClick={setStep} allowNextStepsSelect={false}>
        <Stepper.Step label={t("You")} description={t("the administrator")} />
        <Stepper.Step label={t("Your organisation")} description={t("name, zone, address")} />
      </Stepper>
      <form onSubmit={form.onSubmit((values) => void submit(values))} noValidate>
        {step === 0 ? (
          <Stack>
            <TextInput
              label={t("Your name")}
              description={t("Mails you start come from this name.")}
              autoComplete="name"
              required
              {...form.getInputProps("name")}
            />
            <TextInput
              label={t("Email address")}
              type="email"
              autoComplete="email"
              required
              {...form.getInputProps("email")}
            />
            <NewPasswordInput label={t("Password")} {...form.getInputProps("password")} />
            <Group justify="flex-end">
              <Button type="submit">{t("Next")}</Button>
            </Group>
          </Stack>
        ) : (
          <Stack>
            <TextInput
              label={t("Name of your organisation")}
              autoComplete="organization"
              required
              autoFocus
              {...form.getInputProps("workspaceName")}
            />
            <Select
              label={t("Time zone")}
              description={t("Mails leave by this clock, unless a person's own zone is known.")}
              searchable
              allowDeselect={false}
              data={Intl.supportedValuesOf("timeZone")}
              {...form.getInputProps("timeZone")}
            />
            <Textarea
              label={t("Postal address (optional)")}
              description={t(
                "Stands at the foot of every mail. The law of many countries asks for it; real mail needs one.",
              )}
              autosize
              minRows={2}
              {...form.getInputProps("postalAddress")}
            />
            <Select
              label={t("Language")}
              allowDeselect={false}
              data={Object.entries(LANGUAGES).map(([value, label]) => ({ value, label }))}
              {...form.getInputProps("language")}
              onChange={(value) => {
                form.setFieldValue("language", value ?? "en");
              }}
            />
            <Group justify="space-between">
              <Button variant="default" onClick={() => setStep(0)}>
                {t("Back")}
              </Button>
              <Button type="submit" loading={busy}>
                {t("Finish")}
              </Button>
            </Group>
          </Stack>
        )}
      </form>
    </Frame>
  );
}
