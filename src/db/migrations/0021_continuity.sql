-- Signs of life, by which a restored copy is known for what it is, and whether mail is held until somebody answers.
create table continuity (
  id integer primary key default 1 constraint continuity_is_one_row check (id = 1),
  installation uuid not null default gen_random_uuid(),
  pulse bigint not null default 0 check (pulse >= 0),
  alive_at timestamptz,
  -- Which database this is: system identifier, and the ids of database and table. A dump read back has others.
  place text,
  timeline integer,
  held_at timestamptz,
  held_reason text check (held_reason in ('went-back', 'copied', 'silent')),
  -- The last sign of life before it.
  held_since timestamptz,
  constraint continuity_held_whole check ((held_at is null) = (held_reason is null))
) with (fillfactor = 50, autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 500);
insert into continuity default values;
