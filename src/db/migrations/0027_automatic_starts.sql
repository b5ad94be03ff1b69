-- Automatic start: a Campaign begins by itself for whoever joins a group, comes to match a condition, or is created.

-- How a person came to be here; null: before this was noted.
alter table people add column came_by text check (came_by in ('api', 'import', 'hand'));

-- What holds for all rules of a Campaign.
create table automatic_starts (
  campaign_id bigint primary key references campaigns on delete cascade,
  sender_id bigint references senders,
  -- Who went through it before: never again, or again so many days after the previous one ended.
  again text not null default 'never' check (again in ('never', 'after-end')),
  again_after_days integer not null default 0 check (again_after_days between 0 and 3650),
  -- More starts within an hour than this wait until somebody says yes; null: they never wait.
  ask_above integer default 1000 check (ask_above > 0),
  changed_at timestamptz not null
);

create table start_rules (
  id bigint generated always as identity primary key,
  campaign_id bigint not null references campaigns on delete cascade,
  kind text not null check (kind in ('joined', 'matches', 'created')),
  email_group_id bigint references email_groups on delete cascade,
  condition jsonb check (jsonb_typeof(condition) = 'object'),
  ways text[] check (ways <@ array['api', 'import', 'hand'] and cardinality(ways) > 0),
  is_on boolean not null,
  created_at timestamptz not null,
  constraint start_rules_say_what check (
    (kind = 'joined') = (email_group_id is not null)
    and (kind = 'matches') = (condition is not null)
    and (kind = 'created') = (ways is not null))
);
create index start_rules_of_campaign on start_rules (campaign_id);
create index start_rules_on on start_rules (kind) where is_on;

-- Whom a rule's condition is true of already: only who comes to be among them is started.
create table start_rule_matches (
  start_rule_id bigint not null references start_rules on delete cascade,
  person_id bigint not null references people on delete cascade,
  primary key (start_rule_id, person_id)
);
create index start_rule_matches_of_person on start_rule_matches (person_id);

-- What happened to people and may start something: written in the transaction of the fact, taken by a task a moment later.
create table pending_starts (
  id bigint generated always as identity primary key,
  start_rule_id bigint not null references start_rules on delete cascade,
  -- No key to people: a fact locks nobody's row.
  person_id bigint not null,
  -- Too many at once: it waits for somebody's yes, or has it.
  state text not null default 'new' check (state in ('new', 'asking', 'agreed'))
);
create index pending_starts_by_rule on pending_starts (start_rule_id, state);
create index pending_starts_to_take on pending_starts (id) where state <> 'asking';

-- Whom a rule did not start, and why: the last time.
create table start_refusals (
  start_rule_id bigint not null references start_rules on delete cascade,
  person_id bigint not null references people on delete cascade,
  reason text not null,
  refused_at timestamptz not null,
  primary key (start_rule_id, person_id)
);
create index start_refusals_of_person on start_refusals (person_id);

-- {"rule": 3, "kind": "joined", "name": "Newsletter readers"}: which rule, in the words of that day; null: somebody started it.
alter table email_campaigns add column started_by jsonb check (jsonb_typeof(started_by) = 'object');
create index email_campaigns_started_lately on email_campaigns (campaign_id, created_at) where started_by is not null;

create function note_start_of_members() returns trigger language plpgsql as $$
begin
  if not exists (select from start_rules where is_on) then return null; end if;
  if tg_op = 'INSERT' then
    insert into pending_starts (start_rule_id, person_id)
      select rule.id, after.person_id from after
        join start_rules as rule on rule.is_on and (rule.email_group_id = after.email_group_id or rule.condition @? '$.**.group')
      where after.unsubscribed_at is null;
  elsif tg_op = 'DELETE' then
    insert into pending_starts (start_rule_id, person_id)
      select rule.id, before.person_id from before
        join start_rules as rule on rule.is_on and rule.condition @? '$.**.group';
  else
    insert into pending_starts (start_rule_id, person_id)
      select rule.id, after.person_id from after
        join before on before.email_group_id = after.email_group_id and before.person_id = after.person_id
        join start_rules as rule on rule.is_on and (
          rule.email_group_id = after.email_group_id and after.unsubscribed_at is null or rule.condition @? '$.**.group')
      where (after.unsubscribed_at is null) <> (before.unsubscribed_at is null);
  end if;
  return null;
end $$;
create trigger email_group_members_start_joined after insert on email_group_members referencing new table as after
  for each statement execute function note_start_of_members();
create trigger email_group_members_start_left after delete on email_group_members referencing old table as before
  for each statement execute function note_start_of_members();
create trigger email_group_members_start_changed after update on email_group_members
  referencing old table as before new table as after for each statement execute function note_start_of_members();

create function note_start_of_people() returns trigger language plpgsql as $$
begin
  if not exists (select from start_rules where is_on and kind in ('matches', 'created')) then return null; end if;
  if tg_op = 'INSERT' then
    insert into pending_starts (start_rule_id, person_id)
      select rule.id, after.id from after
        join start_rules as rule on rule.is_on and (rule.kind = 'matches' or after.came_by = any(rule.ways));
  else
    insert into pending_starts (start_rule_id, person_id)
      select rule.id, after.id from after join before on before.id = after.id
        join start_rules as rule on rule.is_on and rule.kind = 'matches'
      where after is distinct from before;
  end if;
  return null;
end $$;
create trigger people_start_created after insert on people referencing new table as after
  for each statement execute function note_start_of_people();
create trigger people_start_changed after update on people referencing old table as before new table as after
  for each statement execute function note_start_of_people();

-- Only where another Campaign is asked for: statuses change with every mail.
create function note_start_of_statuses() returns trigger language plpgsql as $$
begin
  if not exists (select from start_rules where is_on and (condition @? '$.**.campaign' or condition @? '$.**.finished')) then
    return null;
  end if;
  if tg_op = 'INSERT' then
    insert into pending_starts (start_rule_id, person_id)
      select rule.id, after.person_id from after
        join start_rules as rule on rule.is_on and (condition @? '$.**.campaign' or condition @? '$.**.finished');
  else
    insert into pending_starts (start_rule_id, person_id)
      select rule.id, after.person_id from after join before on before.id = after.id and before.status <> after.status
        join start_rules as rule on rule.is_on and (condition @? '$.**.campaign' or condition @? '$.**.finished');
  end if;
  return null;
end $$;
create trigger email_campaigns_start_started after insert on email_campaigns referencing new table as after
  for each statement execute function note_start_of_statuses();
create trigger email_campaigns_start_status after update on email_campaigns
  referencing old table as before new table as after for each statement execute function note_start_of_statuses();
