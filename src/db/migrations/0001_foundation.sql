-- The whole first schema. Invariants live here as constraints, so that no race in the program can break them.
-- Addresses are compared by their key: NFC, lower case, domain as A-label (core/address.ts makes it).

create table workspace (
  id integer primary key default 1 constraint workspace_is_one_row check (id = 1),
  name text not null default 'Tidings',
  time_zone text not null default 'UTC',
  language text not null default 'en',
  postal_address text,
  time_of_day time not null default '09:00',
  expires_after_days integer not null default 7 check (expires_after_days between 0 and 365),
  burst_guard integer not null default 1000 check (burst_guard > 0),
  set_up_at timestamptz,
  changed_at timestamptz
);
insert into workspace default values;

-- Number series such as MAIL-CAMP-2026-00001: one row a series, taken in blocks inside the transaction that uses them.
create table number_series (series text primary key, last_number bigint not null check (last_number >= 0));

-- accounts -----------------------------------------------------------------------------------------------------------
create table users (
  id bigint generated always as identity primary key,
  name text not null,
  email text not null,
  email_key text not null constraint users_email_unique unique,
  role text not null check (role in ('administrator', 'manager', 'user', 'viewer')),
  disabled_at timestamptz,
  created_at timestamptz not null,
  changed_at timestamptz not null
);

create table setup_links (
  token_hash bytea primary key,
  created_at timestamptz not null,
  used_at timestamptz
);

create table api_keys (
  id bigint generated always as identity primary key,
  name text not null,
  user_id bigint references users,
  role text not null check (role in ('administrator', 'manager', 'user', 'viewer')),
  key_hash bytea not null unique,
  prefix text not null,
  created_at timestamptz not null,
  last_used_at timestamptz,
  revoked_at timestamptz
);

create table email_accounts (
  id bigint generated always as identity primary key,
  name text not null,
  name_key text generated always as (lower(name)) stored constraint email_accounts_name_unique unique,
  kind text not null default 'smtp' check (kind in ('smtp', 'mailbox')),
  email text,
  smtp_host text,
  smtp_port integer check (smtp_port between 1 and 65535),
  smtp_security text check (smtp_security in ('tls', 'starttls', 'none')),
  smtp_user text,
  smtp_password_encrypted text,
  connections integer not null default 5 check (connections between 1 and 100),
  force_address boolean not null default false,
  force_name boolean not null default false,
  hold_unknown boolean not null default false,
  is_default boolean not null default false,
  paused_at timestamptz,
  paused_reason text,
  created_at timestamptz not null,
  changed_at timestamptz not null,
  constraint smtp_accounts_have_a_server check (kind = 'mailbox' or (smtp_host is not null and smtp_port is not null and smtp_security is not null))
);
create unique index email_accounts_one_default on email_accounts (is_default) where is_default;

create table senders (
  id bigint generated always as identity primary key,
  user_id bigint references users,
  name text not null,
  email text not null,
  email_key text not null constraint senders_email_unique unique,
  reply_to text,
  signature_html text,
  signature_text text,
  email_account_id bigint references email_accounts,
  disabled_at timestamptz,
  created_at timestamptz not null,
  changed_at timestamptz not null
);

-- people -------------------------------------------------------------------------------------------------------------
create table person_fields (
  id bigint generated always as identity primary key,
  key text not null constraint person_fields_key_unique unique check (key ~ '^[a-z][a-z0-9_]{0,62}$'),
  label text not null,
  type text not null check (type in ('text', 'number', 'boolean', 'date', 'url', 'choice')),
  choices jsonb,
  created_at timestamptz not null
);

