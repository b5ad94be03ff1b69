-- What is measured in mails: nothing, unless a workspace or a Campaign says so (privacy).
alter table workspace
  add column track_opens boolean not null default false,
  add column track_clicks boolean not null default false;
alter table campaigns
  -- Null: as the workspace has it.
  add column track_opens boolean,
  add column track_clicks boolean;

alter table timeline_entries drop constraint timeline_entries_kind_check;
alter table timeline_entries add constraint timeline_entries_kind_check check (kind in ('unsubscribed', 'resubscribed',
  'note', 'status', 'bounce', 'complaint', 'reply', 'answer', 'auto-reply', 'converted', 'suppressed', 'opened', 'clicked'));
-- The first of each, however many there are: by whom, of which mail, which link. Its count is read from engagements.
create unique index timeline_entries_engaged_once on timeline_entries
  (((detail ->> 'messageId')::bigint), kind, (detail ->> 'automatic'), md5(coalesce(detail ->> 'link', '')))
  where kind in ('opened', 'clicked');
