-- expect: right
-- why: after a rename the string body still names the old schema, the parsed twin does not
CREATE SCHEMA app;
CREATE TABLE app.t (a int);
CREATE FUNCTION app.by_text() RETURNS bigint LANGUAGE plpgsql AS $$ BEGIN RETURN (SELECT count(*) FROM app.t); END $$;
CREATE FUNCTION app.by_tree() RETURNS bigint LANGUAGE sql BEGIN ATOMIC SELECT count(*) FROM app.t; END;
CREATE FUNCTION app.stamp() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  NEW.a := NEW.a + (SELECT count(*) FROM app.t);
  RETURN NEW;
END $$;
CREATE TRIGGER stamp BEFORE INSERT ON app.t FOR EACH ROW EXECUTE FUNCTION app.stamp();
-- check:
INSERT INTO #{prefix}.t VALUES (1);
INSERT INTO #{prefix}.t VALUES (1);
SELECT #{prefix}.by_text() = 2 AND #{prefix}.by_tree() = 2 AND (SELECT max(a) FROM #{prefix}.t) = 2;
