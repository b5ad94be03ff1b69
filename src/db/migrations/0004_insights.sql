-- What the web application asks all day: search by parts of words, what is due on which day.
-- pg_trgm comes with PostgreSQL and is trusted: the owner of a database may add it.
create extension if not exists pg_trgm;
create index people_search_name on people using gin (full_name gin_trgm_ops);
create index people_search_company on people using gin (company gin_trgm_ops) where company is not null;
create index people_search_email on people using gin (email gin_trgm_ops) where email is not null;
create index email_campaigns_search_number on email_campaigns using gin (number gin_trgm_ops);

-- The calendar: who is on their way, by Campaign and start.
create index email_campaigns_ahead on email_campaigns (campaign_id, start_on) where status in ('Scheduled', 'In Progress');
create index timeline_entries_by_kind on timeline_entries (kind, at);
create index people_by_created on people (created_at, id);
create index people_by_changed on people (changed_at, id);
