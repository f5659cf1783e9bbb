-- expect: right
-- seed: app.t
-- why: the source itself says #{prefix}
CREATE SCHEMA app;
CREATE TABLE app.t (a text DEFAULT '#{prefix}', "#{prefix}" int, b text DEFAULT '##{prefix} \#{prefix} #{{prefix}}');
CREATE FUNCTION app.f() RETURNS text LANGUAGE sql AS $$ SELECT a || '#{prefix}' || b FROM app.t $$;
COMMENT ON TABLE app.t IS '#{prefix} is left alone';
INSERT INTO app.t DEFAULT VALUES;
-- check:
SELECT #{prefix}.f() = concat('#', '{prefix}', '#', '{prefix}', '##', '{prefix} \#', '{prefix} #', '{{prefix}}')
   AND obj_description('#{prefix}.t'::regclass) = concat('#', '{prefix} is left alone')
   AND (SELECT count(*) FROM pg_attribute WHERE attrelid = '#{prefix}.t'::regclass AND attname = concat('#', '{prefix}')) = 1;
