-- expect: right
-- why: the rows of a partitioned table are in its partitions
-- seed: p
CREATE SCHEMA app;
CREATE TABLE app.p (i int, k text) PARTITION BY LIST (i);
CREATE TABLE app.p1 PARTITION OF app.p FOR VALUES IN (1);
CREATE TABLE app.p2 (k text, i int);
ALTER TABLE app.p ATTACH PARTITION app.p2 FOR VALUES IN (2);
INSERT INTO app.p VALUES (1, 'a'), (2, 'b');
-- check:
SELECT string_agg(k, '' ORDER BY i) = 'ab' FROM #{prefix}.p;
