-- expect: right
-- why: the body is parsed when it is created and holds semicolons
CREATE SCHEMA app;
CREATE TABLE app.t (a int);
CREATE FUNCTION app.f() RETURNS bigint LANGUAGE sql BEGIN ATOMIC
  INSERT INTO app.t VALUES (1);
  SELECT CASE WHEN count(*) > 0 THEN count(*) ELSE 0 END FROM app.t;
END;
CREATE FUNCTION app.g() RETURNS int LANGUAGE sql RETURN (SELECT max(a) FROM app.t);
-- check:
SELECT #{prefix}.f() = 1 AND #{prefix}.g() = 1;
