//! Tables of schemastamp's own that another role has made or changed, so that they run its code as whoever writes into them.

use crate::provision::{SMALL, snapshot};
use crate::support::{Cluster, Database, Schemastamp};

/// The statements that make both tables as schemastamp does, for everybody's use, as the current role.
const PLANT: &str = "\
CREATE SCHEMA schemastamp_runs; GRANT ALL ON SCHEMA schemastamp_runs TO PUBLIC; \
CREATE TABLE schemastamp_runs.applied (seq bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, run text, tenant name, schema oid, \
versions_table name, version text, previous text, file text, digest text, applied timestamptz DEFAULT now(), \
applied_by name DEFAULT current_user, undone timestamptz); \
CREATE SCHEMA schemastamp_pool; GRANT ALL ON SCHEMA schemastamp_pool TO PUBLIC; \
CREATE TABLE schemastamp_pool.spares (name name PRIMARY KEY, snapshot text, options text, owner name DEFAULT current_user, \
made timestamptz DEFAULT now()); \
GRANT ALL ON schemastamp_runs.applied, schemastamp_pool.spares TO PUBLIC; ";

/// A trigger of both tables that records the role that it runs as.
const TRAP: &str = "\
CREATE FUNCTION public.trap() RETURNS trigger LANGUAGE plpgsql AS \
$$ BEGIN INSERT INTO public.caught VALUES (current_user); RETURN NEW; END $$; \
CREATE TRIGGER trap BEFORE INSERT ON schemastamp_runs.applied FOR EACH ROW EXECUTE FUNCTION public.trap(); \
CREATE TRIGGER trap BEFORE INSERT ON schemastamp_pool.spares FOR EACH ROW EXECUTE FUNCTION public.trap(); ";

/// A database in which `deployer` runs the commands, with a tenant of its own.
struct Planted<'a> {
    database: Database<'a>,
    run: Schemastamp,
    deployer: String,
    other: String,
}

impl<'a> Planted<'a> {
    fn new(cluster: &'a Cluster) -> Self {
        let database = cluster.database();
        let [deployer, other] =
            ["deployer", "other"].map(|role| format!("{}_{role}", database.name));
        database.sql(&format!(
            "CREATE ROLE {deployer} LOGIN; CREATE ROLE {other} LOGIN CREATEROLE; \
             GRANT CREATE ON DATABASE {name} TO {deployer}, {other}; GRANT CREATE ON SCHEMA public TO {other}; \
             CREATE TABLE public.caught (who name); GRANT INSERT ON public.caught TO PUBLIC; \
             SET ROLE {deployer}; CREATE SCHEMA demo; CREATE TABLE demo.schema_migrations (version varchar PRIMARY KEY); \
             INSERT INTO demo.schema_migrations VALUES ('1')",
            name = database.name
        ));
        let run = Schemastamp::on(&database).env("PGUSER", &deployer);
        run.write("snapshots/app.sql", snapshot(SMALL));
        run.write("m/2_x.sql", "CREATE TABLE #{prefix}.x (id int);");
        Self {
            database,
            run,
            deployer,
            other,
        }
    }

    fn role(&self, name: &str) -> String {
        format!("{}_{name}", self.database.name)
    }

    /// Neither table is written to, each for a reason that has this text, and nothing runs.
    #[track_caller]
    fn is_refused(&self, reason: &str, more: &[&str]) {
        let record = ["migrate", "demo", "--migrations", "m", "--record"];
        for command in [&record[..], &["pool", "fill", "--size", "1"]] {
            let output = self.run.run(&[command, more].concat()).exits_with(14);
            assert!(output.stderr.contains(reason), "{output}");
        }
        let undo = ["migrate", "--undo", "0123456789ab", "--migrations", "m"];
        let output = self.run.run(&[&undo, more].concat());
        assert!(
            output
                .stderr
                .contains("the role may not use the record of runs"),
            "{output}"
        );
        let claim = ["provision", "claimed", "--from-pool", "--format", "json"];
        let output = self.run.run(&[&claim, more].concat()).succeeds();
        assert!(output.json()[0]["source"].is_null(), "{output}");
        self.database.sql("DROP SCHEMA claimed CASCADE");
        assert_eq!(self.database.query("SELECT who FROM public.caught"), "");
        let versions = "SELECT string_agg(version, ' ') FROM demo.schema_migrations";
        assert_eq!(self.database.query(versions), "1", "nothing is applied");
    }

    /// Both tables are used.
    #[track_caller]
    fn is_used(&self, more: &[&str]) {
        let record = ["migrate", "demo", "--migrations", "m", "--record"];
        for command in [&record[..], &["pool", "fill", "--size", "1"]] {
            self.run.run(&[command, more].concat()).succeeds();
        }
        let rows = "SELECT (SELECT count(*) FROM schemastamp_runs.applied), (SELECT count(*) FROM schemastamp_pool.spares)";
        assert_eq!(self.database.query(rows), "1|1");
        assert_eq!(self.database.query("SELECT who FROM public.caught"), "");
    }
}

impl Drop for Planted<'_> {
    fn drop(&mut self) {
        let name = &self.database.name;
        drop(
            self.database
                .try_query(&format!("ALTER DATABASE {name} OWNER TO postgres")),
        );
        for role in [&self.deployer, &self.other, &self.role("team")] {
            drop(
                self.database
                    .try_query(&format!("DROP OWNED BY {role} CASCADE; DROP ROLE {role}")),
            );
        }
    }
}

