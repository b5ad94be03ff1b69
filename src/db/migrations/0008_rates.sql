-- How fast mail leaves: limits per email account and per recipient domain, kept over all processes.
alter table email_accounts
  add column max_per_second integer check (max_per_second > 0),
  add column max_per_minute integer check (max_per_minute > 0),
  add column max_per_hour integer check (max_per_hour > 0),
  add column max_per_day integer check (max_per_day > 0),
  add column ramp_from_per_day integer check (ramp_from_per_day > 0),
  add column ramp_days integer check (ramp_days between 1 and 365),
  add column ramp_started_at timestamptz,
  -- A pause by a person, or because servers refuse the account's mail as a matter of policy, ends by hand alone.
  add column resumes_by_hand boolean not null default false,
  add constraint ramp_is_whole check ((ramp_from_per_day is null) = (ramp_days is null) and (ramp_days is null) = (ramp_started_at is null)),
  add constraint ramp_leads_to_a_limit check (ramp_from_per_day is null or max_per_day is not null);
update email_accounts set resumes_by_hand = true where paused_reason = 'paused by a person';

create table recipient_domains (
  id bigint generated always as identity primary key,
  domain text not null constraint recipient_domains_unique unique check (domain = lower(domain)),
  max_per_second integer check (max_per_second > 0),
  max_per_minute integer check (max_per_minute > 0),
  max_per_hour integer check (max_per_hour > 0),
  max_per_day integer check (max_per_day > 0),
  -- Its servers asked us to slow down; nothing leaves for it before.
  rests_until timestamptz,
  rests_reason text,
  created_at timestamptz not null,
  changed_at timestamptz not null
);

-- What has left lately, by account:ID or domain:NAME; see core/rates.
create table rate_ledger (
  key text primary key,
  counts jsonb not null
) with (fillfactor = 50, autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 1000);
