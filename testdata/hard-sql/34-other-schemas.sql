-- expect: right
-- why: what the tenant shares stays shared; names that begin alike are others
CREATE SCHEMA shared_app;
CREATE SCHEMA app2;
CREATE TABLE shared_app.app (id int PRIMARY KEY);
CREATE TABLE app2.t (id int PRIMARY KEY);
INSERT INTO shared_app.app VALUES (1);
CREATE FUNCTION app2.f() RETURNS int LANGUAGE sql AS 'SELECT 2';
CREATE SCHEMA app;
CREATE TABLE app.t (id int REFERENCES shared_app.app, other int DEFAULT app2.f(), CHECK (other = app2.f()));
CREATE VIEW app.v AS SELECT app.id FROM app.t JOIN shared_app.app USING (id) LEFT JOIN app2.t AS x USING (id);
-- check:
INSERT INTO #{prefix}.t VALUES (1);
SELECT (SELECT id FROM #{prefix}.v) = 1;
