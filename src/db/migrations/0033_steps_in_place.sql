-- A message learns its account as it steps into DATA. With that in an index the step wrote all the others anew, too.
drop index messages_refused_by_policy;
create index messages_refused_by_policy on messages (finished_at) where reason = 'policy';

-- Whether any Campaign or rule asks for the status of others is asked with each batch of mails: no longer of every Campaign.
create index campaigns_that_ask_for_others on campaigns (id) where
  stop_if @? '$.**.campaign' or stop_if @? '$.**.finished' or goal @? '$.**.campaign' or goal @? '$.**.finished';
create index start_rules_that_ask_for_campaigns on start_rules (id) where
  is_on and (condition @? '$.**.campaign' or condition @? '$.**.finished');
