/** HTTP in, HTTP out for Email Groups. Decides nothing. */
import { recordChange } from "../accounts/audit.ts";
import { type Db, inTransaction } from "../db/database.ts";
import type { Serve } from "../http/serve.ts";
import { type Neighbours, removalOf } from "../people/people.ts";
import { emailGroups } from "./api.ts";
import * as groups from "./email-groups.ts";
import * as store from "./store.ts";

export function routes(serve: Serve, { db, neighbours }: { readonly db: Db; readonly neighbours: Neighbours }): void {
  serve(emailGroups.list, ({ query }) => store.list(db, query));
  serve(emailGroups.read, ({ params }) => groups.get(db, params.id));
  serve(emailGroups.create, ({ body, actor, now }) => groups.create(db, body, actor, now));
  serve(emailGroups.update, ({ params, body, actor, now }) => groups.update(db, params.id, body, actor, now));
  serve(emailGroups.remove, ({ params, query, actor, now, request }) =>
    groups.remove(db, params.id, removalOf(neighbours, request, query), actor, now),
  );

  serve(emailGroups.members, async ({ params, query }) => {
    await groups.get(db, params.id);
    return store.listMembers(db, params.id, query);
  });
  serve(emailGroups.addMembers, ({ params, body, actor, now }) =>
    groups.addMembers(db, params.id, body, actor, neighbours, now),
  );
  serve(emailGroups.removeMember, ({ params, actor, now }) =>
    groups.removeMember(db, params.id, params.personId, actor, now),
  );
  serve(emailGroups.unsubscribeMember, async ({ params: { id, personId }, actor, now }) => {
    await inTransaction(db, async (tx) => {
      if (!(await groups.unsubscribeMember(tx, id, personId, now))) groups.memberNotFound(id, personId);
      await recordChange(
        tx,
        { actor, action: "unsubscribe-member", subjectType: "email-group", subjectId: id, after: { personId } },
        now,
      );
    });
    return member(id, personId);
  });
  serve(emailGroups.resubscribeMember, async ({ params: { id, personId }, body, actor, now }) => {
    await groups.resubscribeMember(db, id, personId, body.consent, actor, now);
    return member(id, personId);
  });

  async function member(id: number, personId: number) {
    return (await store.findMember(db, id, personId)) ?? groups.memberNotFound(id, personId);
  }
}
