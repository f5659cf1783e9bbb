-- expect: right
-- tenant: Select
-- tenant: 123
-- tenant: user
-- tenant: USER
-- tenant: a_name_of_sixty-three_bytes_with_the_letter_ö_in_it_and_nomore
-- why: reserved words, digits, case, length
CREATE SCHEMA app;
CREATE TABLE app."Select" ("123" int, "user" text, "ärger" int);
CREATE TABLE app."a_name_of_sixty-three_bytes_with_the_letter_ö_in_it_and_nomore" (id serial);
CREATE TABLE app."123" (id serial PRIMARY KEY);
CREATE VIEW app."user" AS SELECT "Select"."user" FROM app."Select";
CREATE FUNCTION app."Табличка"("日本" text) RETURNS text LANGUAGE sql AS $$ SELECT "日本" || count(*) FROM app."user" $$;
-- check:
INSERT INTO #{prefix}."123" DEFAULT VALUES;
SELECT #{prefix}."Табличка"('x') = 'x0' AND (SELECT id FROM #{prefix}."123") = 1;
