-- expect: right
-- why: behind USING of EXECUTE and of OPEN … FOR EXECUTE stand values, behind USING of DELETE stand tables
create schema app; create table app.users(id int primary key, name text); create table app.log(id int);
insert into app.users values (7, 'x');
create function app.f() returns int language plpgsql as $$
declare app app.users%rowtype; c refcursor; n int;
begin
  app := (5, 'y');
  insert into app.users values (app.id, app.name);
  execute 'insert into app.log values ($1), ($2)' using app.id, app.id + 1;
  open c for execute 'select id from app.log where id = $1' using app.id;
  fetch c into n;
  delete from app.log using app.users u where u.id = log.id;
  return n;
end $$;
-- check:
do $$ begin assert #{prefix}.f() = 5; end $$;
select array_agg(id) = '{6}' from #{prefix}.log;
