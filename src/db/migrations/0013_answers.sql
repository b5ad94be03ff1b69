-- What follows from what comes back: soft bounces that fade, replies as conversations, answers.

alter table suppressions drop constraint suppressions_reason_check;
alter table suppressions add constraint suppressions_reason_check check (reason in
  ('unsubscribed', 'hard-bounce', 'soft-bounces', 'complaint', 'do-not-contact', 'manual', 'imported', 'erased'));

alter table timeline_entries drop constraint timeline_entries_kind_check;
alter table timeline_entries add constraint timeline_entries_kind_check check (kind in
  ('unsubscribed', 'resubscribed', 'note', 'status', 'bounce', 'complaint', 'reply', 'answer', 'auto-reply', 'converted', 'suppressed'));

-- Mails that came back though nothing was wrong with the address itself; core/bounces-count says how they add up.
create table soft_bounces (
  email_key text primary key,
  points double precision not null check (points > 0),
  counted_at timestamptz not null
);

-- What became of a mail after a server had taken it.
alter table messages
  add column bounced_at timestamptz,
  add column bounce_reason text,
  add column complained_at timestamptz;
create index messages_bounced on messages (bounced_at) where bounced_at is not null;
create index messages_complained on messages (complained_at) where complained_at is not null;

-- What a reply does in a Campaign.
alter table campaigns
  add column stop_on_reply boolean not null default true,
  add column stop_company_on_reply boolean not null default false,
  add column wait_for_return boolean not null default false;
-- The person is away: no step leaves before this day.
alter table email_campaigns add column waits_until date;

-- People who answered. One conversation for an Email Campaign; one of a person who wrote without any.
create table conversations (
  id bigint generated always as identity primary key,
  person_id bigint not null references people on delete cascade,
  email_campaign_id bigint references email_campaigns on delete set null,
  subject text not null,
  state text not null default 'open' check (state in ('open', 'done')),
  assigned_to bigint references users,
  opened_at timestamptz not null,
  last_received_at timestamptz not null,
  last_answered_at timestamptz,
  -- Somebody has read it up to here.
  seen_at timestamptz,
  done_at timestamptz,
  done_by text,
  -- When whoever it is assigned to is told by mail; null: told already, or nobody is to be told.
  notify_at timestamptz
);
create unique index conversations_one_per_email_campaign on conversations (email_campaign_id) where email_campaign_id is not null;
create index conversations_inbox on conversations (state, last_received_at desc, id desc);
create index conversations_by_person on conversations (person_id);
create index conversations_to_notify on conversations (notify_at) where notify_at is not null;

create table conversation_mails (
  id bigint generated always as identity primary key,
  conversation_id bigint not null references conversations on delete cascade,
  received_mail_id bigint references received_mails on delete set null,
  from_name text,
  from_address text,
  subject text not null,
  text text not null,
  -- With the angle brackets, for the headers of an answer (RFC 5322 3.6.4).
  message_id_header text,
  reference_ids text[] not null default '{}',
  received_at timestamptz not null
);
create index conversation_mails_by_conversation on conversation_mails (conversation_id, id);

-- What we wrote back. Stored with its exact bytes before it leaves, and sent as often as it takes.
create table answers (
  id bigint generated always as identity primary key,
  conversation_id bigint not null references conversations on delete cascade,
  written_by text not null,
  user_id bigint references users,
  sender_id bigint references senders,
  to_address text,
  subject text not null,
  text text not null,
  message_id_header text not null constraint answers_message_id_unique unique,
  bytes bytea,
  envelope_from text,
  state text not null default 'planned'
    check (state in ('planned', 'in_data', 'accepted', 'deferred', 'refused', 'unknown')),
  reason text,
  reply text,
  attempts integer not null default 0,
  next_attempt_at timestamptz,
  claimed_until timestamptz,
  fence bigint not null default 0,
  first_attempt_at timestamptz,
  created_at timestamptz not null,
  finished_at timestamptz
);
create index answers_to_send on answers (next_attempt_at) where next_attempt_at is not null;
create index answers_by_conversation on answers (conversation_id, id);
