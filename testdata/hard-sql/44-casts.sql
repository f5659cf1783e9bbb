-- expect: right
-- why: pg_dump --schema leaves CREATE CAST out; without it a view falls back to conversion through text
-- tenant: acme
-- tenant: My "Tenant"
CREATE SCHEMA app;
CREATE TYPE app.ty AS (a int);
CREATE FUNCTION app.f(app.ty) RETURNS text LANGUAGE sql IMMUTABLE AS $$SELECT 'x' || ($1).a$$;
CREATE CAST (app.ty AS text) WITH FUNCTION app.f(app.ty);
CREATE TYPE app.e AS ENUM ('a');
CREATE CAST (text AS app.e) WITH INOUT AS IMPLICIT;
CREATE CAST (app.e AS app.ty[]) WITH INOUT AS ASSIGNMENT;
CREATE TABLE app.t (x app.ty, y text DEFAULT ROW(1)::app.ty::text);
INSERT INTO app.t VALUES (ROW(1));
CREATE VIEW app.v AS SELECT x::text AS y FROM app.t;
-- check:
INSERT INTO #{prefix}.t VALUES (ROW(1));
SELECT v.y = 'x1' AND t.y = 'x1' FROM #{prefix}.v, #{prefix}.t;
