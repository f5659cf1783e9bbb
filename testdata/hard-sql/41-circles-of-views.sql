-- expect: right
-- why: what depends in a circle is dumped in two steps, a husk first
CREATE SCHEMA app;
CREATE TABLE app.t (id int PRIMARY KEY, name text);
CREATE VIEW app.grouped AS SELECT t.id, t.name, count(*) AS n FROM app.t GROUP BY t.id;
CREATE FUNCTION app.rows() RETURNS SETOF app.grouped LANGUAGE sql AS 'SELECT * FROM app.grouped';
CREATE VIEW app.again AS SELECT r.id FROM app.rows() r JOIN app.grouped USING (id);
ALTER TABLE app.t ADD COLUMN latest bigint;
CREATE MATERIALIZED VIEW app.kept AS SELECT count(*) AS n FROM app.again;
-- check:
INSERT INTO #{prefix}.t VALUES (1, 'x');
SELECT (SELECT id FROM #{prefix}.again) = 1 AND (SELECT n FROM #{prefix}.rows()) = 1;
