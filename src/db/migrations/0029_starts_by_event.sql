-- A rule of automatic start may ask for an event: it is looked at when one of that name comes.
create function note_start_of_events() returns trigger language plpgsql as $$
begin
  if not exists (select from start_rules where is_on and condition @? '$.**.event') then return null; end if;
  insert into pending_starts (start_rule_id, person_id)
    select distinct rule.id, after.person_id from after
      join start_rules as rule on rule.is_on
        and jsonb_path_exists(rule.condition, '$.**.event ? (@ == $name)', jsonb_build_object('name', after.name));
  return null;
end $$;
create trigger events_start after insert on events referencing new table as after
  for each statement execute function note_start_of_events();
