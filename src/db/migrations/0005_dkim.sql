-- Domains mail is sent from, and the keys it is signed with (DKIM).
create table sending_domains (
  id bigint generated always as identity primary key,
  -- As A-label, lower case.
  domain text not null constraint sending_domains_domain_unique unique check (domain = lower(domain)),
  -- sign: by us, or not at all; relay-signs: the server we hand mail to does; off: nobody does.
  mode text not null check (mode in ('sign', 'relay-signs', 'off')),
  checked_at timestamptz,
  -- What the last check found: a list of {check, ok, found, text, todo}.
  checks jsonb not null default '[]',
  created_at timestamptz not null,
  changed_at timestamptz not null
);

create table sending_domain_keys (
  id bigint generated always as identity primary key,
  sending_domain_id bigint not null references sending_domains on delete cascade,
  selector text not null,
  algorithm text not null check (algorithm in ('rsa-sha256', 'ed25519-sha256')),
  -- new: waits for its record; signing; retired: signs no more, its record stays while mail is on its way.
  state text not null check (state in ('new', 'signing', 'retired')),
  -- Base64, as it stands in the record's p=.
  public_key text not null,
  private_key_encrypted text not null,
  -- Whether the last check saw the record, with our key in it.
  published_at timestamptz,
  created_at timestamptz not null,
  changed_at timestamptz not null,
  constraint sending_domain_keys_selector_unique unique (sending_domain_id, selector)
);
-- One key of each kind signs.
create unique index sending_domain_keys_one_signing on sending_domain_keys (sending_domain_id, algorithm) where state = 'signing';
