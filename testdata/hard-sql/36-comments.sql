-- expect: right
-- why: comments are prose; they may hold anything, a doc that names the schema included
CREATE SCHEMA app;
COMMENT ON SCHEMA app IS 'This app''s data; "app".t is the -- main table
/* really */ $$';
CREATE TABLE app.t (a int);
COMMENT ON COLUMN app.t.a IS E'app\tis\na word';
-- check:
SELECT obj_description('#{prefix}'::regnamespace) LIKE '%$$%' AND col_description('#{prefix}.t'::regclass, 1) LIKE E'%\tis\na word';
