-- expect: right
-- why: in a view an alias hides the schema
CREATE SCHEMA app;
CREATE TABLE app.users (id int, name text, app int);
CREATE VIEW app.v AS SELECT app.id, app.name FROM app.users app;
CREATE VIEW app.w AS SELECT app.app FROM app.users app JOIN app.users other ON other.id = app.id;
CREATE FUNCTION app.first_name() RETURNS text LANGUAGE sql AS $$ SELECT app.name FROM app.users AS app ORDER BY app.id LIMIT 1 $$;
CREATE FUNCTION app.ids() RETURNS SETOF int LANGUAGE sql BEGIN ATOMIC SELECT app.id FROM app.users app; END;
-- check:
INSERT INTO #{prefix}.users VALUES (7, 'n', 8);
SELECT (SELECT id FROM #{prefix}.v) = 7 AND (SELECT app FROM #{prefix}.w) = 8 AND #{prefix}.first_name() = 'n'
   AND (SELECT * FROM #{prefix}.ids()) = 7;
