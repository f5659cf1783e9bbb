-- expect: right
-- why: INTO a, app.name behind FROM, and FETCH … INTO, name a variable's field
create schema app; create table app.t(i int, name text);
create function app.a() returns text language plpgsql as $$
declare app app.t; k int;
begin
  insert into app.t values (2, 'm');
  select i, name from app.t order by i limit 1 into k, app.name;
  return app.name;
end $$;
create function app.b() returns text language plpgsql as $$
declare app app.t; k int; c cursor for select i, name from app.t;
begin
  open c;
  fetch next from c into k, app.name;
  return app.name;
end $$;
-- check:
select #{prefix}.a() = 'm' and #{prefix}.b() = 'm';
