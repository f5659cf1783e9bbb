-- expect: right
-- why: a line that begins with a backslash is a psql command outside a body, and text inside one (CVE-2025-8715)
CREATE SCHEMA app;
CREATE TABLE app."x
\! touch pwned
" (a text DEFAULT '
\q
');
COMMENT ON TABLE app."x
\! touch pwned
" IS 'comment
\! touch pwned
';
CREATE FUNCTION app.f() RETURNS text LANGUAGE plpgsql AS $$
BEGIN
  RETURN '
\! is text here
\.
';
END $$;
-- check:
SELECT #{prefix}.f() = E'\n\\! is text here\n\\.\n' AND
  (SELECT count(*) FROM pg_class WHERE relnamespace = '#{prefix}'::regnamespace AND relname = E'x\n\\! touch pwned\n') = 1;
