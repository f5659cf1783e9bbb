-- expect: right or ambiguous: app.f
-- rename: *
-- why: every way to write a string, in bodies that psql does not read
CREATE SCHEMA app;
CREATE TABLE app.t (a text);
CREATE FUNCTION app.f() RETURNS SETOF text LANGUAGE plpgsql AS $f$
BEGIN
  RETURN NEXT E'app.t\'s \x61pp';
  RETURN NEXT U&'\0061pp.t' UESCAPE '\';
  RETURN NEXT $app$app.t$app$;
  RETURN NEXT B'101'::text || X'1F'::text || N'app';
  RETURN NEXT (SELECT 'n' || count(*) FROM U&"\0061pp".t);
  RETURN QUERY EXECUTE $x$SELECT 'app' || $1$x$ USING 'x';
END $f$;
-- check:
SELECT array_agg(f) IS NOT NULL FROM #{prefix}.f() AS f WHERE f = 'n0';
