-- expect: right or ambiguous: app.f
-- keep: function f
-- why: labels and defaults hold quotes, commas and the name
CREATE SCHEMA app;
CREATE TYPE app.mood AS ENUM ('so, so', 'it''s', 'app', 'app.mood');
CREATE DOMAIN app.code AS text DEFAULT 'app' CHECK (VALUE ~ '^app');
CREATE TYPE app.pair AS (a app.mood, b app.code[]);
CREATE TYPE app.span AS RANGE (subtype = int);
CREATE TABLE app.t (m app.mood[] DEFAULT '{"so, so",it''s}'::app.mood[], p app.pair DEFAULT ROW('app', '{app1,app2}')::app.pair, c app.code);
CREATE FUNCTION app.f(app.mood[], VARIADIC app.pair[] DEFAULT '{}') RETURNS app.code LANGUAGE sql
  AS $$ SELECT ('app' || cardinality($1) || cardinality($2))::app.code $$;
-- check:
INSERT INTO #{prefix}.t DEFAULT VALUES;
SELECT #{prefix}.f((SELECT m FROM #{prefix}.t), (SELECT p FROM #{prefix}.t)) = 'app21' AND (SELECT c FROM #{prefix}.t) = 'app'
   AND (SELECT (p).b[2] FROM #{prefix}.t) = 'app2' AND '[1,3)'::#{prefix}.span @> 2;
