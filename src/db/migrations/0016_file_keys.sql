-- Campaigns as files: by which key a thing is known in a folder, whatever it is called by now.
create table file_keys (
  kind text not null check (kind in ('campaign', 'step', 'email-template')),
  -- Of a step: the key of its Campaign, a slash, its own.
  key text not null,
  item_id bigint not null,
  primary key (kind, key),
  constraint file_keys_item_unique unique (kind, item_id)
);
