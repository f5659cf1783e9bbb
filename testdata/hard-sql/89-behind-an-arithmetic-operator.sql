-- expect: ambiguous: function
-- rename: function *
-- why: 10-app.n() and i/app.n() look like a host and a path, and are calls
create schema app; create table app.t(i int);
create function app.n() returns int language sql as 'select 3';
create function app.d() returns int language plpgsql as $$
declare sql text := 'select 10-app.n()'; r int;
begin execute sql into r; return r; end $$;
create function app.e() returns int language plpgsql as $$
declare sql text := 'select 12/app.n()'; r int;
begin execute sql into r; return r; end $$;
create function app.host() returns text language sql as $$ select 'https://my-app.example.com/app.html' $$;
-- check:
select #{prefix}.d() = 7 and #{prefix}.e() = 4 and #{prefix}.host() = 'https://my-app.example.com/app.html';
