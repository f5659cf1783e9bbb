-- expect: right or refused: !==
-- why: an operator that is named as another's negator and never made is in no dump
CREATE SCHEMA app;
CREATE FUNCTION app.same(boolean, boolean) RETURNS boolean LANGUAGE sql IMMUTABLE AS 'SELECT $1 = $2';
CREATE OPERATOR app.=== (LEFTARG = boolean, RIGHTARG = boolean, FUNCTION = app.same, NEGATOR = OPERATOR(app.!==));
-- check:
SELECT true OPERATOR(#{prefix}.===) true;
