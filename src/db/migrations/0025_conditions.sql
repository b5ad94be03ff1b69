-- Conditions: a step goes only to those of whom something is true, and a Campaign ends for those of whom something is.

-- As core/conditions has them; null: nothing is asked.
alter table steps
  add column only_if jsonb check (jsonb_typeof(only_if) = 'object'),
  add column stop_if jsonb check (jsonb_typeof(stop_if) = 'object');
alter table campaigns
  add column stop_if jsonb check (jsonb_typeof(stop_if) = 'object'),
  add column goal jsonb check (jsonb_typeof(goal) = 'object');
create index campaigns_that_ask on campaigns (id) where stop_if is not null or goal is not null;
create index schedule_versions_that_ask on schedule_versions (id)
  where campaign ->> 'stop_if' is not null or campaign ->> 'goal' is not null;

alter table email_campaigns drop constraint email_campaigns_stop_reason_check;
alter table email_campaigns add constraint email_campaigns_stop_reason_check check (stop_reason in
  ('replied', 'bounced', 'complained', 'converted', 'cancelled', 'erased', 'do-not-contact', 'condition'));

-- What was asked, and what was so, when a step was skipped or an Email Campaign ended by a condition.
create table condition_findings (
  email_campaign_id bigint not null references email_campaigns on delete cascade,
  -- 0: the Campaign's own.
  step_id bigint not null,
  asked text not null check (asked in ('only-if', 'stop-if', 'goal')),
  condition jsonb not null,
  -- Whether each thing it asks was so, from left to right.
  answers jsonb not null check (jsonb_typeof(answers) = 'array'),
  found_at timestamptz not null,
  primary key (email_campaign_id, step_id)
);

-- What the version somebody follows asks before the mail of a step.
create function conditions_in_version(version_id bigint, wanted_step_id bigint) returns jsonb language sql stable as $$
  select jsonb_build_object('onlyIf', step -> 'only_if', 'stepStopIf', step -> 'stop_if',
    'stopIf', version.campaign -> 'stop_if', 'goal', version.campaign -> 'goal')
  from schedule_versions as version
    left join lateral jsonb_array_elements(version.steps) as step on (step ->> 'id')::bigint = wanted_step_id
  where version.id = version_id
$$;

-- What happened to people and may make a condition true: written in the transaction of the fact, whichever way it comes,
-- taken by a task a moment later. Only where a Campaign asks.
create table pending_facts (
  id bigint generated always as identity primary key,
  person_id bigint not null,
  kind text not null check (kind in ('changed', 'joined', 'left', 'replied', 'engaged', 'campaign')),
  email_group_id bigint
);

create function somebody_asks() returns boolean language sql stable as $$
  select exists (select from campaigns where stop_if is not null or goal is not null)
    or exists (select from schedule_versions where campaign ->> 'stop_if' is not null or campaign ->> 'goal' is not null)
$$;

create function note_people_changed() returns trigger language plpgsql as $$
begin
  if somebody_asks() then
    insert into pending_facts (person_id, kind)
      select after.id, 'changed' from after join before on before.id = after.id where after is distinct from before;
  end if;
  return null;
end $$;
create trigger people_note_changed after update on people referencing old table as before new table as after
  for each statement execute function note_people_changed();

create function note_members() returns trigger language plpgsql as $$
begin
  if somebody_asks() then
    if tg_op = 'INSERT' then
      insert into pending_facts (person_id, kind, email_group_id)
        select person_id, 'joined', email_group_id from after where unsubscribed_at is null;
    elsif tg_op = 'DELETE' then
      insert into pending_facts (person_id, kind, email_group_id) select person_id, 'left', email_group_id from before;
    else
      insert into pending_facts (person_id, kind, email_group_id)
        select after.person_id, case when after.unsubscribed_at is null then 'joined' else 'left' end, after.email_group_id
        from after join before on before.email_group_id = after.email_group_id and before.person_id = after.person_id
        where (after.unsubscribed_at is null) <> (before.unsubscribed_at is null);
    end if;
  end if;
  return null;
end $$;
create trigger email_group_members_note_joined after insert on email_group_members referencing new table as after
  for each statement execute function note_members();
create trigger email_group_members_note_left after delete on email_group_members referencing old table as before
  for each statement execute function note_members();
create trigger email_group_members_note_changed after update on email_group_members
  referencing old table as before new table as after for each statement execute function note_members();

create function note_replies() returns trigger language plpgsql as $$
begin
  if somebody_asks() then
    insert into pending_facts (person_id, kind) select distinct person_id, 'replied' from after where kind = 'reply';
  end if;
  return null;
end $$;
create trigger timeline_entries_note_replies after insert on timeline_entries referencing new table as after
  for each statement execute function note_replies();

create function note_engagements() returns trigger language plpgsql as $$
begin
  if somebody_asks() then
    insert into pending_facts (person_id, kind) select distinct person_id, 'engaged' from after where not automatic;
  end if;
  return null;
end $$;
create trigger engagements_note after insert on engagements referencing new table as after
  for each statement execute function note_engagements();

-- Only where another Campaign is asked for: statuses change with every mail.
create function note_statuses() returns trigger language plpgsql as $$
begin
  if exists (select from campaigns where stop_if @? '$.**.campaign' or stop_if @? '$.**.finished'
      or goal @? '$.**.campaign' or goal @? '$.**.finished') then
    if tg_op = 'INSERT' then
      insert into pending_facts (person_id, kind) select person_id, 'campaign' from after;
    else
      insert into pending_facts (person_id, kind)
        select after.person_id, 'campaign' from after join before on before.id = after.id where before.status <> after.status;
    end if;
  end if;
  return null;
end $$;
create trigger email_campaigns_note_started after insert on email_campaigns referencing new table as after
  for each statement execute function note_statuses();
create trigger email_campaigns_note_status after update on email_campaigns
  referencing old table as before new table as after for each statement execute function note_statuses();
