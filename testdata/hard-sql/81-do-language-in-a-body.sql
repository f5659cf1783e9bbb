-- expect: right
-- why: do language plpgsql $x$ … $x$ in a body; also execute of a CREATE FUNCTION with a body (g05)
create schema app; create table app.t(id int);
create function app.g() returns int language plpgsql as $$ begin do language plpgsql $x$ begin perform 1 from app.t; end $x$; return 1; end $$;
-- check:
select #{prefix}.g()=1;
