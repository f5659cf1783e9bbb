-- expect: right or refused: app.a
-- why: the copy would read the source's rows by way of a view that stands elsewhere
CREATE SCHEMA app;
CREATE SCHEMA other;
CREATE TABLE app.b (n int);
CREATE VIEW other.v AS SELECT n FROM app.b;
CREATE VIEW app.a AS SELECT n FROM other.v;
-- check:
INSERT INTO #{prefix}.b VALUES (1);
SELECT (SELECT n FROM #{prefix}.a) = 1;
