-- expect: right
-- why: PostgreSQL words IN over varchar differently after every first reload: the casts move into the list
CREATE SCHEMA app;
CREATE TABLE app.t (
  status varchar(20) DEFAULT 'new' CHECK (status IN ('new', 'in_progress', 'it''s done')),
  kind varchar CHECK (kind <> ALL (ARRAY['x', 'y']::varchar[])),
  code char(3) CHECK (code IN ('abc', 'def'))
);
CREATE UNIQUE INDEX one_open ON app.t (kind) WHERE status IN ('new', 'in_progress');
CREATE VIEW app.open AS SELECT * FROM app.t WHERE status IN ('new', 'in_progress') AND code NOT IN ('abc', 'xyz');
CREATE POLICY p ON app.t USING (status IN ('new', 'done'));
CREATE DOMAIN app.d AS varchar CHECK (VALUE IN ('a', 'b'));
-- check:
INSERT INTO #{prefix}.t (kind, code) VALUES ('k', 'def');
SELECT (SELECT kind FROM #{prefix}.open) = 'k' AND 'a'::#{prefix}.d = 'a';
