-- Variants: a step goes out in up to five templates, so that its author sees which one works.

-- As core/variants has them; null: the step's own template alone, which is variant A.
alter table steps add column variants jsonb check (jsonb_typeof(variants) = 'object');

-- Which variant a message was planned as, and which one left at the first attempt; null where its step had none. They
-- differ where a variant was removed in between. No index: a message is written three times on its way.
alter table messages
  add column planned_variant text,
  add column variant text;

-- What was decided about the variants of a step: by its rule, or by hand. It counts until it is taken back, for whoever
-- follows a Schedule in which the step has the templates it was about.
create table variant_decisions (
  id bigint generated always as identity primary key,
  step_id bigint not null references steps on delete cascade,
  outcome text not null check (outcome in ('won', 'no-clear-winner', 'chosen')),
  -- Null: it stays with the split.
  winner text check (winner in ('A', 'B', 'C', 'D', 'E')),
  -- The template of each variant when it was decided.
  templates jsonb not null,
  -- The rule by which, and what it counted; by hand: what there was to see.
  rule jsonb,
  figures jsonb not null,
  decided_at timestamptz not null,
  -- Null: by the rule.
  decided_by text,
  taken_back_at timestamptz,
  taken_back_by text,
  constraint variant_decisions_taken_back_by_somebody check ((taken_back_at is null) = (taken_back_by is null))
);
create unique index variant_decisions_one_counts on variant_decisions (step_id, templates) where taken_back_at is null;

-- The template of a variant; null where there is no such variant, and for A, whose template is the step's.
create function template_of_variant(variants jsonb, wanted text) returns bigint language sql immutable as $$
  select (one ->> 'emailTemplateId')::bigint from jsonb_array_elements(variants -> 'others') as one
  where one ->> 'letter' = wanted
$$;

-- The same in the version somebody follows.
create function template_of_variant_in_version(version_id bigint, wanted_step_id bigint, wanted text) returns bigint
language sql stable as $$
  select template_of_variant(step -> 'variants', wanted)
  from schedule_versions, jsonb_array_elements(schedule_versions.steps) as step
  where schedule_versions.id = version_id and (step ->> 'id')::bigint = wanted_step_id
$$;
