-- expect: right
-- why: a materialized view divides by the number of rows; an invalid index; a trigger for hundreds of columns
create schema app; create table app.sales (amount int); insert into app.sales values (10);
create materialized view app.share as select 100 / count(*) as each from app.sales;
create materialized view app.whole as select count(*) as n from app.sales;
create table app.t (email text); insert into app.t values ('a'), ('a');
create index half on app.t (email); update pg_index set indisvalid = false where indexrelid = 'app.half'::regclass;
do $$ begin execute 'create table app.wide (' || (select string_agg('c' || i || ' int', ', ') from generate_series(0, 1099) as i) || ')'; end $$;
create function app.f() returns trigger language plpgsql as $$ begin new.c0 := 5; return new; end $$;
do $$ begin execute 'create trigger x before update of ' || (select string_agg('c' || i, ', ') from generate_series(0, 1099) as i)
  || ' on app.wide for each row execute function app.f()'; end $$;
-- check:
insert into #{prefix}.wide default values; update #{prefix}.wide set c1099 = 1; insert into #{prefix}.sales values (20);
refresh materialized view #{prefix}.share;
select c0 = 5 and (select n <= 1 from #{prefix}.whole)
  and (select each = 100 / (select count(*) from #{prefix}.sales) from #{prefix}.share) from #{prefix}.wide;
