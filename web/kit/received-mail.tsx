/** A received mail as it came: in a frame of its own, as text, and as source. Read and taken apart only when it is asked for. */
import { useQuery } from "@tanstack/react-query";
import PostalMime from "postal-mime";
import { address, Problem } from "../api.ts";
import { t } from "../i18n.ts";
import { MailBody } from "./communication-detail.tsx";
import { Failure } from "./failures.tsx";
import { RowsSkeleton } from "./skeletons.tsx";

export default function ReceivedMail({ id, subject }: { id: number; subject: string }) {
  const source = address("GET /inbound/mails/:id/source", { params: { id } });
  const found = useQuery({
    queryKey: ["received mail", id],
    queryFn: async ({ signal }) => {
      const answer = await fetch(source, { credentials: "same-origin", signal });
      if (!answer.ok) throw new Problem(answer.status, "failed", t("The original is not kept any more."));
      const { html, text } = await PostalMime.parse(await answer.arrayBuffer());
      return { html: html ?? null, text: text ?? "" };
    },
    staleTime: Infinity,
    retry: false,
  });
  if (found.isError) return <Failure error={found.error} />;
  if (!found.data) return <RowsSkeleton count={3} />;
  return <MailBody html={found.data.html} text={found.data.text} subject={subject} eml={source} height={360} />;
}
