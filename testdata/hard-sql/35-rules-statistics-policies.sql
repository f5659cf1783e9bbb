-- expect: right
-- why: deparsed expressions of every kind hold the name
CREATE SCHEMA app;
CREATE FUNCTION app.ok(int) RETURNS boolean LANGUAGE sql IMMUTABLE AS 'SELECT $1 > 0';
CREATE TABLE app.t (a int, b int, CONSTRAINT app CHECK (app.ok(a)));
CREATE TABLE app.log (a int);
CREATE STATISTICS app.app (ndistinct) ON a, b FROM app.t;
CREATE RULE app AS ON INSERT TO app.t WHERE app.ok(NEW.b) DO ALSO INSERT INTO app.log VALUES (NEW.a);
CREATE POLICY app ON app.t USING (EXISTS (SELECT FROM app.log app WHERE app.a = t.a)) WITH CHECK (app.ok(b));
CREATE FUNCTION app.trg() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NEW; END';
CREATE TRIGGER app BEFORE UPDATE ON app.t FOR EACH ROW WHEN (app.ok(OLD.a) AND NEW.* IS DISTINCT FROM OLD.*) EXECUTE FUNCTION app.trg('x.app');
CREATE INDEX i ON app.t ((app.ok(a)), b) WHERE app.ok(b);
CREATE COLLATION app.german (provider = libc, locale = 'C');
CREATE TABLE app.c (n text COLLATE app.german);
CREATE TEXT SEARCH CONFIGURATION app.app (COPY = simple);
CREATE TEXT SEARCH DICTIONARY app.words (TEMPLATE = simple, STOPWORDS = english);
ALTER TEXT SEARCH CONFIGURATION app.app ALTER MAPPING FOR word WITH app.words, simple;
CREATE VIEW app.search AS SELECT to_tsvector('app.app', n) AS words FROM app.c;
-- check:
INSERT INTO #{prefix}.t VALUES (1, 1);
INSERT INTO #{prefix}.c VALUES ('the word');
SELECT (SELECT a FROM #{prefix}.log) = 1 AND (SELECT words FROM #{prefix}.search) = '''the'':1 ''word'':2'::tsvector
   AND (SELECT count(*) FROM pg_trigger WHERE tgrelid = '#{prefix}.t'::regclass AND tgname = 'app') = 1;
