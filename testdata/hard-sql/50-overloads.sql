-- expect: right
-- why: pg_dump sorts overloads by the schemas of their arguments' types, so that the order depends on the schema's name
-- tenant: acme
-- tenant: zoo
CREATE SCHEMA app;
CREATE TYPE app.ty AS ENUM ('a');
CREATE FUNCTION app.f(bigint) RETURNS int LANGUAGE sql AS 'SELECT 1';
CREATE FUNCTION app.f(app.ty) RETURNS int LANGUAGE sql AS 'SELECT 2';
CREATE PROCEDURE app.f(text) LANGUAGE sql AS 'SELECT 3';
COMMENT ON FUNCTION app.f(app.ty) IS 'mine';
CREATE FUNCTION app.eq(app.ty, app.ty) RETURNS boolean LANGUAGE sql AS 'SELECT $1::text = $2::text';
CREATE FUNCTION app.eq(int, app.ty) RETURNS boolean LANGUAGE sql AS 'SELECT false';
CREATE FUNCTION app.eq(app.ty, int) RETURNS boolean LANGUAGE sql AS 'SELECT false';
CREATE OPERATOR app.=== (FUNCTION = app.eq, LEFTARG = app.ty, RIGHTARG = int);
CREATE OPERATOR app.=== (FUNCTION = app.eq, LEFTARG = int, RIGHTARG = app.ty, COMMUTATOR = OPERATOR(app.===));
CREATE OPERATOR app.=== (FUNCTION = app.eq, LEFTARG = app.ty, RIGHTARG = app.ty, COMMUTATOR = OPERATOR(app.===));
CREATE AGGREGATE app.last(bigint) (SFUNC = int8pl, STYPE = bigint);
CREATE FUNCTION app.keep(app.ty, app.ty) RETURNS app.ty LANGUAGE sql AS 'SELECT $2';
CREATE AGGREGATE app.last(app.ty) (SFUNC = app.keep, STYPE = app.ty);
-- check:
SELECT #{prefix}.f('a'::#{prefix}.ty) = 2 AND 'a'::#{prefix}.ty OPERATOR(#{prefix}.===) 'a'::#{prefix}.ty;
