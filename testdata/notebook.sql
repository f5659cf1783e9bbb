-- schemastamp snapshot, format 2
-- server: PostgreSQL 15, in the wording of pg_dump 18
-- objects: 3 tables, 1 view, 1 index, 1 function, 1 type, 1 trigger, 5 constraints
-- versions: schema_migrations: 2 rows, last 20260214090000
-- fingerprint: b5f8578019f143de28c3d05840cce4929ad863da044bde0a19af3acc43a5eff7
-- sha256: 02eef0bf9f9ae020628276dd8934b33b6306ab222ec655679fac3d1c72836628

CREATE SCHEMA #{prefix};

-- type visibility
CREATE TYPE #{prefix}.visibility AS ENUM (
    'private',
    'team'
);

-- function touch()
CREATE FUNCTION #{prefix}.touch() RETURNS trigger
    LANGUAGE plpgsql
    AS $$
BEGIN
  NEW.changed_at := now();
  RETURN NEW;
END $$;

-- table notes
CREATE TABLE #{prefix}.notes (
    id bigint NOT NULL,
    author bigint NOT NULL,
    visibility #{prefix}.visibility DEFAULT 'private'::#{prefix}.visibility NOT NULL,
    body text NOT NULL,
    changed_at timestamp with time zone DEFAULT now() NOT NULL
);

ALTER TABLE #{prefix}.notes ALTER COLUMN id ADD GENERATED ALWAYS AS IDENTITY (
    SEQUENCE NAME #{prefix}.notes_id_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1
);

-- table schema_migrations
CREATE TABLE #{prefix}.schema_migrations (
    version bigint NOT NULL
);

-- table users
CREATE TABLE #{prefix}.users (
    id bigint NOT NULL,
    email text NOT NULL,
    name text NOT NULL
);

-- view shared_notes
CREATE VIEW #{prefix}.shared_notes AS
 SELECT notes.id,
    users.name AS author,
    notes.body
   FROM (#{prefix}.notes
     JOIN #{prefix}.users ON ((users.id = notes.author)))
  WHERE (notes.visibility = 'team'::#{prefix}.visibility);

ALTER TABLE #{prefix}.users ALTER COLUMN id ADD GENERATED ALWAYS AS IDENTITY (
    SEQUENCE NAME #{prefix}.users_id_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1
);

SELECT pg_catalog.set_config('search_path', '#{prefix}, public', true);

-- rows of schema_migrations
INSERT INTO #{prefix}.schema_migrations (version) VALUES
    ('20260101120000'),
    ('20260214090000');

SELECT pg_catalog.set_config('search_path', '', true);

-- constraint notes_pkey on notes
ALTER TABLE ONLY #{prefix}.notes
    ADD CONSTRAINT notes_pkey PRIMARY KEY (id);

-- constraint schema_migrations_pkey on schema_migrations
ALTER TABLE ONLY #{prefix}.schema_migrations
    ADD CONSTRAINT schema_migrations_pkey PRIMARY KEY (version);

-- constraint users_email_key on users
ALTER TABLE ONLY #{prefix}.users
    ADD CONSTRAINT users_email_key UNIQUE (email);

-- constraint users_pkey on users
ALTER TABLE ONLY #{prefix}.users
    ADD CONSTRAINT users_pkey PRIMARY KEY (id);

-- index notes_by_author on notes
CREATE INDEX notes_by_author ON #{prefix}.notes USING btree (author, changed_at DESC);

-- trigger touch on notes
CREATE TRIGGER touch BEFORE UPDATE ON #{prefix}.notes FOR EACH ROW EXECUTE FUNCTION #{prefix}.touch();

-- constraint notes_author_fkey on notes
ALTER TABLE ONLY #{prefix}.notes
    ADD CONSTRAINT notes_author_fkey FOREIGN KEY (author) REFERENCES #{prefix}.users(id);
