-- expect: right or ambiguous: function f(app integer)
-- why: from ((app.a join app.b …) …)
create schema app; create table app.a(i int); create table app.b(i int);
create function app.f(app int) returns int language plpgsql as $$ declare n int; begin select count(*) into n from ((app.a join app.b using (i)) join (select app) q on true); return n; end $$;
-- check:
select #{prefix}.f(1)=0;
