-- Mails made of blocks: a format of its own, what is kept to be used again, and how the workspace's mails look.
alter table content_versions drop constraint content_versions_format_check;
alter table content_versions add constraint content_versions_format_check
  check (format in ('html', 'mjml', 'markdown', 'blocks'));

create table saved_blocks (
  id bigint generated always as identity primary key,
  name text not null,
  name_key text generated always as (lower(name)) stored constraint saved_blocks_name_unique unique,
  blocks jsonb not null,
  created_by text,
  created_at timestamptz not null,
  changed_at timestamptz not null
);

-- Pictures for mails. Their bytes lie in the data folder or in S3-compatible storage, under their hash.
create table images (
  id bigint generated always as identity primary key,
  name text not null,
  alt text not null check (alt <> ''),
  -- SHA-256 of what is served, in hex: the public address holds its beginning.
  hash text not null constraint images_hash_unique unique,
  extension text not null check (extension in ('png', 'jpg', 'gif')),
  width integer not null check (width > 0),
  height integer not null check (height > 0),
  size_bytes integer not null check (size_bytes > 0),
  created_by text,
  created_at timestamptz not null,
  changed_at timestamptz not null
);

-- The brand kit: colours, fonts and logo new mails begin with. Null: Tidings' own plain look.
alter table workspace add column brand jsonb;
