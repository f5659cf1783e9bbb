-- expect: right or refused: app.items
-- seed: app.items
-- seed: app.codes
-- why: the check's function reads a table through the search_path, which is empty while rows are loaded
CREATE SCHEMA app;
CREATE TABLE app.codes (code text PRIMARY KEY);
INSERT INTO app.codes VALUES ('a'), ('b');
SET search_path = app;
CREATE FUNCTION app.valid(text) RETURNS boolean LANGUAGE sql STABLE AS 'SELECT EXISTS (SELECT FROM codes WHERE code = $1)';
CREATE TABLE app.items (v text CHECK (app.valid(v)));
INSERT INTO app.items VALUES ('a');
RESET search_path;
-- check:
SET search_path = #{prefix};
INSERT INTO items VALUES ('b');
SELECT count(*) = 2 FROM items;
