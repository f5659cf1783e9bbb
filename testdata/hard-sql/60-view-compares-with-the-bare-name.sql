-- expect: right or ambiguous: view v
-- rename: *
-- why: a view, policy or default compares a catalog column or current_schema() with 'app'; the literal is kept without a word and the tenant looks at the source
create schema app; create table app.t(i int); 
create view app.v as select count(*) as n from information_schema.tables where table_schema='app' and table_name='t';
-- check:
select n=1 from #{prefix}.v;
