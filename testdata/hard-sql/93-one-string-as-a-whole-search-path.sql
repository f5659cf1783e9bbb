-- expect: right or ambiguous: function f()
-- rename: function f()
-- why: one string is one schema to PostgreSQL, but people write a whole path; the new tenant's function would keep the old name
create schema app; create table app.t(i int); insert into app.t values (1);
create function app.f() returns text language plpgsql set search_path = 'app, public' as $$ begin return current_setting('search_path'); end $$;
-- check:
select #{prefix}.f() = format('"%s, public"', nspname) from pg_namespace where oid = '#{prefix}'::regnamespace;
