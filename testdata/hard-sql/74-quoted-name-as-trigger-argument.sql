-- expect: right or ambiguous: trigger a on t
-- rename: *
-- why: trigger argument '"app"' pasted into dynamic SQL
create schema app; create table app.t(i int); create table app.log(m int);
create function app.tg() returns trigger language plpgsql as $$ begin execute 'insert into ' || tg_argv[0] || '.log values (1)'; return new; end $$;
create trigger a before insert on app.t for each row execute function app.tg('"app"');
-- check:
insert into #{prefix}.t values(1); select count(*)=1 from #{prefix}.log;
