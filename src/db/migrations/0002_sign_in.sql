-- Signing in: passwords, sessions, second factors, invitations; who owns a row; who may see what changed.

alter table users
  add column language text not null default 'en',
  add column last_sign_in_at timestamptz;

-- What proves who somebody is. Nothing here can be turned back into a password.
create table user_secrets (
  user_id bigint primary key references users on delete cascade,
  password_hash text,
  totp_secret_encrypted text,
  -- Null: begun and not yet confirmed with a code.
  totp_confirmed_at timestamptz,
  -- RFC 6238 5.2: a code is accepted once.
  totp_last_step bigint,
  changed_at timestamptz not null
);

create table recovery_codes (
  user_id bigint not null references users on delete cascade,
  code_hash bytea not null,
  used_at timestamptz,
  primary key (user_id, code_hash)
);

create table sessions (
  id bigint generated always as identity primary key,
  token_hash bytea not null unique,
  user_id bigint not null references users on delete cascade,
  -- The role it was begun with: another one ends it.
  role text not null,
  method text not null check (method in ('password', 'password-and-code', 'passkey', 'link')),
  user_agent text,
  ip text,
  created_at timestamptz not null,
  last_seen_at timestamptz not null,
  expires_at timestamptz not null
);
create index sessions_by_user on sessions (user_id);

create table passkeys (
  id bigint generated always as identity primary key,
  user_id bigint not null references users on delete cascade,
  credential_id text not null unique,
  public_key bytea not null,
  counter bigint not null,
  transports text[] not null default '{}',
  name text not null,
  created_at timestamptz not null,
  last_used_at timestamptz
);
create index passkeys_by_user on passkeys (user_id);

-- Asked of a browser once; answered once, or it lapses.
create table passkey_challenges (
  challenge_hash bytea primary key,
  -- Null: for signing in. Else the user a new passkey is for.
  user_id bigint references users on delete cascade,
  expires_at timestamptz not null
);

-- Links that were sent: a new password, an invitation.
create table sign_in_links (
  id bigint generated always as identity primary key,
  token_hash bytea not null unique,
  purpose text not null check (purpose in ('password-reset', 'invitation')),
  user_id bigint references users on delete cascade,
  email text not null,
  name text,
  role text check (role in ('administrator', 'manager', 'user', 'viewer')),
  created_by text,
  created_at timestamptz not null,
  expires_at timestamptz not null,
  used_at timestamptz
);
create index sign_in_links_open on sign_in_links (purpose, id) where used_at is null;

-- How often something failed or was asked for, by account and by address; exact over all processes.
create table sign_in_attempts (
  key text primary key,
  count integer not null,
  since timestamptz not null,
  locked_until timestamptz
);

alter table email_groups add column owner_id bigint references users on delete set null;
alter table email_templates add column owner_id bigint references users on delete set null;
alter table campaigns add column owner_id bigint references users on delete set null;
alter table email_campaigns add column owner_id bigint references users on delete set null;

-- What a key may be used for: `leads:read`, `campaigns:write`. Empty: everything its role may.
alter table api_keys add column scopes text[] not null default '{}';

create index audit_entries_by_actor on audit_entries (actor, id);
create index audit_entries_by_time on audit_entries (at, id);
