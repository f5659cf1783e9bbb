//! The checks before a run, with an extension that answers as Citus does.

use crate::bulk::marked;
use crate::provision::{SMALL, snapshot};
use crate::support::{Cluster, Database, Schemastamp, ServerUser};

/// Objects that Citus refuses, and a foreign key to a reference table.
const REFUSED: &str = "\
CREATE TABLE #{prefix}.users (id integer PRIMARY KEY, plan integer, kind integer);

ALTER TABLE ONLY #{prefix}.users ADD CONSTRAINT users_plan_fkey FOREIGN KEY (plan) REFERENCES public.plans(id);

ALTER TABLE ONLY #{prefix}.users ADD CONSTRAINT users_kind_fkey FOREIGN KEY (kind) REFERENCES public.kinds(id);

CREATE STATISTICS #{prefix}.by_name ON (plan + kind) FROM #{prefix}.users;

CREATE TRIGGER touch BEFORE UPDATE ON #{prefix}.users FOR EACH ROW EXECUTE FUNCTION suppress_redundant_updates_trigger();
";

fn world(database: &Database<'_>) -> Schemastamp {
    let world = Schemastamp::on(database);
    world.write("snapshots/app.sql", snapshot(SMALL));
    world.write("refused.sql", snapshot(REFUSED));
    database
        .sql("CREATE TABLE public.plans (id integer PRIMARY KEY); CREATE TABLE public.kinds (id integer PRIMARY KEY)");
    world
}

/// A fake extension that answers schemastamp's queries as Citus 13 does: which tables are
/// distributed or reference tables, and that every schema is distributed. It distributes nothing; that needs the real one.
fn stand_in(database: &Database<'_>) {
    let folder = database.cluster.socket_folder().join("more/extension");
    std::fs::create_dir_all(&folder).unwrap();
    // Its user clears it away.
    for made in [folder.parent().unwrap(), &folder] {
        ServerUser::get().owns(made);
    }
    std::fs::write(
        folder.join("citus.control"),
        "default_version = '13.0-1'\nrelocatable = false\nschema = pg_catalog\n",
    )
    .unwrap();
    std::fs::write(
        folder.join("citus--13.0-1.sql"),
        "CREATE VIEW pg_catalog.pg_dist_partition AS SELECT oid AS logicalrelid, 'n' AS partmethod, \
         CASE relname WHEN 'kinds' THEN 't' ELSE 's' END AS repmodel FROM pg_class;\n\
         CREATE VIEW pg_catalog.pg_dist_schema AS SELECT oid AS schemaid FROM pg_namespace;\n\
         CREATE VIEW pg_catalog.pg_dist_object AS SELECT 'pg_authid'::regclass AS classid, oid AS objid FROM pg_roles;\n\
         CREATE VIEW pg_catalog.pg_dist_local_group AS SELECT 0 AS groupid;\n\
         CREATE FUNCTION pg_catalog.run_command_on_workers(command text, OUT nodename text, OUT nodeport integer, \
         OUT success boolean, OUT result text) RETURNS SETOF record LANGUAGE sql AS \
         $$SELECT 'w', 1, false, ''$$;\n",
    )
    .unwrap();
    database.sql(&format!(
        "SET allow_system_table_mods = on; SET extension_control_path = '{}:$system'; CREATE EXTENSION citus",
        folder.parent().unwrap().display()
    ));
}

#[test]
fn citus_refusals_are_reported_before_anything_is_created() {
    let cluster = Cluster::of_major(18);
    let database = cluster.database();
    let world = world(&database);
    stand_in(&database);
    let run = [
        "provision",
        "a",
        "b",
        "--citus",
        "--snapshot",
        "refused.sql",
    ];
    insta::assert_snapshot!(world.run(&run), @"
    --- stderr ---
    error: Citus cannot create tenants from this snapshot: it cannot distribute 3 of the objects
      foreign key users_plan_fkey: public.plans is not a reference table; make it one: SELECT create_reference_table('public.plans')
      statistics by_name: statistics on expressions need Citus 13.2 or later
      trigger touch on users: triggers are not supported on distributed tables (citus.enable_unsafe_triggers is off)
    hint: nothing was created
    [exit status: 15]
    ");
    assert_eq!(marked(&database, "%"), 0);
    // The way it is sent is another than elsewhere, and must come to the same.
    world.run(&["provision", "a", "b", "--citus"]).succeeds();
    assert_eq!(database.query("SELECT a.first() + b.first()"), "14");
    let output = world
        .run(&["provision", "a", "c", "--citus", "--format", "json"])
        .exits_with(18);
    assert_eq!(output.json()[0]["error"]["id"], "tenant.exists", "{output}");
    assert_eq!(marked(&database, "_"), 3);
}