create table people (
  id bigint generated always as identity primary key,
  kind text not null check (kind in ('lead', 'contact')),
  salutation text, first_name text, middle_name text, last_name text,
  full_name text not null,
  email text,
  email_key text constraint people_email_unique unique,
  company text, job_title text, phone text, mobile text, website text,
  city text, state text, country text,
  source text,
  status text not null,
  owner text,
  owner_id bigint references users,
  language text, time_zone text,
  notes text,
  attributes jsonb not null default '{}' check (jsonb_typeof(attributes) = 'object'),
  disabled_at timestamptz,
  erased_at timestamptz,
  created_at timestamptz not null,
  changed_at timestamptz not null,
  constraint people_email_and_key_together check ((email is null) = (email_key is null))
);
create index people_by_kind on people (kind, id);
create index people_by_status on people (kind, status, id);
-- An import finds again who has no address by the name.
create index people_without_address on people (full_name) where email_key is null;
create index people_by_owner on people (owner_id) where owner_id is not null;

-- Further addresses of a person (E126): never sent to while another is primary; they recognise replies.
create table person_addresses (
  id bigint generated always as identity primary key,
  person_id bigint not null references people on delete cascade,
  email text not null,
  email_key text not null,
  constraint person_addresses_unique unique (person_id, email_key)
);
create index person_addresses_by_key on person_addresses (email_key);

create table email_groups (
  id bigint generated always as identity primary key,
  title text not null,
  title_key text generated always as (lower(title)) stored constraint email_groups_title_unique unique,
  description text,
  created_at timestamptz not null,
  changed_at timestamptz not null
);

create table email_group_members (
  email_group_id bigint not null references email_groups on delete cascade,
  person_id bigint not null references people,
  joined_at timestamptz not null,
  unsubscribed_at timestamptz,
  primary key (email_group_id, person_id)
);
create index email_group_members_by_person on email_group_members (person_id);

-- An address that gets nothing more. Kept by key, or by keyed hash alone once the person is erased.
create table suppressions (
  id bigint generated always as identity primary key,
  email_key text,
  email_hash bytea,
  scope text not null check (scope in ('campaign', 'campaigns', 'everything')),
  campaign_id bigint,
  reason text not null check (reason in ('unsubscribed', 'hard-bounce', 'complaint', 'do-not-contact', 'manual', 'imported', 'erased')),
  origin text,
  person_id bigint references people on delete set null,
  created_at timestamptz not null,
  lifted_at timestamptz,
  lifted_by text,
  constraint suppressions_campaign_scope check ((scope = 'campaign') = (campaign_id is not null)),
  constraint suppressions_name_an_address check (email_key is not null or email_hash is not null)
);
create unique index suppressions_active on suppressions (email_key, scope, coalesce(campaign_id, 0), reason)
  where lifted_at is null and email_key is not null;
create index suppressions_by_key on suppressions (email_key) where lifted_at is null;
create index suppressions_by_hash on suppressions (email_hash) where lifted_at is null and email_hash is not null;

-- templates ----------------------------------------------------------------------------------------------------------
create table email_templates (
  id bigint generated always as identity primary key,
  name text not null,
  name_key text generated always as (lower(name)) stored constraint email_templates_name_unique unique,
  current_version_id bigint,
  created_at timestamptz not null,
  changed_at timestamptz not null
);

-- Immutable: what was sent can be shown again byte for byte from here.
create table content_versions (
  id bigint generated always as identity primary key,
  email_template_id bigint not null references email_templates,
  number integer not null,
  format text not null check (format in ('html', 'mjml', 'markdown')),
  subject text not null,
  preheader text,
  body text not null,
  text text,
  compiled_subject text not null,
  compiled_html text not null,
  compiled_text text not null,
  variables jsonb not null,
  general boolean not null,
  content_hash bytea not null,
  created_by text,
  created_at timestamptz not null,
  constraint content_versions_number_unique unique (email_template_id, number)
);
alter table email_templates add constraint email_templates_current_version
  foreign key (current_version_id) references content_versions deferrable initially deferred;
create function refuse_change() returns trigger language plpgsql as $$
begin raise exception '% rows are immutable', tg_table_name using errcode = 'restrict_violation'; end $$;
create trigger content_versions_immutable before update on content_versions for each row execute function refuse_change();

-- campaigns ----------------------------------------------------------------------------------------------------------
create table campaigns (
  id bigint generated always as identity primary key,
  name text not null check (name <> ''),
  name_key text generated always as (lower(name)) stored constraint campaigns_name_unique unique,
  description text,
  time_of_day time,
  expires_after_days integer check (expires_after_days between 0 and 365),
  created_by text,
  created_at timestamptz not null,
  changed_at timestamptz not null
);
alter table suppressions add foreign key (campaign_id) references campaigns on delete cascade;

