-- expect: right
-- why: a literal cast to regclass is a reference, wherever it stands
CREATE SCHEMA app;
CREATE TABLE app.t (a int DEFAULT 'app.t'::regclass::oid::bigint % 1, b regclass DEFAULT 'app.t');
CREATE FUNCTION app.f() RETURNS bigint LANGUAGE sql AS $$ SELECT count(*) FROM pg_inherits WHERE inhparent = 'app.t'::regclass $$;
CREATE SEQUENCE app.s;
CREATE FUNCTION app.g() RETURNS bigint LANGUAGE plpgsql AS $$ BEGIN RETURN nextval('app.s') + nextval('app.s'::regclass); END $$;
-- check:
SELECT #{prefix}.f() = 0 AND #{prefix}.g() = 3;
