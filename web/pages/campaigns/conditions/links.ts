/** The links of a Campaign's mails that somebody has clicked, as their author wrote them. */
import { useApi } from "../../../queries.ts";

export function useLinks(campaignId: string): readonly string[] {
  const engagement = useApi("GET /campaigns/:id/engagement", { params: { id: campaignId } });
  return [...new Set(engagement.data?.steps.flatMap(({ links }) => links.map(({ link }) => link)))];
}
