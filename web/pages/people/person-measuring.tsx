/** Whether opens and clicks of a person are measured: chosen here, unless they said themselves that they are not. */
import { Select, Text } from "@mantine/core";
import { type Answer, call } from "../../api.ts";
import { t } from "../../i18n.ts";
import { tellDone, tellFailure } from "../../kit/failures.tsx";
import { Moment } from "../../kit/words.tsx";
import { queryClient } from "../../queries.ts";
import { Section } from "./person-consent.tsx";

type Person = Answer<"GET /people/:id">;
type Choice = Person["measuring"];

const WORDS: Readonly<Record<Choice, () => string>> = {
  "as-campaign": () => t("As the Campaign says"),
  never: () => t("Never"),
};
const HINTS: Readonly<Record<Choice, () => string>> = {
  "as-campaign": () => t("Never: mails from then on hold nothing to measure by, and earlier ones tell nothing more."),
  never: () => t("Mails hold nothing to measure by, whatever the Campaign says, and earlier ones tell nothing more."),
};

export function Measuring({ person, mayChange }: { person: Person; mayChange: boolean }) {
  const refused = person.measuringRefusedAt;
  const put = async (measuring: Choice, ifMatch?: string) => {
    const route = person.kind === "lead" ? "PATCH /leads/:id" : "PATCH /contacts/:id";
    await call(route, { params: { id: person.id }, body: { measuring }, ...(ifMatch ? { ifMatch } : {}) });
    await queryClient.invalidateQueries();
  };
  const choose = async (measuring: Choice) => {
    await put(measuring, `"${person.changedAt}"`);
    tellDone(t("Saved."), () => put(person.measuring));
  };
  return (
    <Section title={t("Opens and clicks")}>
      {mayChange && !refused ? (
        <Select
          label={t("Measure opens and clicks")}
          description={HINTS[person.measuring]()}
          data={Object.entries(WORDS).map(([value, word]) => ({ value: value as Choice, label: word() }))}
          value={person.measuring}
          onChange={(value) => {
            if (value && value !== person.measuring) void choose(value).catch(tellFailure);
          }}
          allowDeselect={false}
        />
      ) : (
        <>
          <Text size="sm">{t("Measured: {choice}", { choice: WORDS[person.measuring]() })}</Text>
          {refused && (
            <Text size="xs" c="dimmed">
              {t("They said so themselves. Only they can take it back, by the link in a mail.")}{" "}
              <Moment at={refused} ago />
            </Text>
          )}
        </>
      )}
    </Section>
  );
}
