-- expect: right
-- tenant: 50%
-- tenant: a%1$s
-- tenant: %I%%
-- why: in the first argument of format() the percent sign of a name is a directive: an error, or somebody else's SQL
create schema app; create table app.t(i text); create table app.note(n text default 'app');
create function app.f(what text) returns bigint language plpgsql as $$
begin
  execute format('insert into app.t values (%1$L)', what);
  execute format($f$ insert into app.t values (%L) $f$, what);
  return (select count(*) from app.t);
end $$;
-- check:
select #{prefix}.f('x') = 2;
