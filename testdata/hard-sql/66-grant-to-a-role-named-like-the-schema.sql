-- expect: right or ambiguous: function g()
-- rename: *
-- why: role and schema have one name: grant select on app.t to app
create schema app; create table app.t(i int);
do $$ begin create role app; exception when duplicate_object then null; end $$;
create function app.g() returns void language plpgsql as $$ begin execute 'grant select on app.t to app'; end $$;
-- check:
select #{prefix}.g(); select has_table_privilege('app','#{prefix}.t','select');
