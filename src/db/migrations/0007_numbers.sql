-- A number is looked for whole or by its end. An index of its parts was written anew at every step of every
-- Email Campaign, which cost more than the step itself.
drop index email_campaigns_search_number;
create index email_campaigns_number_from_its_end on email_campaigns (reverse(number) text_pattern_ops);
