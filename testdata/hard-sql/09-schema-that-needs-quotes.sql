-- expect: right
-- schema: My App
-- tenant: acme
-- tenant: Acme & Co
-- why: the source's name needs quotes and stands in nextval's literal with them
CREATE SCHEMA "My App";
CREATE TABLE "My App".t (id serial PRIMARY KEY, "My App" text DEFAULT 'My App');
CREATE VIEW "My App".v AS SELECT "My App".id FROM "My App".t "My App";
CREATE FUNCTION "My App".f() RETURNS bigint LANGUAGE plpgsql SET search_path = "My App" AS $$
BEGIN
  RETURN (SELECT count(*) FROM "My App".t) + (SELECT last_value FROM "My App".t_id_seq) + (SELECT count(*) FROM t);
END $$;
-- check:
INSERT INTO #{prefix}.t DEFAULT VALUES;
SELECT #{prefix}.f() = 3 AND (SELECT id FROM #{prefix}.v) = 1 AND (SELECT "My App" FROM #{prefix}.t) = 'My App';
