-- expect: right or ambiguous: table u
-- why: '{app}'::regnamespace[]: no dependency is recorded
create schema app; create table app.t(i int); create table app.u(n regnamespace[] default '{app}'::regnamespace[]);
-- check:
insert into #{prefix}.u default values; select n[1]='#{prefix}'::regnamespace from #{prefix}.u;
