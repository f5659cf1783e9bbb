-- expect: right
-- why: database.schema.table is allowed where the database is the own one
create schema app; create table app.t(i int);
do $do$ begin execute format('create function app.d() returns bigint language sql as $$ select count(*) from %I.app.t $$', current_database()); end $do$;
-- check:
insert into #{prefix}.t values (1); select #{prefix}.d() = 1;
