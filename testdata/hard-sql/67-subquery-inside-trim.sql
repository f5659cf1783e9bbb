-- expect: right or ambiguous: function g(app text)
-- why: a relation of a subquery inside trim(), extract(), substring()
create schema app; create table app.t(name text); insert into app.t values(' x ');
create function app.g(app text) returns text language sql as $$ select app || trim((select name from app.t limit 1)) $$;
-- check:
insert into #{prefix}.t values(' x '); select #{prefix}.g('a')='ax';
