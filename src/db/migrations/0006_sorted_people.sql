-- Lists of people in every order they can be read in: by the index, not by sorting everybody.
create index people_sorted_by_name on people (kind, full_name, id) where erased_at is null;
create index people_sorted_by_created on people (kind, created_at, id) where erased_at is null;
create index people_sorted_by_changed on people (kind, changed_at, id) where erased_at is null;
create index people_sorted_by_company on people (kind, company, id) where erased_at is null;
create index people_sorted_by_email on people (kind, email, id) where erased_at is null;
-- Nulls last backwards is another order than the indexes above read backwards.
create index people_sorted_by_company_backwards on people (kind, company desc nulls last, id desc) where erased_at is null;
create index people_sorted_by_email_backwards on people (kind, email desc nulls last, id desc) where erased_at is null;
-- What these replace.
drop index people_by_created;
drop index people_by_changed;
