-- expect: right or ambiguous: function f()
-- rename: *
-- why: execute 'select count(*) from app' || '.t'
create schema app; create table app.t(i int);
create function app.f() returns bigint language plpgsql as $$ declare n bigint; begin execute 'select count(*) from app' || '.t' into n; return n; end $$;
-- check:
select #{prefix}.f()=0;
