-- That a mail was opened, or a link in it clicked. Rows are added by the thousand a second and name their message, which
-- is never deleted: no foreign keys, since each check locks a row.
create table engagements (
  id bigint generated always as identity primary key,
  message_id bigint not null,
  email_campaign_id bigint,
  person_id bigint not null,
  campaign_id bigint,
  step_id bigint,
  kind text not null check (kind in ('opened', 'clicked')),
  -- The address as its author wrote it, without what is personal in it.
  link text check (length(link) <= 2048),
  happened_at timestamptz not null,
  -- By a scanner, a prefetcher or a privacy proxy: it tells nothing of the person.
  automatic boolean not null default false,
  constraint engagements_link_when_clicked check ((kind = 'clicked') = (link is not null))
) with (autovacuum_vacuum_insert_scale_factor = 0.05, autovacuum_analyze_scale_factor = 0.02, autovacuum_vacuum_cost_delay = 0);

-- Has this person opened or clicked (this link): in this Email Campaign, in any mail of this Campaign. Without the link,
-- since an index holds no 2,048 characters; of one person there are few.
create index engagements_by_email_campaign on engagements (email_campaign_id, kind);
create index engagements_by_person on engagements (person_id, campaign_id, kind);
create index engagements_by_step on engagements (campaign_id, step_id, kind);
create index engagements_by_message on engagements (message_id);