#[test]
fn a_role_that_somebody_else_administers_is_not_trusted() {
    let planted = Planted::new(Cluster::of_major(18));
    let (deployer, other, team) = (&planted.deployer, &planted.other, planted.role("team"));
    let snapshot = planted.run.run(&["provision", "acme"]).succeeds();
    assert!(snapshot.stderr.is_empty(), "{snapshot}");
    let mark = "SELECT obj_description('acme'::regnamespace, 'pg_namespace')";
    let mark = planted.database.query(mark);
    // PostgreSQL 16 and later: the deployer becomes a member of a role that it cannot switch to, unasked.
    planted.database.sql(&format!(
        "SET ROLE {other}; CREATE ROLE {team}; GRANT {team} TO {deployer} WITH INHERIT TRUE, SET FALSE; \
         GRANT {team} TO {other} WITH INHERIT TRUE, SET TRUE; {PLANT} {TRAP} \
         CREATE SCHEMA globex AUTHORIZATION {team}; COMMENT ON SCHEMA globex IS '{mark}'; \
         ALTER TABLE schemastamp_runs.applied OWNER TO {team}; ALTER TABLE schemastamp_pool.spares OWNER TO {team}"
    ));
    planted.is_refused("is not a table of this role", &[]);
    let output = planted
        .run
        .run(&["provision", "globex", "--if-exists", "skip"])
        .exits_with(17);
    let belongs = format!("exists and belongs to role \"{team}\"");
    assert!(output.stderr.contains(&belongs), "{output}");
    // The schema alone is enough to be refused.
    planted.database.sql(
        "DROP TRIGGER trap ON schemastamp_runs.applied; DROP TRIGGER trap ON schemastamp_pool.spares; \
         ALTER TABLE schemastamp_runs.applied OWNER TO postgres; ALTER TABLE schemastamp_pool.spares OWNER TO postgres",
    );
    planted.is_refused("in a schema of theirs", &[]);
    planted.database.sql(
        "ALTER SCHEMA schemastamp_runs OWNER TO postgres; ALTER SCHEMA schemastamp_pool OWNER TO postgres",
    );
    planted.is_used(&[]);
}

#[test]
fn the_table_of_a_team_takes_the_role_of_the_team() {
    let planted = Planted::new(Cluster::shared());
    let (deployer, team) = (&planted.deployer, planted.role("team"));
    planted.database.sql(&format!(
        "CREATE ROLE {team}; GRANT {team} TO {deployer}; GRANT CREATE ON DATABASE {name} TO {team}; \
         ALTER SCHEMA demo OWNER TO {team}; ALTER TABLE demo.schema_migrations OWNER TO {team}; SET ROLE {team}; {PLANT}",
        name = planted.database.name
    ));
    planted.is_refused("is not a table of this role", &[]);
    let output = planted.run.run(&["pool", "status"]).succeeds();
    let told = format!("the pool belongs to role {team}, and this role cannot use it");
    assert!(output.stderr.contains(&told), "{output}");
    planted.is_used(&["--role", &team]);
}

#[test]
fn the_owner_of_the_database_is_trusted_but_not_by_a_superuser() {
    let planted = Planted::new(Cluster::shared());
    planted.database.sql(&format!(
        "ALTER DATABASE {name} OWNER TO {other}; SET ROLE {other}; {PLANT}",
        name = planted.database.name,
        other = planted.other
    ));
    planted.is_refused("is not a table of this role", &["-U", "postgres"]);
    planted.is_used(&[]);
}

#[test]
fn tables_that_run_code_or_hide_rows_are_not_used() {
    let planted = Planted::new(Cluster::shared());
    let (deployer, other) = (&planted.deployer, &planted.other);
    // Whoever has the privilege TRIGGER may add a trigger to a table of another role.
    planted.database.sql(&format!(
        "SET ROLE {deployer}; {PLANT}; SET ROLE {other}; {TRAP}"
    ));
    let altered =
        "is not an ordinary table, or has triggers, rules, row-level security or children";
    planted.is_refused(altered, &[]);
    let output = planted.run.run(&["pool", "status"]).succeeds();
    assert!(output.stderr.contains("the pool is not used: "), "{output}");
    planted.database.sql(&format!(
        "SET ROLE {other}; DROP FUNCTION public.trap() CASCADE"
    ));
    for (change, revert) in [
        (
            "CREATE RULE r AS ON INSERT TO #t DO ALSO INSERT INTO public.caught VALUES (current_user)",
            "DROP RULE r ON #t",
        ),
        (
            "ALTER TABLE #t ENABLE ROW LEVEL SECURITY",
            "ALTER TABLE #t DISABLE ROW LEVEL SECURITY",
        ),
        (
            "CREATE TABLE #t_child () INHERITS (#t)",
            "DROP TABLE #t_child",
        ),
    ] {
        let both = |sql: &str| {
            ["schemastamp_runs.applied", "schemastamp_pool.spares"]
                .map(|table| sql.replace("#t", table))
                .join("; ")
        };
        planted.database.sql(&both(change));
        planted.is_refused(altered, &[]);
        planted.database.sql(&both(revert));
    }
    planted.is_used(&[]);
}
