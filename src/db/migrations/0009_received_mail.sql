-- Received mail: stored first, in a commit of its own, and handled once.
create table received_mails (
  id bigint generated always as identity primary key,
  way text not null check (way in ('imap', 'smtp', 'upload', 'webhook', 'command-line')),
  email_account_id bigint references email_accounts on delete set null,
  -- The same whichever way it came, so that a mail that comes twice is handled once.
  dedupe_key text not null constraint received_mails_known unique,
  -- Where in a mailbox it was first seen.
  folder text,
  uid_validity bigint,
  uid bigint,
  envelope_from text,
  envelope_to text,
  -- The exact bytes of a mail, or what a provider reported by webhook; neither once its person is erased.
  raw bytea,
  event jsonb,
  received_at timestamptz not null,
  state text not null default 'stored' check (state in ('stored', 'handled', 'set-aside')),
  attempts integer not null default 0,
  -- Who handles it now; a process that ended within it leaves it to others from then on.
  claimed_until timestamptz,
  error text,
  handled_at timestamptz,
  -- What it was, and whom and what it was about.
  kind text check (kind in ('bounce', 'complaint', 'auto-reply', 'unsubscribe', 'reply', 'delivered', 'other')),
  verdict jsonb,
  person_id bigint references people on delete set null,
  email_campaign_id bigint references email_campaigns on delete set null,
  message_id bigint references messages on delete set null,
  constraint received_mails_one_form check (num_nonnulls(raw, event) <= 1)
);
create index received_mails_to_handle on received_mails (id) where state = 'stored';
create index received_mails_set_aside on received_mails (id) where state = 'set-aside';
create index received_mails_by_person on received_mails (person_id, id) where person_id is not null;
create index received_mails_by_message on received_mails (message_id) where message_id is not null;

-- How an email account's mail is fetched, and where its bounces are sent.
alter table email_accounts
  add column imap_host text,
  add column imap_port integer check (imap_port between 1 and 65535),
  add column imap_security text check (imap_security in ('tls', 'starttls', 'none')),
  add column imap_auth text not null default 'password' check (imap_auth in ('password', 'oauth2')),
  add column imap_user text,
  add column imap_password_encrypted text,
  add column imap_folders text[] not null default '{INBOX}' check (cardinality(imap_folders) between 1 and 20),
  -- Access tokens are asked for with these; for fetching and for sending alike.
  add column oauth_token_url text,
  add column oauth_client_id text,
  add column oauth_client_secret_encrypted text,
  add column oauth_refresh_token_encrypted text,
  add column oauth_scope text,
  -- Envelope senders: b-TOKEN@bounce_domain, or name+b-TOKEN@… of the account's own address; neither: the address.
  add column bounce_domain text check (bounce_domain = lower(bounce_domain)),
  add column plus_addressing boolean not null default false,
  add constraint imap_is_whole check (
    (imap_host is null) = (imap_port is null) and (imap_host is null) = (imap_security is null)
    and (imap_host is null) = (imap_user is null));

-- One row a mailbox that is watched: account:ID, or environment (TIDINGS_IMAP_URL). One process at a time holds it.
create table imap_mailboxes (
  mailbox text primary key,
  email_account_id bigint references email_accounts on delete cascade,
  claimed_by text,
  claimed_until timestamptz,
  state text not null default 'waiting' check (state in ('waiting', 'connecting', 'watching', 'failed')),
  -- What is wrong, in a sentence, and what to do.
  trouble text,
  todo text,
  failures integer not null default 0,
  next_try_at timestamptz,
  connected_at timestamptz,
  looked_at timestamptz,
  changed_at timestamptz not null
);

-- How far each folder has been read.
create table imap_cursors (
  mailbox text not null,
  folder text not null,
  uid_validity bigint not null,
  last_uid bigint not null,
  changed_at timestamptz not null,
  primary key (mailbox, folder)
);

-- Addresses at which providers report, each with its own secret.
create table inbound_webhooks (
  id bigint generated always as identity primary key,
  name text not null,
  provider text not null check (provider in ('amazon-ses', 'sendgrid', 'mailgun', 'postmark', 'brevo', 'mailjet', 'generic')),
  -- Part of the address; a guess at it costs 128 bits, and it is not enough alone.
  path_key text not null constraint inbound_webhooks_path_unique unique,
  -- What the provider signs with, or logs in with; null where the topic alone counts.
  secret_encrypted text,
  -- Still accepted while the provider is being changed over.
  former_secret_encrypted text,
  former_secret_until timestamptz,
  topic text,
  confirmed_at timestamptz,
  last_event_at timestamptz,
  last_refused_at timestamptz,
  last_refusal text,
  created_at timestamptz not null,
  changed_at timestamptz not null,
  constraint webhooks_know_whom_to_trust check ((provider = 'amazon-ses') = (topic is not null) and (provider = 'amazon-ses' or secret_encrypted is not null))
);
