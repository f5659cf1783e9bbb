-- expect: right
-- why: "app.events" is one name
CREATE SCHEMA app;
CREATE TABLE app."app.events" ("app.kind" text, "a""pp." int);
CREATE VIEW app."""app""." AS SELECT "app.events"."app.kind" FROM app."app.events";
CREATE FUNCTION app."app.f"() RETURNS text LANGUAGE sql AS $$ SELECT "app.kind" FROM "app"."app.events" $$;
-- check:
INSERT INTO #{prefix}."app.events" VALUES ('k', 1);
SELECT (SELECT "app.kind" FROM #{prefix}."""app"".") = 'k' AND #{prefix}."app.f"() = 'k';
