-- expect: right or ambiguous: app.t
-- why: a default, a check, a label that say app mean the word
CREATE SCHEMA app;
CREATE TABLE app.t (source text DEFAULT 'app' CHECK (source IN ('app', 'web', 'app.store')), url text DEFAULT 'https://app.example/app.js');
CREATE VIEW app.v AS SELECT source, 'app' AS made_by FROM app.t WHERE source = 'app';
-- check:
INSERT INTO #{prefix}.t DEFAULT VALUES;
SELECT (SELECT source || made_by FROM #{prefix}.v) = 'appapp' AND (SELECT url FROM #{prefix}.t) = 'https://app.example/app.js';
