-- expect: right
-- why: default privileges of the database are taken back; for ROUTINE the server counts OUT and TABLE columns, which makes overloads ambiguous
alter default privileges revoke execute on functions from public;
create schema app;
create function app.f() returns table(a int) language sql as 'select 1';
create function app.f(i int) returns int language sql as 'select 2';
create function app.g(i int, out o int) language sql as 'select 3';
create function app.g(i int, j int) returns int language sql as 'select 4';
create procedure app.p(in b int, out a int) language plpgsql as $$ begin a := 5; end $$;
create procedure app.p(in b int, in c int) language plpgsql as $$ begin end $$;
-- check:
select #{prefix}.f(1) = 2 and #{prefix}.g(1) = 3 and #{prefix}.g(1, 2) = 4 and (select a = 1 from #{prefix}.f())
  and (select count(*) = 6 from pg_proc where pronamespace = '#{prefix}'::regnamespace);
