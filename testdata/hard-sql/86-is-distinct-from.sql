-- expect: right
-- why: FROM in IS [NOT] DISTINCT FROM begins no list of tables, also not for the comma behind it
create schema app; create table app.t(i int, name text, x text, y text);
create function app.b() returns table(p bool, q text) language sql
    as $$ select app.x is distinct from app.y, app.name from app.t app order by app.x is not distinct from 'a', app.name $$;
create function app.c() returns text language plpgsql as $$
declare app app.t;
begin
  select * into app from app.t limit 1;
  delete from app.t where x is not distinct from app.x;
  if app.x is distinct from 'q' then raise debug '% %', app.x, app.y; end if;
  return app.name;
end $$;
-- check:
insert into #{prefix}.t values (1, 'n', 'x', 'y');
do $$ begin assert (select (p, q) = (true, 'n') from #{prefix}.b()); assert #{prefix}.c() = 'n'; end $$;
select count(*) = 0 from #{prefix}.t;
