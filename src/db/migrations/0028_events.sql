-- What people did elsewhere, told by programs of the user's: conditions and goals ask for it, timelines show it.

create table events (
  id bigint generated always as identity primary key,
  person_id bigint not null references people on delete cascade,
  name text not null check (length(name) between 1 and 100),
  happened_at timestamptz not null,
  received_at timestamptz not null,
  -- The caller's own id for it: told twice, it counts once.
  external_id text check (length(external_id) between 1 and 200),
  properties jsonb not null default '{}' check (jsonb_typeof(properties) = 'object')
);
create unique index events_once on events (person_id, name, external_id) where external_id is not null;
create index events_of_person on events (person_id, name, happened_at);

-- The names there are, to choose from; few, whatever the number of events.
create table event_names (
  name text primary key,
  first_at timestamptz not null
);

alter table timeline_entries
  -- An entry goes with its event: when a person is erased, or two who told of the same one are merged.
  add column event_id bigint references events on delete cascade;
create index timeline_entries_event on timeline_entries (event_id) where event_id is not null;
alter table timeline_entries drop constraint timeline_entries_kind_check;
alter table timeline_entries add constraint timeline_entries_kind_check check (kind in ('unsubscribed', 'resubscribed',
  'note', 'status', 'bounce', 'complaint', 'reply', 'answer', 'auto-reply', 'converted', 'suppressed', 'opened', 'clicked',
  'event'));

alter table pending_facts drop constraint pending_facts_kind_check;
alter table pending_facts add constraint pending_facts_kind_check check (kind in
  ('changed', 'joined', 'left', 'replied', 'engaged', 'campaign', 'event'));

-- Only where an exit or a goal asks for an event of this name: there may be many that nobody asks for.
create function note_events() returns trigger language plpgsql as $$
begin
  if somebody_asks() then
    insert into pending_facts (person_id, kind)
      select distinct after.person_id, 'event' from after where after.name in (
        select jsonb_path_query(asked.condition, '$.**.event') #>> '{}' from (
          select stop_if as condition from campaigns where stop_if is not null
          union all select goal from campaigns where goal is not null
          union all select campaign -> 'stop_if' from schedule_versions where campaign ->> 'stop_if' is not null
          union all select campaign -> 'goal' from schedule_versions where campaign ->> 'goal' is not null
        ) as asked);
  end if;
  return null;
end $$;
create trigger events_note after insert on events referencing new table as after
  for each statement execute function note_events();
