-- expect: right or ambiguous: function f()
-- why: RETURNS TABLE (app app.t): app.i in the body is the column
create schema app; create table app.t(i int, s text);
create function app.f() returns table(app app.t) language plpgsql as $$ begin for app.i in 1..2 loop app.s := 'x'; return next; end loop; end $$;
-- check:
select count(*)=2 from #{prefix}.f();
