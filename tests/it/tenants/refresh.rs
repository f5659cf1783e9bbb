//! `refresh` and `check`, and the whole story from capture to check.

use schemastamp::fleet::refresh::{
    RefreshError, RefreshOptions, Refreshed, SnapshotComparison, compare, recapture, refresh,
};
use schemastamp::fleet::verify::{VerifyOptions, verify};
use schemastamp::process::{Shutdown, Signal};
use schemastamp::snapshot::Decisions;
use schemastamp::snapshot::capture::{Capture, CaptureSource, Captured};
use schemastamp::snapshot::{OutsidePolicy, Snapshot};
use schemastamp::sql::TenantName;
use schemastamp::tenant::compare::Reference;
use schemastamp::tenant::migrate::MigrateOutcome;
use schemastamp::tenant::versions::PlanStrictness;

use super::verify::create;
use super::world::{World, all, groups, options};

const SOURCE: &str = "CREATE SCHEMA app;
    CREATE TABLE app.schema_migrations (version bigint PRIMARY KEY, inserted_at timestamp(0));
    INSERT INTO app.schema_migrations VALUES (20240101000000, '2024-01-01 10:00:00');
    CREATE TABLE app.users (id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, email text NOT NULL);
    CREATE TABLE app.plans (code text PRIMARY KEY); INSERT INTO app.plans VALUES ('free'), ('paid');
    CREATE FUNCTION app.active() RETURNS bigint LANGUAGE sql SET search_path TO 'app' AS $$ SELECT count(*) FROM app.users $$;
    CREATE VIEW app.emails AS SELECT email FROM app.users;";

fn refresh_options() -> RefreshOptions {
    RefreshOptions {
        versions_table: None,
        prove: true,
        strictness: PlanStrictness::default(),
        outside: OutsidePolicy::Refuse,
    }
}

impl World<'_> {
    async fn capture(&self, schema: &str) -> Captured {
        let capture = Capture {
            schema: schema.to_owned(),
            source: CaptureSource::Live(self.pg_dump()),
            seeds: vec!["plans".to_owned()],
            versions_table: None,
            versions_from: None,
            decisions: Decisions::default(),
            owners: true,
            schema_owner: true,
            privileges: true,
            server: Some(self.server.clone()),
            prove: true,
            fill_views: true,
            scratch: None,
        };
        capture.run(&Shutdown::new()).await.unwrap()
    }

    async fn refresh(&self, snapshot: &Snapshot) -> Result<Refreshed, RefreshError> {
        let never = Shutdown::new();
        let refreshed = refresh(
            &self.server,
            &self.pg_dump(),
            snapshot,
            &self.migrations(),
            &refresh_options(),
            &never,
        )
        .await;
        assert_eq!(self.scratches(), "0", "the scratch schema is dropped");
        self.assert_nothing_left();
        refreshed
    }

    fn scratches(&self) -> String {
        self.database.query(
            "SELECT count(*) FROM pg_namespace WHERE starts_with(nspname, 'schemastamp_scratch_')",
        )
    }

    async fn check(&self, snapshot: &Snapshot, schema: &str) -> SnapshotComparison {
        let options = RefreshOptions {
            prove: false,
            ..refresh_options()
        };
        let pg_dump = self.pg_dump();
        let now = recapture(
            &self.server,
            &pg_dump,
            snapshot,
            schema,
            &options,
            &Shutdown::new(),
        )
        .await
        .unwrap();
        compare(snapshot, &now.snapshot, "snapshots/app.sql", "app")
    }
}

