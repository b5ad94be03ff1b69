-- People who were merged into another: their ids, and links in mail sent to them, lead there from now on.
create table merged_people (
  former_id bigint primary key,
  person_id bigint not null references people on delete cascade,
  merged_by text not null,
  merged_at timestamptz not null
);
create index merged_people_by_person on merged_people (person_id);

-- Probable duplicates are found from one person by these, never by reading all of them.
-- The first: an address without +tag, and at Gmail without dots.
create function canonical_address(email_key text) returns text language sql immutable parallel safe return
  case when split_part(email_key, '@', 2) in ('gmail.com', 'googlemail.com')
    then replace(split_part(split_part(email_key, '@', 1), '+', 1), '.', '') || '@gmail.com'
    else split_part(split_part(email_key, '@', 1), '+', 1) || '@' || split_part(email_key, '@', 2)
  end;
create index people_by_canonical_address on people (canonical_address(email_key)) where email_key is not null;
create index people_by_name on people (lower(full_name)) where erased_at is null;

-- What the sample campaign made, so that it can be removed again whatever it is called by then.
create table sample_items (
  kind text not null check (kind in ('campaign', 'email-template', 'email-group', 'person', 'sender')),
  item_id bigint not null,
  position integer not null,
  created_at timestamptz not null,
  primary key (kind, item_id)
);
