-- expect: right
-- why: tables made from tables and types
CREATE SCHEMA app;
CREATE TYPE app.ty AS (a int, b text);
CREATE TABLE app.typed OF app.ty (a PRIMARY KEY, b WITH OPTIONS DEFAULT 'app');
CREATE TABLE app.parent (id int NOT NULL, kind text);
CREATE TABLE app.child (extra int, CHECK (id > 0)) INHERITS (app.parent);
CREATE UNLOGGED TABLE app.u (LIKE app.parent INCLUDING ALL);
CREATE TABLE app.part (d date, n int) PARTITION BY LIST ((extract(year FROM d)));
CREATE TABLE app.part_2026 PARTITION OF app.part FOR VALUES IN (2026) PARTITION BY HASH (n);
CREATE TABLE app.part_2026_0 PARTITION OF app.part_2026 FOR VALUES WITH (MODULUS 2, REMAINDER 0);
CREATE TABLE app.part_2026_1 PARTITION OF app.part_2026 FOR VALUES WITH (MODULUS 2, REMAINDER 1);
CREATE INDEX ON app.part (n);
-- check:
INSERT INTO #{prefix}.child VALUES (1, 'k', 2);
INSERT INTO #{prefix}.part VALUES ('2026-05-05', 1), ('2026-05-05', 2);
INSERT INTO #{prefix}.typed VALUES (1);
SELECT (SELECT kind FROM #{prefix}.parent) = 'k' AND (SELECT relpersistence FROM pg_class WHERE oid = '#{prefix}.u'::regclass) = 'u'
   AND (SELECT count(*) FROM #{prefix}.part_2026) = 2 AND (SELECT reloftype = '#{prefix}.ty'::regtype FROM pg_class WHERE oid = '#{prefix}.typed'::regclass);
