/** What is known of the server's data, and when it is asked again. */
import {
  keepPreviousData,
  MutationCache,
  QueryClient,
  queryOptions,
  useQuery,
  useSuspenseQuery,
} from "@tanstack/react-query";
import { type Answer, call, Problem, type Route, type Sent } from "./api.ts";

export const queryClient = new QueryClient({
  defaultOptions: {
    queries: {
      staleTime: 10_000,
      retry: (count, error) => count < 2 && (!(error instanceof Problem) || error.status === 0 || error.status >= 500),
    },
  },
  // Whatever was changed, what is shown may be older than it now.
  mutationCache: new MutationCache({ onSuccess: () => queryClient.invalidateQueries() }),
});

/** Options of a query for an endpoint. Its key starts with the route, so that `invalidate("GET /leads")` reaches all of its kind. */
export function reading<Of extends Route & `GET ${string}`>(route: Of, sent: Omit<Sent<Of>, "signal"> = {}) {
  return queryOptions({
    queryKey: [route, sent.params ?? {}, sent.query ?? {}],
    queryFn: ({ signal }): Promise<Answer<Of>> => call(route, { ...sent, signal }),
  });
}

/** Reads an endpoint; shows the former answer while another one is fetched. */
export function useApi<Of extends Route & `GET ${string}`>(
  route: Of,
  sent: Omit<Sent<Of>, "signal"> & { enabled?: boolean } = {},
) {
  const { enabled = true, ...rest } = sent;
  return useQuery({ ...reading(route, rest as Sent<Of>), enabled, placeholderData: keepPreviousData });
}

/** Reads what a page cannot do without; the page's skeleton stands meanwhile. */
export function useRead<Of extends Route & `GET ${string}`>(route: Of, sent: Omit<Sent<Of>, "signal"> = {}) {
  return useSuspenseQuery(reading(route, sent));
}

/** Marks everything read from these endpoints as old: what is on screen is asked again. */
export function invalidate(...routes: (Route & `GET ${string}`)[]): Promise<void> {
  return queryClient.invalidateQueries({ predicate: ({ queryKey }) => routes.includes(queryKey[0] as never) });
}
