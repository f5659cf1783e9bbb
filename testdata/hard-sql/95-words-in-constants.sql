-- expect: right
-- why: names in constants stay, with a note, for each tenant; none may be half renamed
create schema app;
create table app.orders(id int primary key, tenant text not null default 'app' check (tenant = 'app'),
  ref text generated always as ('app/' || id::text) stored);
create view app.export as select 'app'::text as tenant, id from app.orders;
-- check:
insert into #{prefix}.orders(id) values (1);
select tenant = 'app' and ref = 'app/1' and (select tenant = 'app' from #{prefix}.export) from #{prefix}.orders;
