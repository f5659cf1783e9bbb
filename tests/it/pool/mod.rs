//! Ready-made tenants: created, claimed, distinguished, refused.

mod claim;
mod fill;
mod refused;

use crate::provision::snapshot;
use crate::support::{Database, Schemastamp};

/// A table, and everything that holds the schema's name as text and can be rewritten.
pub(crate) const LIVING: &str = "\
CREATE TABLE #{prefix}.log (id serial PRIMARY KEY, what text, at text DEFAULT 'x');

ALTER TABLE #{prefix}.log ALTER COLUMN at SET DEFAULT '#{prefix}'::text;

CREATE FUNCTION #{prefix}.rows() RETURNS bigint
    LANGUAGE plpgsql
    AS $$ BEGIN RETURN (SELECT count(*) FROM #{prefix}.log); END $$;

CREATE FUNCTION #{prefix}.by_path() RETURNS bigint
    LANGUAGE sql
    SET search_path TO '#{prefix}'
    AS $$ SELECT count(*) FROM log $$;

CREATE FUNCTION #{prefix}.tree() RETURNS bigint
    LANGUAGE sql
    BEGIN ATOMIC
  SELECT count(*) FROM #{prefix}.log;
END;

CREATE FUNCTION #{prefix}.note() RETURNS trigger
    LANGUAGE plpgsql
    AS $$ BEGIN NEW.what := TG_ARGV[0]; RETURN NEW; END $$;

CREATE TRIGGER note BEFORE INSERT ON #{prefix}.log FOR EACH ROW EXECUTE FUNCTION #{prefix}.note('#{prefix}');

CREATE VIEW #{prefix}.names AS SELECT '#{prefix}'::text AS name;

CREATE POLICY own ON #{prefix}.log USING ((what = '#{prefix}'::text));

COMMENT ON POLICY own ON #{prefix}.log IS 'only its own';
";

fn world(database: &Database<'_>, body: &str) -> Schemastamp {
    let world = Schemastamp::on(database);
    world.write("snapshots/app.sql", snapshot(body));
    world
}

/// The spares that are in the database.
fn spares(database: &Database<'_>) -> Vec<String> {
    let names = database
        .query("SELECT nspname FROM pg_namespace WHERE nspname ~ '^schemastamp_spare_[0-9a-f]{24}$' ORDER BY 1");
    names.lines().map(str::to_owned).collect()
}