-- A step keeps its id through every edit; a removed one stays, so that what was sent keeps its place.
create table steps (
  id bigint generated always as identity primary key,
  campaign_id bigint not null references campaigns on delete cascade,
  position integer not null,
  email_template_id bigint not null references email_templates,
  send_after_days integer not null constraint steps_days_not_negative check (send_after_days between 0 and 3650),
  time_of_day time,
  expires_after_days integer check (expires_after_days between 0 and 365),
  added_at timestamptz not null,
  removed_at timestamptz
);
create unique index steps_position_unique on steps (campaign_id, position) where removed_at is null;
create index steps_by_template on steps (email_template_id);

-- email campaigns ----------------------------------------------------------------------------------------------------
create table email_campaigns (
  id bigint generated always as identity primary key,
  number text not null constraint email_campaigns_number_unique unique,
  campaign_id bigint not null references campaigns,
  person_id bigint not null references people,
  sender_id bigint references senders,
  batch_id bigint,
  email_group_id bigint references email_groups on delete set null,
  restarted_from_id bigint references email_campaigns,
  start_on date not null,
  end_on date not null,
  status text not null check (status in ('Scheduled', 'In Progress', 'Completed', 'Unsubscribed', 'Stopped', 'Paused')),
  stop_reason text check (stop_reason in ('replied', 'bounced', 'complained', 'converted', 'cancelled', 'erased', 'do-not-contact')),
  -- The next moment at which something happens (the start day's midnight or a step's due time); null: nothing will by itself.
  next_due_at timestamptz,
  created_by text,
  created_at timestamptz not null,
  changed_at timestamptz not null,
  finished_at timestamptz,
  constraint email_campaigns_reason_when_stopped check ((status = 'Stopped') = (stop_reason is not null)),
  constraint email_campaigns_only_active_are_due check (next_due_at is null or status in ('Scheduled', 'In Progress')),
  constraint email_campaigns_end_not_before_start check (end_on >= start_on)
);
-- E25, E30: one running Email Campaign for a person and a Campaign, whatever two requests do at once.
create unique index email_campaigns_one_running on email_campaigns (campaign_id, person_id)
  where status in ('Scheduled', 'In Progress', 'Paused');
-- The due scan reads this index alone: its size is what is waiting, not all there ever was.
create index email_campaigns_due on email_campaigns (next_due_at) where next_due_at is not null;
create index email_campaigns_by_campaign on email_campaigns (campaign_id, status, id);
create index email_campaigns_by_person on email_campaigns (person_id);
create index email_campaigns_by_batch on email_campaigns (batch_id) where batch_id is not null;

-- messages -----------------------------------------------------------------------------------------------------------
-- One row for an Email Campaign and a step (E54, E55): planned once, skipped once, whatever runs at the same time.
create table messages (
  id bigint generated always as identity primary key,
  email_campaign_id bigint not null references email_campaigns,
  step_id bigint not null references steps,
  person_id bigint not null references people,
  campaign_id bigint not null references campaigns,
  state text not null check (state in ('planned', 'claimed', 'in_data', 'accepted', 'deferred', 'refused', 'unknown', 'skipped')),
  -- Why it was skipped or refused, as a code: expired, unsubscribed, hard-bounce, paused-by-…; null while all is well.
  reason text,
  due_at timestamptz not null,
  planned_at timestamptz not null,
  planned_on date not null,
  -- What the bytes are made of, fixed at the first attempt and the same at every further one.
  content_version_id bigint references content_versions,
  email_account_id bigint references email_accounts,
  address text,
  message_id text constraint messages_message_id_unique unique,
  composed jsonb,
  -- The claim: lease until, and a fence that only grows, so that a worker that slept past its lease writes nothing.
  attempts integer not null default 0,
  next_attempt_at timestamptz,
  claimed_by text,
  claimed_until timestamptz,
  fence bigint not null default 0,
  first_attempt_at timestamptz,
  finished_at timestamptz,
  reply_code integer,
  reply_enhanced text,
  reply_text text,
  constraint messages_one_per_step unique (email_campaign_id, step_id)
);
-- With the id, so that a hundred thousand messages of one moment are still read in order, not sorted.
create index messages_to_send on messages (next_attempt_at, id) where state in ('planned', 'deferred');
-- Held because nobody knows whether they arrived.
create index messages_in_doubt on messages (id) where state = 'unknown';
create index messages_leased on messages (claimed_until) where state in ('claimed', 'in_data');
create index messages_by_person on messages (person_id, id);
-- A Campaign's communications, newest first.
create index messages_of_campaign on messages (campaign_id, id);
create index messages_by_campaign on messages (campaign_id, step_id, state);
-- What left late (burst guard): counted per campaign and hour.
create index messages_late on messages (campaign_id, planned_at) where planned_at - due_at > interval '1 hour';
create index messages_finished on messages (finished_at, id) where finished_at is not null;

