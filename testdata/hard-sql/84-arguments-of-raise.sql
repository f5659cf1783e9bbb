-- expect: right
-- why: RAISE, PERFORM and ASSERT list expressions; the FROM of the loop around them is another statement's
create schema app; create table app.users(id int primary key, name text);
create function app.f() returns int language plpgsql as $$
declare app app.users; n int := 0;
begin
  insert into app.users values (1, 'a'), (2, 'b');
  for app in select * from app.users loop
    raise debug 'user % %', app.id, app.name using hint = app.name;
    perform app.id, app.name;
    assert app.id > 0, app.name;
    n := n + app.id;
  end loop;
  return n;
end $$;
-- check:
select #{prefix}.f() = 3;
