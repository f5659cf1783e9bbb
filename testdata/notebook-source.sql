-- The schema that notebook.sql was captured from, with --no-owner and --no-privileges.
CREATE SCHEMA notebook;
SET search_path = notebook;
CREATE TABLE users (id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, email text NOT NULL UNIQUE, name text NOT NULL);
CREATE TYPE visibility AS ENUM ('private', 'team');
CREATE TABLE notes (id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, author bigint NOT NULL REFERENCES users,
  visibility visibility NOT NULL DEFAULT 'private', body text NOT NULL, changed_at timestamptz NOT NULL DEFAULT now());
CREATE INDEX notes_by_author ON notes (author, changed_at DESC);
CREATE FUNCTION touch() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  NEW.changed_at := now();
  RETURN NEW;
END $$;
CREATE TRIGGER touch BEFORE UPDATE ON notes FOR EACH ROW EXECUTE FUNCTION touch();
CREATE VIEW shared_notes AS SELECT notes.id, users.name AS author, notes.body FROM notes JOIN users ON users.id = notes.author
  WHERE notes.visibility = 'team';
CREATE TABLE schema_migrations (version bigint PRIMARY KEY);
INSERT INTO schema_migrations VALUES (20260101120000), (20260214090000);
