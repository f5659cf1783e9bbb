-- expect: right or ambiguous: policy p on t
-- rename: *
-- why: current_schema() = 'app' in a policy and a view
create schema app; create table app.t(i int); alter table app.t enable row level security; create policy p on app.t using (current_schema() = 'app');
create view app.v as select 'app' = any(current_schemas(false)::text[]) as x;
-- check:
set search_path to #{prefix}; select x from #{prefix}.v;
