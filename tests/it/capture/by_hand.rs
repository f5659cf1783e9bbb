//! Files that people wrote: a tenant has what psql makes of the file, or capture refuses it, or says what is not followed.

use crate::support::{Client, Cluster, Schemastamp};

const MADE: &str = "CREATE SCHEMA app;\nCREATE TABLE app.t (id int PRIMARY KEY, a text);\n\
    CREATE TABLE app.schema_migrations (version text PRIMARY KEY); INSERT INTO app.t VALUES (9, 'z');\n";

/// What capture says of a file.
enum Said {
    /// A tenant is equal, with the rows.
    Equal,
    /// It is refused with this id, at this line.
    Refused(&'static str, usize),
    /// It is captured with a note of this id.
    Noted(&'static str),
}
use Said::{Equal, Noted, Refused};

const FILES: &[(&str, Said)] = &[
    // Transactions.
    (
        "BEGIN;\nSAVEPOINT a;\nROLLBACK TO a;\nCREATE TABLE app.x ();\nROLLBACK;\n",
        Refused("dump.taken_back", 8),
    ),
    (
        "BEGIN;\nINSERT INTO app.schema_migrations VALUES ('1');\nROLLBACK;\n",
        Refused("dump.taken_back", 6),
    ),
    (
        "BEGIN;\nCOMMIT AND CHAIN;\nCREATE TABLE app.x ();\nROLLBACK;\n",
        Refused("dump.taken_back", 7),
    ),
    (
        "BEGIN;\nCREATE TABLE app.x ();\n",
        Refused("dump.taken_back", 4),
    ),
    (
        "BEGIN;\nCREATE TABLE app.x ();\nSAVEPOINT a;\nROLLBACK TO a;\nEND;\n",
        Equal,
    ),
    // What is dropped again.
    (
        "CREATE INDEX ON app.t (a);\nDROP INDEX app.t_a_idx;\n",
        Refused("dump.taken_back", 5),
    ),
    (
        "ALTER TABLE app.t RENAME TO u;\nDROP TABLE app.u;\n",
        Refused("dump.taken_back", 5),
    ),
    (
        "DROP SEQUENCE IF EXISTS app.s;\nCREATE SEQUENCE app.s;\n",
        Equal,
    ),
    // Rows.
    (
        "COPY app.schema_migrations FROM stdin WITH (FORMAT csv);\n\"1,a\"\n\\.\n",
        Refused("dump.rows", 4),
    ),
    (
        "COPY app.t FROM stdin WITH (NULL 'nix');\n1\tnix\n\\.\n",
        Refused("dump.rows", 4),
    ),
    (
        "COPY app.t FROM stdin WHERE id > 1;\n1\ta\n2\tb\n\\.\n",
        Refused("dump.rows", 4),
    ),
    (
        "COPY app.t FROM stdin WITH (FREEZE off);\n1\ta\n\\.\n",
        Refused("dump.rows", 4),
    ),
    (
        "COPY app.t FROM stdin;\n1\ta\\\nb\n2\tc\\\\\n3\td\\\te\n\\.\n",
        Equal,
    ),
    (
        "INSERT INTO app.t VALUES (1, 'a'), (-2, NULL), (3, E'\\t');\n",
        Equal,
    ),
    (
        "INSERT INTO app.t VALUES (5 - 3, 'a');\n",
        Refused("dump.rows", 4),
    ),
    (
        "INSERT INTO app.t VALUES (1.7::int, 'a');\n",
        Refused("dump.rows", 4),
    ),
    (
        "INSERT INTO app.t (id, a) VALUES (1, X'41');\n",
        Refused("dump.rows", 4),
    ),
    (
        "CREATE TABLE app.v (version text);\nALTER TABLE app.v RENAME TO flyway_schema_history;\n\
      INSERT INTO app.flyway_schema_history VALUES ('1');\n",
        Refused("dump.renamed", 5),
    ),
    // Settings.
    (
        "SET TIME ZONE 'Asia/Tokyo';\nALTER TABLE app.t ADD d timestamptz DEFAULT '2024-01-01 00:00';\n",
        Refused("dump.setting", 4),
    ),
    (
        "SET datestyle = 'German, DMY';\nALTER TABLE app.t ADD d date DEFAULT '02.03.2024';\n",
        Refused("dump.setting", 4),
    ),
    (
        "SET array_nulls = off;\nALTER TABLE app.t ADD d text[] DEFAULT '{NULL}';\n",
        Refused("dump.setting", 4),
    ),
    (
        "\\encoding LATIN1\nALTER TABLE app.t ADD d text DEFAULT '\u{e4}';\n",
        Refused("dump.encoding", 4),
    ),
    (
        "SET NAMES 'LATIN1';\nALTER TABLE app.t ADD d text DEFAULT '\u{e4}';\n",
        Refused("dump.encoding", 4),
    ),
    (
        "SET TIME ZONE 'UTC';\nALTER TABLE app.t ADD d timestamptz DEFAULT '2024-01-01 00:00';\n",
        Equal,
    ),
    (
        "SET work_mem = '7MB';\nCREATE FUNCTION app.f() RETURNS int LANGUAGE sql SET work_mem FROM CURRENT AS 'SELECT 1';\n",
        Refused("dump.statement", 5),
    ),
    // What leads to the schema without naming it.
    (
        "SET search_path = app;\nDELETE FROM schema_migrations;\n",
        Refused("dump.statement", 5),
    ),
    (
        "SET SCHEMA 'app';\nDO $$ BEGIN CREATE TABLE hidden (); END $$;\n",
        Refused("dump.statement", 5),
    ),
    (
        "SET search_path = app;\nCOMMENT ON TABLE t IS 'x';\n",
        Refused("dump.unqualified", 5),
    ),
    (
        "CREATE FUNCTION public.make() RETURNS void LANGUAGE plpgsql AS\n$$ BEGIN EXECUTE 'CREATE TABLE ap' || 'p.hidden ()'; END $$;\n\
      SELECT public.make();\n",
        Noted("not_followed"),
    ),
    // Others.
    ("CREATE INDEX CONCURRENTLY i ON app.t (a);\n", Equal),
    (
        "CREATE TABLE app.i (id int GENERATED ALWAYS AS IDENTITY PRIMARY KEY);\n",
        Equal,
    ),
];

#[test]
fn a_tenant_has_what_psql_makes_of_a_file() {
    let cluster = Cluster::shared();
    for (text, said) in FILES {
        let database = cluster.database();
        let world = Schemastamp::on(&database);
        world.write("dump.sql", format!("{MADE}{text}"));
        let psql = std::process::Command::new(Client::installed().psql())
            .args(["-X", "-q", "-v", "ON_ERROR_STOP=1", "-f", "dump.sql"])
            .current_dir(world.path(""))
            .env_clear()
            .envs(database.environment())
            .output()
            .expect("psql starts");
        assert!(psql.status.success(), "{text}: {psql:?}");
        let output = world.run(&[
            "capture",
            "--schema",
            "app",
            "--from",
            "dump.sql",
            "--seed",
            "t",
            "-o",
            "snapshots/a.sql",
            "--format",
            "json",
        ]);
        match said {
            Refused(id, line) => {
                let last = output.json().pop().unwrap();
                assert_eq!(last["error"]["id"], *id, "{text}: {output}");
                let words = format!("line {line}: ");
                assert!(output.stdout.contains(&words), "{text}: {output}");
            }
            Noted(id) => {
                let concerns = output.json().pop().unwrap()["summary"]["concerns"].to_string();
                assert!(concerns.contains(id), "{text}: {output}");
            }
            Equal => {
                output.succeeds();
                world.run(&["provision", "b"]).succeeds();
                world.run(&["verify", "app", "b", "--strict"]).succeeds();
                let rows =
                    |schema: &str| database.query(&format!("SELECT * FROM {schema}.t ORDER BY 1"));
                assert_eq!(rows("b"), rows("app"), "{text}");
            }
        }
    }
}

#[test]
fn partitions_of_tables_elsewhere_are_refused_or_carried_as_tables() {
    let database = Cluster::shared().database();
    let world = Schemastamp::on(&database);
    let capture = [
        "capture",
        "--schema",
        "app",
        "--from",
        "dump.sql",
        "-o",
        "snapshots/a.sql",
    ];
    let parent = "CREATE SCHEMA app;\nCREATE SCHEMA oth;\nCREATE TABLE oth.p (a int) PARTITION BY RANGE (a);\n";
    let bounds = "FOR VALUES FROM (0) TO (9);\n";
    for (partition, can_be_carried) in [
        (
            format!(
                "CREATE TABLE app.c (a int);\nALTER TABLE ONLY oth.p ATTACH PARTITION app.c {bounds}"
            ),
            true,
        ),
        (
            format!(
                "CREATE INDEX pi ON ONLY oth.p (a);\nCREATE TABLE app.c (a int);\nCREATE INDEX ci ON app.c (a);\n\
                 ALTER TABLE oth.p ATTACH PARTITION app.c {bounds}ALTER INDEX oth.pi ATTACH PARTITION app.ci;\n"
            ),
            true,
        ),
        (
            format!("CREATE TABLE app.c PARTITION OF oth.p {bounds}"),
            false,
        ),
    ] {
        world.write("dump.sql", format!("{parent}{partition}"));
        let output = world.run(&capture).exits_with(15);
        assert!(
            output
                .stderr
                .contains("as the bounds are taken: app.c of oth.p"),
            "{output}"
        );
        let output = world.run(&[&capture[..], &["--no-prove"]].concat());
        if can_be_carried {
            let output = output.succeeds();
            assert!(
                output.stderr.contains("carried as ordinary tables"),
                "{output}"
            );
            assert!(output.stderr.contains("c (oth.p)"), "{output}");
            world.run(&["provision", "b"]).succeeds();
            database.sql("DROP SCHEMA b CASCADE");
        } else {
            output.exits_with(15);
        }
    }
}

#[test]
fn what_a_file_needs_elsewhere_is_named_with_the_way_on() {
    let database = Cluster::shared().database();
    let world = Schemastamp::on(&database);
    for table in [
        "CREATE TABLE app.t (id int REFERENCES public.users)",
        "CREATE TABLE app.t (LIKE public.users)",
        "CREATE TABLE app.t (m public.mood)",
    ] {
        world.write("dump.sql", format!("CREATE SCHEMA app;\n{table};\n"));
        let output = world
            .run(&[
                "capture", "--schema", "app", "--from", "dump.sql", "-o", "a.sql",
            ])
            .exits_with(14);
        let hint = "hint: create what the dump needs outside of the schema in the connected database first";
        assert!(output.stderr.contains(hint), "{output}");
        assert!(output.stderr.contains("(line 2 of the dump)"), "{output}");
    }
}
