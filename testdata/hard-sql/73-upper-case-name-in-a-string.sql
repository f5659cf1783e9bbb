-- expect: right or ambiguous: function f()
-- rename: *
-- why: p text := 'APP'; execute … || p || '.t'
create schema app; create table app.t(i int);
create function app.f() returns bigint language plpgsql as $$ declare n bigint; p text := 'APP'; begin execute 'select count(*) from ' || p || '.t' into n; return n; end $$;
-- check:
select #{prefix}.f()=0;
