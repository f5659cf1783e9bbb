-- expect: ambiguous: function
-- rename: function *
-- tenant: acme
-- tenant: O'Neil "x"
-- why: a command that is put into a variable has strings of its own, of each kind, and an apostrophe in prose hides the rest
create schema app; create sequence app.s; create table app.t(a int);
create function app.quotes() returns bigint language plpgsql as $$
declare sql text := 'select nextval(''app.s'')'; n bigint;
begin execute sql into n; return n; end $$;
create function app.dollars() returns bigint language plpgsql as $$
declare sql text := $q$ select nextval('app.s'::regclass) $q$; n bigint;
begin execute sql into n; return n; end $$;
create function app.block() returns int language plpgsql as $$
declare sql text := $q$ do $z$ begin insert into app.t values (1); end $z$ $q$;
begin execute sql; return 1; end $$;
create function app.prose() returns int language plpgsql as $$
declare sql text := '-- that isn''t all
insert into app.t values (2)';
begin execute sql; return 1; end $$;
-- check:
do $$ begin perform #{prefix}.block(), #{prefix}.prose(); end $$;
select #{prefix}.quotes() = 1 and #{prefix}.dollars() = 2 and (select sum(a) from #{prefix}.t) = 3;
