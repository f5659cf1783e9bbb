-- expect: right
-- tenant: o'ne"il.$1
-- tenant: $$; DROP SCHEMA public CASCADE; --
-- tenant: back\slash\
-- tenant: #{prefix}
-- tenant: Ünïcödé 🐘
-- why: the tenant's name is quoted for each place: identifier, literal, body
CREATE SCHEMA app;
CREATE TABLE app.t (id serial PRIMARY KEY, note text);
CREATE FUNCTION app.f(note text) RETURNS text LANGUAGE plpgsql SET search_path = app AS $$
DECLARE
  made app.t%ROWTYPE;
BEGIN
  INSERT INTO app.t (note) VALUES (f.note) RETURNING * INTO made;
  RETURN made.id || made.note || (SELECT count(*) FROM t);
END $$;
CREATE FUNCTION app.g() RETURNS bigint LANGUAGE sql AS 'SELECT currval(''app.t_id_seq'') FROM app.t WHERE note <> ''$$''';
-- check:
SELECT #{prefix}.f('x') = '1x1' AND #{prefix}.g() = 1;
