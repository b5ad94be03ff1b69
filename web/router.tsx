/** Every address of the application and the page behind it. Each page is loaded when it is first opened. */
import {
  createRootRoute,
  createRoute,
  createRouter,
  lazyRouteComponent,
  Outlet,
  redirect,
} from "@tanstack/react-router";
import { Problem } from "./api.ts";
import { Crash, NothingAnywhere, NothingHere } from "./kit/failures.tsx";
import { PageSkeleton } from "./kit/skeletons.tsx";
import { queryClient } from "./queries.ts";
import { sessionQuery } from "./session.tsx";
import { Shell } from "./shell.tsx";

/** All search parameters are text, as they stand in the address bar; pages read the ones they know. */
export type Search = Readonly<Record<string, string | undefined>>;
const validateSearch = (search: Record<string, unknown>): Search =>
  Object.fromEntries(
    Object.entries(search).flatMap(([name, value]) => (value === undefined ? [] : [[name, asText(value)]])),
  );
/** A text as it is; numbers, truths and whatever else an address was read as, as they were written. */
const asText = (value: unknown): string => (typeof value === "string" ? value : JSON.stringify(value));

const root = createRootRoute({
  component: Outlet,
  notFoundComponent: NothingAnywhere,
  errorComponent: Crash,
  validateSearch,
});

type Loader = () => Promise<{ default: React.ComponentType }>;

function open<const Path extends string>(path: Path, load: Loader) {
  return createRoute({ getParentRoute: () => root, path, component: lazyRouteComponent(load) });
}

const signedIn = createRoute({
  getParentRoute: () => root,
  id: "signed-in",
  component: Shell,
  pendingComponent: PageSkeleton,
  errorComponent: Crash,
  notFoundComponent: NothingHere,
  beforeLoad: async ({ location }) => {
    try {
      await queryClient.ensureQueryData(sessionQuery);
    } catch (error) {
      if (!(error instanceof Problem && error.status === 401)) throw error;
      // oxlint-disable-next-line typescript/only-throw-error -- how this router is told to go elsewhere
      throw redirect({ to: "/sign-in", search: location.href === "/" ? {} : { next: location.href } });
    }
  },
});

function page<const Path extends string>(path: Path, load: Loader) {
  return createRoute({ getParentRoute: () => signedIn, path, component: lazyRouteComponent(load) });
}

const routeTree = root.addChildren([
  open("/sign-in", () => import("./pages/sign-in/sign-in.tsx")),
  open("/forgotten-password", () => import("./pages/sign-in/forgotten-password.tsx")),
  open("/new-password/$token", () => import("./pages/sign-in/new-password.tsx")),
  open("/invitation/$token", () => import("./pages/sign-in/invitation.tsx")),
  open("/setup/$token", () => import("./pages/sign-in/setup.tsx")),
  signedIn.addChildren([
    page("/", () => import("./pages/home/home.tsx")),
    page("/welcome", () => import("./pages/home/welcome.tsx")),
    page("/insights", () => import("./pages/home/insights.tsx")),
    page("/leads", () => import("./pages/people/leads.tsx")),
    page("/contacts", () => import("./pages/people/contacts.tsx")),
    page("/people/$id", () => import("./pages/people/person.tsx")),
    page("/import", () => import("./pages/people/import.tsx")),
    page("/duplicates", () => import("./pages/people/duplicates.tsx")),
    page("/email-groups", () => import("./pages/people/email-groups.tsx")),
    page("/email-groups/$id", () => import("./pages/people/email-group.tsx")),
    page("/suppressions", () => import("./pages/people/suppressions.tsx")),
    page("/campaigns", () => import("./pages/campaigns/campaigns.tsx")),
    page("/campaigns/$id", () => import("./pages/campaigns/campaign.tsx")),
    page("/campaigns/$id/schedule", () => import("./pages/campaigns/schedule.tsx")),
    page("/campaigns/$id/versions", () => import("./pages/campaigns/versions.tsx")),
    page("/campaigns/$id/simulation", () => import("./pages/campaigns/simulation.tsx")),
    page("/forecast", () => import("./pages/home/forecast.tsx")),
    page("/email-campaigns", () => import("./pages/email-campaigns/email-campaigns.tsx")),
    page("/email-campaigns/new", () => import("./pages/email-campaigns/new.tsx")),
    page("/email-campaigns/$id", () => import("./pages/email-campaigns/email-campaign.tsx")),
    page("/email-templates", () => import("./pages/email-templates/email-templates.tsx")),
    page("/email-templates/$id", () => import("./pages/email-templates/email-template.tsx")),
    page("/replies", () => import("./pages/replies/replies.tsx")),
    page("/deliverability", () => import("./pages/home/deliverability.tsx")),
    page("/settings/incoming", () => import("./pages/settings/incoming.tsx")),
    page("/communications", () => import("./pages/communications/communications.tsx")),
    page("/mailbox", () => import("./pages/communications/mailbox.tsx")),
    page("/settings/profile", () => import("./pages/settings/profile.tsx")),
    page("/settings/workspace", () => import("./pages/settings/workspace.tsx")),
    page("/settings/brand", () => import("./pages/settings/brand.tsx")),
    page("/settings/timing", () => import("./pages/settings/timing.tsx")),
    page("/settings/email-accounts", () => import("./pages/settings/email-accounts.tsx")),
    page("/settings/senders", () => import("./pages/settings/senders.tsx")),
    page("/settings/sending-domains", () => import("./pages/settings/sending-domains.tsx")),
    page("/settings/recipient-domains", () => import("./pages/settings/recipient-domains.tsx")),
    page("/settings/fields", () => import("./pages/settings/fields.tsx")),
    page("/settings/users", () => import("./pages/settings/users.tsx")),
    page("/settings/api-keys", () => import("./pages/settings/api-keys.tsx")),
    page("/settings/audit", () => import("./pages/settings/audit.tsx")),
  ]),
]);

export const router = createRouter({
  routeTree,
  parseSearch: (text) => Object.fromEntries(new URLSearchParams(text)),
  stringifySearch: (search) => {
    const given = Object.entries(search as Search).filter(([, value]) => value !== undefined && value !== "");
    const text = new URLSearchParams(given as [string, string][]).toString();
    return text === "" ? "" : `?${text}`;
  },
  defaultPreload: "intent",
  defaultPendingComponent: PageSkeleton,
  defaultPendingMs: 150,
  scrollRestoration: true,
});

declare module "@tanstack/react-router" {
  interface Register {
    router: typeof router;
  }
}
