-- A message is written three times on its way: claimed as it is planned, in DATA, done. Only the last may touch indexes.

-- What the bytes are made of goes apart: written once, read rarely, and given up by the month (retention).
create table message_contents (
  message_id bigint not null,
  -- The UTC day of the message's first attempt.
  made_on date not null,
  composed json not null,
  primary key (message_id, made_on)
) partition by range (made_on);

do $$
declare
  month date;
begin
  for month in
    select distinct date_trunc('month', first_attempt_at at time zone 'UTC')::date from messages where composed is not null
  loop
    execute format('create table %I partition of message_contents for values from (%L) to (%L)',
      'message_contents_' || to_char(month, 'YYYY_MM'), month, month + interval '1 month');
  end loop;
end $$;
insert into message_contents (message_id, made_on, composed)
  select id, (first_attempt_at at time zone 'UTC')::date, composed from messages where composed is not null;

alter table messages
  drop column composed,
  -- Null while the message is under way. Changes once, so that the steps before touch no index (heap-only updates);
  -- that is why no index may name `state`.
  add column outcome text generated always as (case when state in ('accepted', 'refused', 'skipped') then state end) stored,
  -- Its Email Campaign names these, and cannot lose them; each check costs a locked row a mail.
  drop constraint messages_person_id_fkey,
  drop constraint messages_campaign_id_fkey,
  drop constraint messages_step_id_fkey,
  -- A version lives as long as its template, and that as long as the step that names it.
  drop constraint messages_content_version_id_fkey,
  -- A Message-ID begins with the message's own id: it needs no index to be unique or to be found.
  drop constraint messages_message_id_unique;
-- Half of a row comes with its first attempt: room for it on the same page.
alter table messages set (fillfactor = 40, autovacuum_vacuum_scale_factor = 0.02, autovacuum_vacuum_insert_scale_factor = 0.05,
  autovacuum_analyze_scale_factor = 0.02, autovacuum_vacuum_cost_delay = 0);
alter table email_campaigns set (autovacuum_vacuum_scale_factor = 0.02, autovacuum_analyze_scale_factor = 0.02, autovacuum_vacuum_cost_delay = 0);

drop index messages_to_send, messages_in_doubt, messages_leased, messages_by_campaign;
-- What waits for its moment. With the id, so that a hundred thousand of one moment are read in order, not sorted.
create index messages_waiting on messages (next_attempt_at, id) where next_attempt_at is not null;
create index messages_leased on messages (claimed_until) where claimed_until is not null;
-- Held because nobody knows whether they arrived, or parked while their Email Campaign is paused.
create index messages_set_aside on messages (reason, id) where reason in ('in-doubt', 'paused');
create index messages_resolved on messages (campaign_id, step_id, outcome) where outcome is not null;

-- A number is looked for by its parts; an index of its end was written anew at every step of every Email Campaign.
drop index email_campaigns_number_from_its_end;

update messages set next_attempt_at = null where state in ('claimed', 'in_data');

-- How many months the bytes of sent mail can be shown; null: for ever.
alter table workspace add column keep_contents_months integer check (keep_contents_months between 3 and 1200);
