-- expect: right or ambiguous: function f()
-- rename: function f()
-- why: a parameter of the app whose value is the schema's name, as its twin set_config()
create schema app;
create function app.f() returns text language sql set my.schema = 'app' as $$ select current_setting('my.schema') $$;
-- check:
select #{prefix}.f() = nspname from pg_namespace where oid = '#{prefix}'::regnamespace;
