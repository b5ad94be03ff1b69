-- The rules that start a Campaign stand in the order in which somebody wrote them; those from before in that of their making.
alter table start_rules add column position integer not null default 0;
