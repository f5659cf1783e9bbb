-- expect: right or ambiguous: trigger hook on orders
-- rename: trigger hook on orders
-- rename: trigger other on orders
-- why: the schema's name as a part of an address or of JSON: rows of a tenant would be sent to another one's address
create schema app; create table app.sent(target text); create table app.orders(id int);
create function app.send() returns trigger language plpgsql as $$ begin
  execute format('insert into %I.sent values (%L)', tg_table_schema, tg_argv[0]); return new; end $$;
create trigger hook after insert on app.orders for each row execute function app.send('https://x.org/hooks/app');
create trigger other after insert on app.orders for each row execute function app.send('{"schema":"app"}');
-- check:
insert into #{prefix}.orders values (1);
select array_agg(target order by target) = array[concat('https://x.org/hooks/', n.nspname), format('{"schema":"%s"}', n.nspname)]
  from #{prefix}.sent, pg_namespace n where n.oid = '#{prefix}'::regnamespace group by n.nspname;
