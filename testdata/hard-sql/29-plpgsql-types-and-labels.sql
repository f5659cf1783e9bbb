-- expect: right or ambiguous: app.label
-- rename: *
-- why: in plpgsql app.x may be a schema's table or a labelled block's variable
CREATE SCHEMA app;
CREATE TABLE app.t (x int, name text);
CREATE FUNCTION app.types() RETURNS text LANGUAGE plpgsql AS $$
DECLARE
  a app.t.name%TYPE := 'n';
  b app.t%ROWTYPE;
  c app.t[];
  d CURSOR FOR SELECT * FROM app.t;
BEGIN
  OPEN d; FETCH d INTO b; CLOSE d;
  RETURN a || b.x || pg_typeof(c)::text;
END $$;
CREATE FUNCTION app.label() RETURNS int LANGUAGE plpgsql AS $$
<<app>>
DECLARE
  x int := 1;
BEGIN
  app.x := app.x + (SELECT max(x) FROM app.t);
  RETURN app.x;
END $$;
ALTER FUNCTION app.label() SET plpgsql.variable_conflict = 'use_column';
-- check:
INSERT INTO #{prefix}.t VALUES (4, 'z');
SELECT #{prefix}.types() = 'n4' || '#{prefix}.t[]'::regtype::text AND #{prefix}.label() = 5;
