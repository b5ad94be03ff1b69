/** Who is signed in, and what they may do. Holds no secret: the session is a cookie scripts cannot read. */
import { queryOptions, useSuspenseQuery } from "@tanstack/react-query";
import { call } from "./api.ts";

export type Role = "viewer" | "user" | "manager" | "administrator";
const ROLES: readonly Role[] = ["viewer", "user", "manager", "administrator"];

export const sessionQuery = queryOptions({
  queryKey: ["GET /session"],
  queryFn: () => call("GET /session"),
  staleTime: 60_000,
  retry: false,
});

/** The signed-in user. Only below the route that asks for one. */
export function useSession() {
  return useSuspenseQuery(sessionQuery).data;
}

/** Whether the signed-in user may do what asks for a role. What is not allowed is not shown. */
export function useMay(): (least: Role) => boolean {
  const { user } = useSession();
  return (least) => ROLES.indexOf(user.role as Role) >= ROLES.indexOf(least);
}

/** Whether the signed-in user may change a row: their own, nobody's, or any as a manager. */
export function useMayChange(): (row: { ownerId?: number | null }) => boolean {
  const { user } = useSession();
  const may = useMay();
  return (row) => may("manager") || (may("user") && (row.ownerId == null || row.ownerId === user.id));
}
