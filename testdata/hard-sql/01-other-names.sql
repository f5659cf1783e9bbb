-- expect: right
-- why: the name is part of other names
CREATE SCHEMA app;
CREATE TABLE app.app_settings (mapping text, app_id int, "my.app" int, apple int DEFAULT 1);
CREATE TABLE app.my_app (id int PRIMARY KEY);
CREATE INDEX app_settings_app_idx ON app.app_settings (app_id);
CREATE VIEW app.application AS SELECT s.mapping AS app_mapping FROM app.app_settings s JOIN app.my_app ON my_app.id = s.app_id;
-- check:
INSERT INTO #{prefix}.app_settings VALUES ('m', 1, 2);
INSERT INTO #{prefix}.my_app VALUES (1);
SELECT (SELECT app_mapping FROM #{prefix}.application) = 'm'
   AND to_regclass('#{prefix}.app_settings_app_idx') IS NOT NULL
   AND (SELECT string_agg(attname, ',' ORDER BY attnum) FROM pg_attribute
         WHERE attrelid = '#{prefix}.app_settings'::regclass AND attnum > 0) = 'mapping,app_id,my.app,apple';
