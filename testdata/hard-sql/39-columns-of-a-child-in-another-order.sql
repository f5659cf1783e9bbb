-- expect: right or refused: child
-- why: pg_dump writes a child's inherited columns first, wherever they stood
CREATE SCHEMA app;
CREATE TABLE app.parent (a int);
CREATE TABLE app.child (b int, a int);
ALTER TABLE app.child INHERIT app.parent;
CREATE TABLE app.late (c int) INHERITS (app.parent);
ALTER TABLE app.parent ADD COLUMN d int DEFAULT 4;
-- check:
INSERT INTO #{prefix}.child (a, b) VALUES (1, 2);
SELECT a = 1 AND d = 4 FROM #{prefix}.parent;
