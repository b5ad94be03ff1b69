-- Campaigns are edited as drafts and published; what runs can stay with the version it began with.

-- A published Schedule as it was: the rows themselves, read again with jsonb_populate_record, so that columns added later
-- are null in versions made before.
create table schedule_versions (
  id bigint generated always as identity primary key,
  campaign_id bigint not null references campaigns on delete cascade,
  number integer not null,
  campaign jsonb not null,
  steps jsonb not null,
  published_at timestamptz not null,
  published_by text not null,
  -- What those on their way were given when it was published; null: it was edited directly.
  choice text check (choice in ('everyone', 'new-only', 'stop')),
  constraint schedule_versions_number_unique unique (campaign_id, number)
);

create table campaign_drafts (
  campaign_id bigint primary key references campaigns on delete cascade,
  content jsonb not null,
  -- What was published when the draft was begun: if it is another by now, somebody published meanwhile.
  base jsonb not null,
  changed_by text not null,
  created_at timestamptz not null,
  changed_at timestamptz not null,
  approval_asked_by text,
  approval_asked_by_id bigint references users,
  approval_asked_at timestamptz,
  approved_by text,
  approved_at timestamptz,
  constraint campaign_drafts_approved_when_asked check (approved_at is null or approval_asked_at is not null)
);

alter table campaigns
  -- Who is through with it gets steps that are added at its end.
  add column evergreen boolean not null default false,
  -- hold: nothing leaves and time goes on. freeze: the clock stops.
  add column pause_kind text check (pause_kind in ('hold', 'freeze')),
  add column paused_at timestamptz,
  add column paused_by text,
  add constraint campaigns_pause_is_whole check ((pause_kind is null) = (paused_at is null));

alter table email_campaigns
  -- Null: it follows what is published.
  add column schedule_version_id bigint references schedule_versions,
  -- The days a freeze took: every step of this Email Campaign is that much later.
  add column shifted_days integer not null default 0 check (shifted_days >= 0);
create index email_campaigns_by_version on email_campaigns (schedule_version_id) where schedule_version_id is not null;

-- A step that was added too late for somebody and is sent to them all the same, from this moment on.
create table backfills (
  email_campaign_id bigint not null references email_campaigns on delete cascade,
  step_id bigint not null references steps on delete cascade,
  due_at timestamptz not null,
  made_by text not null,
  made_at timestamptz not null,
  primary key (email_campaign_id, step_id)
);

alter table workspace add column approval_before_publishing boolean not null default false;

-- The template a step has in the version somebody follows.
create function template_in_version(version_id bigint, wanted_step_id bigint) returns bigint language sql stable as $$
  select (step ->> 'email_template_id')::bigint
  from schedule_versions, jsonb_array_elements(schedule_versions.steps) as step
  where schedule_versions.id = version_id and (step ->> 'id')::bigint = wanted_step_id
$$;
