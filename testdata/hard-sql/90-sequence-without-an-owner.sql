-- expect: right
-- seed: plans
-- why: the default of a seed table counts with a sequence that no column owns; from 1 on it would meet the rows
create schema app; create sequence app.numbers;
create table app.plans(id int primary key default nextval('app.numbers'), name text);
insert into app.plans(name) values ('a'), ('b');
-- check:
insert into #{prefix}.plans(name) values ('c');
select max(id) = 3 from #{prefix}.plans;
