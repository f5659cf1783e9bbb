-- expect: right or ambiguous: function g()
-- rename: *
-- why: a body in another language (PL/Python, PL/Perl; here a second name of PL/pgSQL) says App.t
create schema app; create language plx handler plpgsql_call_handler; create table app.t(i int);
create function app.g() returns bigint language plx as $$ begin return (select count(*) from App.t); end $$;
-- check:
select #{prefix}.g()=0;