#[tokio::test]
async fn concurrent_index_does_not_wait_for_its_own_run() {
    let world = World::new();
    world.database.sql(&format!(
        "{SOURCE} CREATE TYPE app.v AS (a int); CREATE FUNCTION app.cmp(app.v, app.v) RETURNS int LANGUAGE sql IMMUTABLE AS 'SELECT 0';
         CREATE FUNCTION app.lt(app.v, app.v) RETURNS bool LANGUAGE sql IMMUTABLE AS 'SELECT false';
         CREATE OPERATOR app.<< (LEFTARG = app.v, RIGHTARG = app.v, FUNCTION = app.lt);
         CREATE OPERATOR CLASS app.vops FOR TYPE app.v USING btree AS OPERATOR 1 app.<<, FUNCTION 1 app.cmp(app.v, app.v)"
    ));
    let old = world.capture("app").await.snapshot;
    world.migration(
        "20240202000000_index.sql",
        "-- schemastamp: no-transaction\nCREATE INDEX CONCURRENTLY users_email ON #{prefix}.users (email);",
    );
    // The schema that it works in is dropped, operator class and all.
    let refreshed = world.refresh(&old).await.unwrap();
    assert!(
        refreshed
            .snapshot
            .to_text()
            .contains("CREATE INDEX users_email ON #{prefix}.users USING btree (email)")
    );
}

#[tokio::test]
async fn snapshot_migrate_refresh_and_provision_agree() {
    let world = World::new();
    world.database.sql(SOURCE);
    let old = world.capture("app").await.snapshot;
    create(&world, &old, &["one", "two", "three"]);
    assert_eq!(world.check(&old, "app").await, SnapshotComparison::Equal);

    world.migration(
        "20240202000000_add_name.sql",
        "ALTER TABLE #{prefix}.users ADD name text;\nCREATE INDEX users_name ON #{prefix}.users (name);",
    );
    world.migration(
        "20240303000000_trial.sql",
        "INSERT INTO #{prefix}.plans VALUES ('trial');\nCREATE FUNCTION #{prefix}.named() RETURNS bigint LANGUAGE sql AS \
         $$ SELECT count(*) FROM #{prefix}.users WHERE name IS NOT NULL $$;",
    );
    let report = world.migrate(&options()).await;
    assert_eq!(groups(&report), Vec::<String>::new());
    assert_eq!(
        report.count(|outcome| *outcome == MigrateOutcome::Migrated),
        4
    );

    let refreshed = world.refresh(&old).await.unwrap();
    assert_eq!(
        refreshed.applied,
        ["20240202000000_add_name.sql", "20240303000000_trial.sql"]
    );
    assert!(refreshed.proof.is_some());
    let text = refreshed.snapshot.to_text();
    assert!(
        text.contains("-- versions: schema_migrations: 3 rows, last 20240303000000\n"),
        "{text}"
    );
    assert!(
        text.contains("('20240202000000', '2024-02-02 00:00:00')"),
        "{text}"
    );
    assert!(
        text.contains("('trial')") && !text.contains("scratch"),
        "{text}"
    );
    let again = world.refresh(&old).await.unwrap();
    assert_eq!(again.snapshot.to_text(), text, "the same in each run");
    let nothing_new = world.refresh(&refreshed.snapshot).await.unwrap();
    assert_eq!(
        (nothing_new.applied.len(), nothing_new.snapshot.to_text()),
        (0, text)
    );

    create(&world, &refreshed.snapshot, &["four"]);
    let verify_options = VerifyOptions {
        scope: all(),
        aspects: Vec::new(),
        versions_table: None,
        jobs: 1,
    };
    let reference = Reference::Snapshot(&refreshed.snapshot);
    let verification = verify(&world.server, reference, &verify_options, &Shutdown::new())
        .await
        .unwrap();
    assert_eq!(
        verification
            .equal
            .iter()
            .map(TenantName::as_str)
            .collect::<Vec<_>>(),
        ["app", "four", "one", "three", "two"]
    );

    assert_eq!(
        world.check(&refreshed.snapshot, "app").await,
        SnapshotComparison::Equal
    );
    assert_eq!(
        world.check(&refreshed.snapshot, "two").await,
        SnapshotComparison::Equal
    );
    world
        .database
        .sql("ALTER TABLE app.users ALTER email DROP NOT NULL");
    let SnapshotComparison::Different { diff } = world.check(&refreshed.snapshot, "app").await
    else {
        panic!("equal")
    };
    assert!(
        diff.contains("-    email text NOT NULL,\n+    email text,\n"),
        "{diff}"
    );
}

