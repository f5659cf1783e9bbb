-- expect: right
-- why: USING and WITH CHECK have the same text with an alias called like the schema
CREATE SCHEMA app;
CREATE TABLE app.app (id int, boss int);
ALTER TABLE app.app ENABLE ROW LEVEL SECURITY;
CREATE POLICY p ON app.app USING (EXISTS (SELECT 1 FROM app.app app WHERE app.id = 1))
    WITH CHECK (EXISTS (SELECT 1 FROM app.app app WHERE app.id = 1));
-- check:
SELECT true;
