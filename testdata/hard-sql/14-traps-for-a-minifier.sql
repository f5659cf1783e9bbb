-- expect: right
-- why: what looks like a comment or a blank may be a string's content
CREATE SCHEMA app;
CREATE TABLE app.t (a text DEFAULT 'two  blanks -- and no comment', b text DEFAULT E'it\'s /* not */ one\n  -- either',
  c text DEFAULT 'continued'
    ' here', d text DEFAULT U&'d\0061ta', e text DEFAULT '/* open', f text DEFAULT $a$ $$ '  -- $b$ $a$);
CREATE FUNCTION app.f() RETURNS text LANGUAGE plpgsql AS $outer$
DECLARE
  a text := 'kept -- /* all'; -- '$$ not the end
  b text := $$ nested  ' quotes $$;
BEGIN
  /* a /* nested */ comment with app.t */
  RETURN a || b || $inner$ $$ -- $inner$ || 'over
  two lines' || 1 --2
    ;
END
$outer$;
-- check:
INSERT INTO #{prefix}.t DEFAULT VALUES;
SELECT md5((SELECT a || b || c || d || e || f FROM #{prefix}.t)) = md5('two  blanks -- and no comment' || E'it''s /* not */ one\n  -- either'
     || 'continued here' || 'data' || '/* open' || ' $$ ''  -- $b$ ')
   AND #{prefix}.f() = E'kept -- /* all nested  '' quotes  $$ -- over\n  two lines1'
   AND (SELECT prosrc LIKE '%/* a /* nested */ comment%' AND prosrc LIKE E'%\n  b text := $$ nested  '' quotes $$;\n%'
          FROM pg_proc WHERE oid = '#{prefix}.f'::regproc);
