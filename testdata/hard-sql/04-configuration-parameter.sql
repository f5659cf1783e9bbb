-- expect: right
-- why: app.tenant is a configuration parameter; renamed, the policy matches nothing, silently
CREATE SCHEMA app;
CREATE TABLE app.t (tenant text DEFAULT current_setting('app.tenant', true));
ALTER TABLE app.t ENABLE ROW LEVEL SECURITY;
ALTER TABLE app.t FORCE ROW LEVEL SECURITY;
CREATE POLICY own ON app.t USING (tenant = current_setting('app.tenant', true));
CREATE FUNCTION app.who() RETURNS text LANGUAGE plpgsql AS $$
BEGIN
  PERFORM set_config('app.who', 'me', true);
  RETURN current_setting('app.who') || current_setting('app.tenant');
END $$;
-- check:
SET app.tenant = 'x';
INSERT INTO #{prefix}.t DEFAULT VALUES;
SELECT (SELECT tenant FROM #{prefix}.t) = 'x' AND #{prefix}.who() = 'mex'
   AND (SELECT qual LIKE '%''app.tenant''%' FROM pg_policies WHERE policyname = 'own' AND tablename = 't');