#[tokio::test]
async fn minified_snapshot_stays_minified() {
    let world = World::new();
    world.database.sql(SOURCE);
    let old = world.capture("app").await.snapshot.minified().unwrap();
    world.migration(
        "20240202000000_add_name.sql",
        "ALTER TABLE #{prefix}.users ADD name text;",
    );
    let refreshed = world.refresh(&old).await.unwrap();
    assert_eq!(
        refreshed.snapshot.minified().unwrap().to_text(),
        refreshed.snapshot.to_text()
    );
}

#[tokio::test]
async fn failures_leave_no_scratch_schema() {
    let world = World::new();
    world.database.sql(SOURCE);
    let old = world.capture("app").await.snapshot;
    world.migration(
        "20240202000000_bad.sql",
        "SELECT 1;\nALTER TABLE #{prefix}.nobody ADD name text;",
    );
    let error = world.refresh(&old).await.unwrap_err();
    assert_eq!(
        error.to_string(),
        "the migrations cannot be applied to the snapshot: 42P01 relation \"#{prefix}.nobody\" does not exist in \
         20240202000000_bad.sql, statement 2 (line 2)"
    );
    let broken =
        Snapshot::parse(&old.to_text().replace("email text NOT NULL", "email nosuch")).unwrap();
    assert!(matches!(
        world.refresh(&broken).await.unwrap_err(),
        RefreshError::Load(_)
    ));

    world.migration("20240202000000_bad.sql", "SELECT pg_sleep(30);");
    let shutdown = Shutdown::new();
    let (migrations, pg_dump, refresh_options) =
        (world.migrations(), world.pg_dump(), refresh_options());
    let stopper = async {
        world
            .wait_for(
                "SELECT count(*) FROM pg_stat_activity WHERE wait_event = 'PgSleep' AND datname = current_database()",
                "1",
            )
            .await;
        shutdown.request(Signal::TERMINATE);
    };
    let (result, ()) = tokio::join!(
        refresh(
            &world.server,
            &pg_dump,
            &old,
            &migrations,
            &refresh_options,
            &shutdown
        ),
        stopper
    );
    assert!(matches!(
        result.unwrap_err(),
        RefreshError::Stopped(Signal::TERMINATE)
    ));
    assert_eq!(world.scratches(), "0");
}

#[tokio::test]
async fn abandoned_scratch_schemas_are_dropped() {
    let world = World::new();
    world.database.sql(SOURCE);
    let old = world.capture("app").await.snapshot;
    let left = "schemastamp_scratch_00112233445566778899aabb";
    world
        .database
        .sql(&format!("CREATE SCHEMA {left}; CREATE TABLE {left}.t ()"));
    assert!(
        world
            .fleet()
            .await
            .tenants
            .iter()
            .all(|tenant| tenant.name.as_str() != left)
    );
    world.migration("20240202000000_slow.sql", "SELECT pg_sleep(1.5);");
    let (migrations, pg_dump, options) = (world.migrations(), world.pg_dump(), refresh_options());
    let never = Shutdown::new();
    let run = || refresh(&world.server, &pg_dump, &old, &migrations, &options, &never);
    let later = async {
        world.wait_for("SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND database = (SELECT oid FROM pg_database WHERE datname = current_database())", "2").await;
        run().await
    };
    let (first, second) = tokio::join!(run(), later);
    assert_eq!(first.unwrap().leftovers, [left]);
    assert_eq!(second.unwrap().leftovers, Vec::<String>::new());
    assert_eq!(world.scratches(), "0");
}
