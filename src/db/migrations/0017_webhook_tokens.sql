-- Tokens that a provider signs apart from what it reports (Mailgun): each is good for one body.
create table inbound_webhook_tokens (
  webhook_id bigint not null references inbound_webhooks on delete cascade,
  token_hash bytea not null,
  body_hash bytea not null,
  used_at timestamptz not null,
  primary key (webhook_id, token_hash)
);
create index inbound_webhook_tokens_by_age on inbound_webhook_tokens (used_at);
