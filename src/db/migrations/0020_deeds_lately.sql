-- What callers did lately that costs others, as moments in milliseconds: limited over all processes.
create table deeds_lately (
  deed text not null,
  caller text not null,
  moments jsonb not null,
  primary key (deed, caller)
);
