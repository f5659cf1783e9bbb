-- expect: right
-- why: a table without columns has rows; a table whose columns are all generated too
-- seed: z
-- seed: g
CREATE SCHEMA app;
CREATE TABLE app.z ();
INSERT INTO app.z DEFAULT VALUES;
INSERT INTO app.z DEFAULT VALUES;
CREATE TABLE app.g (a int GENERATED ALWAYS AS (1) STORED);
INSERT INTO app.g DEFAULT VALUES;
-- check:
SELECT (SELECT count(*) FROM #{prefix}.z) = 2 AND (SELECT count(*) FROM #{prefix}.g) = 1;
