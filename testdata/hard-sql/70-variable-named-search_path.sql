-- expect: right or ambiguous: function f(a text)
-- why: a comparison search_path = app of two variables
create schema app; create table app.t(k text); 
create function app.f(a text) returns bigint language plpgsql as $$ declare search_path text := 'x'; app text := 'x'; begin if search_path = app then return 1; end if; return 0; end $$;
-- check:
select #{prefix}.f('x')=1;
