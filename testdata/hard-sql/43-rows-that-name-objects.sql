-- expect: right
-- why: a regclass value is a name, not data
-- seed: s
-- tenant: acme
-- tenant: It's "quoted" \ too
CREATE SCHEMA app;
CREATE TABLE app.t (i int);
CREATE TYPE app.ty AS ENUM ('a');
CREATE FUNCTION app.f(app.ty, app.t[]) RETURNS int LANGUAGE sql AS 'SELECT 1';
CREATE TABLE app.s (i int PRIMARY KEY, r regclass, t regtype, f regprocedure, n regnamespace, app text);
INSERT INTO app.s VALUES (1, 'app.t', 'app.ty[]', 'app.f(app.ty, app.t[])', 'app', 'app.t'), (2, 'pg_class', 'int', NULL, 'public', NULL);
-- check:
SELECT count(*) = 1 FROM #{prefix}.s
WHERE r = '#{prefix}.t'::regclass AND t = '#{prefix}.ty[]'::regtype AND n::oid = (SELECT relnamespace FROM pg_class WHERE oid = '#{prefix}.t'::regclass)
  AND f = '#{prefix}.f(#{prefix}.ty, #{prefix}.t[])'::regprocedure AND app = 'app.t';
