-- What became of mails, counted: by account and Campaign for the guards, by recipient domain for the page. Read from
-- the messages a little later, so that no mail waits for a counter.
create table deliverability_hours (
  hour timestamptz not null,
  -- 0: the account that stands in no table (TIDINGS_SMTP_URL, or the built-in mailbox).
  email_account_id bigint not null,
  campaign_id bigint not null,
  mails integer not null default 0,
  bounced integer not null default 0,
  complained integer not null default 0,
  primary key (hour, email_account_id, campaign_id)
);
create table deliverability_days (
  -- UTC.
  day date not null,
  domain text not null,
  accepted integer not null default 0,
  deferred integer not null default 0,
  refused integer not null default 0,
  bounced integer not null default 0,
  complained integer not null default 0,
  primary key (day, domain)
);
create table deliverability_mark (
  one boolean primary key default true check (one),
  counted_until timestamptz not null
);
create index delivery_attempts_by_time on delivery_attempts (at);

-- What the guards found: account:ID or campaign:ID.
create table guard_findings (
  subject text primary key,
  -- Null: nothing, after somebody resumed it.
  level text check (level in ('warn', 'pause')),
  about text check (about in ('bounced', 'complained')),
  text text,
  found_at timestamptz not null,
  -- Somebody resumed it: what was before counts no more.
  counted_from timestamptz
);
