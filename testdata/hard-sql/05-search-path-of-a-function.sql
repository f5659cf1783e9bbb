-- expect: right
-- why: SET search_path is text; PostgreSQL does not follow it
CREATE SCHEMA app;
CREATE TABLE app.t (n int);
CREATE FUNCTION app.n() RETURNS bigint LANGUAGE sql SECURITY DEFINER SET search_path TO app, pg_temp AS 'SELECT count(*) FROM t';
CREATE FUNCTION app.m() RETURNS bigint LANGUAGE plpgsql SET search_path = "$user", 'app', public SET work_mem = '8MB'
  AS $$ BEGIN RETURN (SELECT count(*) FROM t); END $$;
CREATE PROCEDURE app.p() LANGUAGE sql SET search_path FROM CURRENT AS 'SELECT 1';
-- check:
INSERT INTO #{prefix}.t VALUES (1), (2);
SELECT #{prefix}.n() = 2 AND #{prefix}.m() = 2;
