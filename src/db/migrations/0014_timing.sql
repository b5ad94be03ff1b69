-- When mail of a Campaign may leave: windows, business days, holidays, gaps, dates in fields; a cap and quiet hours for all.

-- As the contract of Campaigns has it; null: nothing was said.
alter table campaigns add column timing jsonb check (jsonb_typeof(timing) = 'object');
alter table steps add column timing jsonb check (jsonb_typeof(timing) = 'object');

alter table workspace
  -- ISO 3166, with or without a state: DE, DE-BY.
  add column country text check (country ~ '^[A-Z]{2}(-[A-Z0-9]{1,3})?$'),
  add column own_holidays jsonb not null default '[]' check (jsonb_typeof(own_holidays) = 'array'),
  add column quiet_hours jsonb check (jsonb_typeof(quiet_hours) = 'object'),
  add column frequency_cap jsonb check (jsonb_typeof(frequency_cap) = 'object');

-- When the window it was planned in closes: what is still waiting then is put off to the next opening. Null: none.
alter table messages add column open_until timestamptz;
