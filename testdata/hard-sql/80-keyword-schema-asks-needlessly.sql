-- expect: right
-- why: schema "order": ORDER BY counts as an introduced name
-- schema: order
create schema "order"; create table "order".t(id int); create type "order".k as enum('a'); create function "order".f() returns int language plpgsql as $$ declare r "order".k; begin for i in 1..2 loop perform id from "order".t order by id; end loop; return 1; end $$;
-- check:
select #{prefix}.f()=1;
