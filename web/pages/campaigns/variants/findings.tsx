/** What the checks find in a template, in a line that leads to it. */
import { Badge, Group } from "@mantine/core";
import { useQuery } from "@tanstack/react-query";
import { Link } from "@tanstack/react-router";
import { call } from "../../../api.ts";
import { t } from "../../../i18n.ts";
import { useApi } from "../../../queries.ts";

export function TemplateFindings({ emailTemplateId }: { emailTemplateId: number | null }) {
  const template = useApi("GET /email-templates/:id", {
    params: { id: emailTemplateId ?? 0 },
    enabled: emailTemplateId !== null,
  });
  const known = emailTemplateId !== null && template.data?.id === emailTemplateId ? template.data : undefined;
  const checked = useQuery({
    queryKey: ["findings of a variant", known?.versionId],
    enabled: known !== undefined,
    retry: false,
    queryFn: () => {
      const { subject, preheader, format, body, text } = known!;
      return call("POST /email-templates/check", { body: { subject, preheader, format, body, text } });
    },
  });
  if (!known || !checked.data) return null;
  const count = (severity: "error" | "warning") =>
    checked.data.findings.filter((finding) => finding.severity === severity).length;
  const [errors, warnings] = [count("error"), count("warning")];
  if (errors + warnings === 0) return null;
  return (
    <Group gap={6} mt={4}>
      <Badge
        component={Link}
        to={`/email-templates/${emailTemplateId}`}
        size="sm"
        variant="light"
        color={errors > 0 ? "red" : "orange"}
        style={{ cursor: "pointer" }}
      >
        {errors > 0
          ? t("{count, plural, one {# error} other {# errors}} in this template", { count: errors })
          : t("{count, plural, one {# warning} other {# warnings}} in this template", { count: warnings })}
      </Badge>
    </Group>
  );
}
