-- Whether opens and clicks of one person are measured: a choice that only takes away from what a Campaign measures.
alter table people
  add column measuring text not null default 'as-campaign'
    constraint people_measuring_check check (measuring in ('as-campaign', 'never')),
  -- When the person said never themself, which only they take back.
  add column measuring_refused_at timestamptz
    constraint people_measuring_refused_check check (measuring_refused_at is null or measuring = 'never');

alter table timeline_entries drop constraint timeline_entries_kind_check;
alter table timeline_entries add constraint timeline_entries_kind_check check (kind in ('unsubscribed', 'resubscribed',
  'note', 'status', 'bounce', 'complaint', 'reply', 'answer', 'auto-reply', 'converted', 'suppressed', 'opened', 'clicked',
  'event', 'measuring'));
