-- expect: ambiguous: app.write_audit
-- rename: *
-- why: the bare name in a literal may be the schema or a word; it cannot be proven
CREATE SCHEMA app;
CREATE TABLE app.audit (what text);
CREATE FUNCTION app.write_audit(what text) RETURNS void LANGUAGE plpgsql AS $$
BEGIN
  EXECUTE format('insert into %I.%I values (%L)', 'app', 'audit', what);
END $$;
-- check:
DO $do$ BEGIN PERFORM #{prefix}.write_audit('x'); END $do$;
SELECT count(*) = 1 FROM #{prefix}.audit;
