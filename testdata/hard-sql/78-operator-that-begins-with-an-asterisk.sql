-- expect: right
-- why: operator app.* looks like all columns of app
create schema app; create function app.m(a box, b int) returns box language sql immutable as 'select $1';
create operator app.* (function=app.m, leftarg=box, rightarg=int);
create view app.v as select '(1,1),(0,0)'::box operator(app.*) 3 as x;
-- check:
select count(*)=1 from #{prefix}.v;