-- Every attempt that did not end in acceptance, with the server's words; an accepted one stands in the message itself.
create table delivery_attempts (
  id bigint generated always as identity primary key,
  message_id bigint not null references messages on delete cascade,
  attempt integer not null,
  at timestamptz not null,
  outcome text not null,
  stage text,
  reply_code integer, reply_enhanced text, reply_text text
);
create index delivery_attempts_by_message on delivery_attempts (message_id);

-- What stands on a timeline besides messages: an unsubscribe, a note, a status, later a reply or bounce.
create table timeline_entries (
  id bigint generated always as identity primary key,
  person_id bigint not null references people on delete cascade,
  email_campaign_id bigint references email_campaigns on delete cascade,
  kind text not null check (kind in ('unsubscribed', 'resubscribed', 'note', 'status', 'bounce', 'complaint', 'reply', 'converted', 'suppressed')),
  subject text not null,
  detail jsonb not null default '{}',
  at timestamptz not null
);
create index timeline_entries_by_person on timeline_entries (person_id, at);
create index timeline_entries_by_email_campaign on timeline_entries (email_campaign_id, at) where email_campaign_id is not null;

-- The built-in mailbox: what would have been sent, kept as the exact bytes.
create table mailbox_messages (
  id bigint generated always as identity primary key,
  message_id bigint references messages on delete set null,
  envelope_from text not null,
  envelope_to text not null,
  subject text not null,
  bytes bytea not null,
  received_at timestamptz not null
);
-- A mail that is handed over again after a crash is kept once.
create unique index mailbox_messages_one_per_message on mailbox_messages (message_id);

-- Who changed what (E35); append-only.
create table audit_entries (
  id bigint generated always as identity primary key,
  at timestamptz not null,
  actor text not null,
  action text not null,
  subject_type text not null,
  subject_id text not null,
  before jsonb,
  after jsonb
);
create index audit_entries_by_subject on audit_entries (subject_type, subject_id, id);
create trigger audit_entries_immutable before update or delete on audit_entries for each row execute function refuse_change();

-- Long work with progress (imports, bulk starts); the queue itself is graphile_worker's.
create table jobs (
  id bigint generated always as identity primary key,
  kind text not null,
  state text not null check (state in ('queued', 'running', 'succeeded', 'failed')),
  done bigint not null default 0,
  total bigint,
  input jsonb not null default '{}',
  result jsonb,
  error text,
  -- Only grows, so that a run that was given up for dead writes nothing; the heartbeat says whether it is.
  attempt integer not null default 0,
  heartbeat_at timestamptz,
  created_by text,
  created_at timestamptz not null,
  started_at timestamptz,
  finished_at timestamptz
);
create index jobs_unfinished on jobs (id) where state in ('queued', 'running');

-- Answers to requests that carried an Idempotency-Key, so that a repeated request repeats the answer and nothing else.
create table idempotent_requests (
  key text not null,
  actor text not null,
  request_hash bytea not null,
  status integer,
  body text,
  created_at timestamptz not null,
  primary key (actor, key)
);
