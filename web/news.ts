/** Listens for what changes on the server, so that what is on screen stays true without asking again and again. */
import { useEffect } from "react";
import { address } from "./api.ts";
import { queryClient } from "./queries.ts";

/** Which reads are old when something of a topic changed: by a part of their route. */
const TOPICS: Readonly<Record<string, readonly string[]>> = {
  "email-campaigns": ["/email-campaigns", "/campaigns", "/home", "/insights", "/people"],
  messages: ["/communications", "/mailbox", "/email-campaigns", "/home", "/insights", "/people"],
  people: ["/leads", "/contacts", "/people", "/email-groups"],
  suppressions: ["/suppressions", "/people"],
  campaigns: ["/campaigns"],
  conversations: ["/conversation"],
  jobs: ["/jobs"],
};

const RETRY_MS = 10_000;

export function useNews(): void {
  useEffect(() => {
    let events: EventSource | undefined;
    let timer: ReturnType<typeof setTimeout> | undefined;
    const listen = () => {
      events = new EventSource(address("GET /events"));
      events.addEventListener("change", (event: MessageEvent<string>) => {
        const { topic } = JSON.parse(event.data) as { topic: string };
        const parts = TOPICS[topic] ?? [];
        void queryClient.invalidateQueries({
          predicate: ({ queryKey: [route] }) => parts.some((part) => String(route).includes(part)),
        });
      });
      events.addEventListener("error", () => {
        events?.close();
        timer = setTimeout(listen, RETRY_MS);
      });
    };
    // Not while the page is being loaded: a stream is the least urgent thing it asks for.
    timer = setTimeout(listen, 1500);
    return () => {
      clearTimeout(timer);
      events?.close();
    };
  }, []);
}
