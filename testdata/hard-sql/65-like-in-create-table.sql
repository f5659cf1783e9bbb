-- expect: right or ambiguous: procedure p()
-- rename: *
-- why: create temp table app (like app.t)
create schema app; create table app.t(i int); 
create procedure app.p() language plpgsql as $$ begin create temp table app (like app.t); insert into app.t values (1); insert into app select * from app.t; drop table app; end $$;
-- check:
call #{prefix}.p(); select count(*)=1 from #{prefix}.t;
