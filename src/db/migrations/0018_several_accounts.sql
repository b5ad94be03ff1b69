-- How mail leaves by an email account, and several of them for a sender.
alter table email_accounts
  add column smtp_auth text not null default 'password' check (smtp_auth in ('password', 'oauth2')),
  -- Bodies by BDAT: where it saves a round trip, wherever it is offered, or nowhere; and how many may be without an answer.
  add column chunking text not null default 'auto' check (chunking in ('auto', 'always', 'never')),
  add column chunking_window integer not null default 1 check (chunking_window between 1 and 100),
  -- Which delivery reports are asked for (RFC 3461). Empty: none is asked for or declined.
  add column reports_notify text[] not null default '{failure,delay}'
    check (reports_notify <@ '{failure,delay,success,never}'),
  add column reports_return text not null default 'headers' check (reports_return in ('headers', 'full')),
  add constraint never_stands_alone check (not 'never' = any (reports_notify) or cardinality(reports_notify) = 1);

-- A sender's mail leaves by email_account_id, and by these: when that one cannot send, or in turn, by weight.
create table sender_email_accounts (
  sender_id bigint not null references senders on delete cascade,
  email_account_id bigint not null references email_accounts,
  position integer not null check (position >= 1),
  weight integer not null default 1 check (weight between 1 and 1000),
  primary key (sender_id, email_account_id),
  constraint sender_email_accounts_in_order unique (sender_id, position)
);
create index sender_email_accounts_by_account on sender_email_accounts (email_account_id);
alter table senders
  add column account_choice text not null default 'in-order' check (account_choice in ('in-order', 'rotation')),
  add column account_weight integer not null default 1 check (account_weight between 1 and 1000);

-- Why a Campaign is paused, where nobody paused it by hand.
alter table campaigns add column paused_reason text;
