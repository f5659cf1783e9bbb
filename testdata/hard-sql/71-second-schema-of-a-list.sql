-- expect: right or ambiguous: function f()
-- why: GRANT … ON SCHEMA public, app (and ALTER DEFAULT PRIVILEGES IN SCHEMA public, app; DROP SCHEMA x, app)
create schema app; create table app.t(i int);
do $$ begin create role bob; exception when duplicate_object then null; end $$;
create function app.f() returns void language plpgsql as $$ begin grant usage on schema public, app to bob; end $$;
-- check:
select #{prefix}.f(); select has_schema_privilege('bob','#{prefix}'::regnamespace,'usage');
