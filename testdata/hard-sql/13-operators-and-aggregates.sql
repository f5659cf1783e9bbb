-- expect: right
-- why: OPERATOR(app.===) is qualified inside expressions
CREATE SCHEMA app;
CREATE FUNCTION app.same(text, text) RETURNS boolean LANGUAGE sql IMMUTABLE AS 'SELECT lower($1) = lower($2)';
CREATE OPERATOR app.=== (LEFTARG = text, RIGHTARG = text, FUNCTION = app.same, COMMUTATOR = OPERATOR(app.===));
CREATE FUNCTION app.add(int, int) RETURNS int LANGUAGE sql IMMUTABLE AS 'SELECT $1 + $2';
CREATE AGGREGATE app.plus(int) (SFUNC = app.add, STYPE = int, INITCOND = '0');
CREATE TABLE app.t (a text, b text, n int, CHECK (a OPERATOR(app.===) b));
CREATE VIEW app.v AS SELECT app.plus(n) AS total FROM app.t WHERE a OPERATOR(app.===) 'APP';
-- check:
INSERT INTO #{prefix}.t VALUES ('app', 'APP', 3), ('App', 'app', 4);
SELECT (SELECT total FROM #{prefix}.v) = 7;
