-- Refusals as a matter of policy are few, and looked for among all mail of an account whenever there is one more.
create index messages_refused_by_policy on messages (email_account_id, finished_at desc) where reason = 'policy';
-- What was refused before it was resumed counts no more.
alter table campaigns add column resumed_at timestamptz;
