-- expect: right or ambiguous: function f()
-- rename: *
-- why: as 01, in BEGIN ATOMIC
create schema app; create table app.t(i int);
create function app.f() returns int language sql begin atomic select count(*)::int from information_schema.tables where table_schema = 'app'; end;
-- check:
select #{prefix}.f()=1;
