-- How many mails openings and clicks are a share of: those in which they were measured.

-- What was measured in a mail that was accepted; null: nothing. Written with its last write alone, since an index names it.
alter table messages add column measured text constraint messages_measured_check check (measured in ('opens', 'clicks', 'both'));

update messages
set measured = case when opens and clicks then 'both' when opens then 'opens' else 'clicks' end
from (
  select message_id, made_on, (composed -> 'tracking' ->> 'opens')::boolean as opens,
    (composed -> 'tracking' ->> 'clicks')::boolean as clicks
  from message_contents where composed -> 'tracking' is not null
) as contents
where messages.id = contents.message_id and made_on = (first_attempt_at at time zone 'UTC')::date
  and state = 'accepted' and (opens or clicks);

-- Whoever records looks into this one, which is nearly empty, and not at each person.
create index people_never_measured on people (id) where measuring = 'never';

create index messages_measured on messages (campaign_id, step_id, measured) where measured is not null;
