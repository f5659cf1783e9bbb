-- expect: right
-- seed: plans
-- seed: accounts
-- why: rows that were valid when they came, in an order in which a copy cannot insert them; hash partitions of the schema's own enum
create schema app; create table app.plans (code text primary key);
create function app.known(text) returns boolean language plpgsql stable as $$ begin return exists (select from app.plans where code = $1); end $$;
create table app.accounts (id int primary key, plan text check (app.known(plan)));
insert into app.plans values ('pro'); insert into app.accounts values (1, 'pro');
create type app.kind as enum ('a', 'b', 'c', 'd');
create table app.items (k app.kind, n int) partition by hash (k);
create table app.items_0 partition of app.items for values with (modulus 2, remainder 0);
create table app.items_1 partition of app.items for values with (modulus 2, remainder 1);
-- check:
insert into #{prefix}.items select k, 1 from unnest(enum_range(null::#{prefix}.kind)) as k;
select (select count(*) = 4 from #{prefix}.items) and plan = 'pro' from #{prefix}.accounts;
