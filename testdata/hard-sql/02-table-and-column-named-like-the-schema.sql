-- expect: right or ambiguous: app.app
-- keep: table app
-- why: app.app.app is schema, table, column
CREATE SCHEMA app;
CREATE TABLE app.app (app text CHECK (app <> 'app.app'), id serial PRIMARY KEY);
CREATE INDEX ON app.app (lower(app));
CREATE INDEX "app.app" ON app.app (app) WHERE app.app IS NOT NULL;
CREATE VIEW app.w AS SELECT app.app, app.app.app AS again FROM app.app;
CREATE FUNCTION app.app() RETURNS SETOF app.app LANGUAGE sql AS $$ SELECT app.* FROM app.app WHERE app.app.app = app.app $$;
-- check:
INSERT INTO #{prefix}.app VALUES ('x');
SELECT (SELECT app || again FROM #{prefix}.w) = 'xx' AND (SELECT app FROM #{prefix}.app()) = 'x'
   AND (SELECT count(*) FROM pg_index WHERE indrelid = '#{prefix}.app'::regclass) = 3;
