//! The rest of a tenant's life.

use schemastamp::process::Stop;
use schemastamp::tenant::lifecycle::{DropError, drop_tenant, preview};

use super::world::{World, name};

#[tokio::test]
async fn drop_takes_the_tenant_and_nothing_else() {
    let world = World::new();
    world.tenants(&["o'ne\"il", "other"]);
    let tenant = name("o'ne\"il");
    let never = Stop::never();
    let seen = preview(&world.server, &tenant, &never).await.unwrap().unwrap();
    assert_eq!((seen.tables, seen.views, seen.outside.len()), (2, 0, 0));
    assert!(seen.bytes > 0);
    world.database.sql(
        "CREATE TYPE \"o'ne\"\"il\".mood AS ENUM ('a'); CREATE DOMAIN \"o'ne\"\"il\".pos AS int CHECK (VALUE > 0);\n\
         CREATE VIEW \"o'ne\"\"il\".v AS SELECT * FROM \"o'ne\"\"il\".users; \n\
         CREATE TABLE \"o'ne\"\"il\".notes (u int REFERENCES \"o'ne\"\"il\".users, m \"o'ne\"\"il\".mood DEFAULT 'a', x text, n serial);\n\
         CREATE RULE r AS ON DELETE TO \"o'ne\"\"il\".notes DO NOTHING; CREATE POLICY p ON \"o'ne\"\"il\".notes USING (n > 0);\n\
         ALTER DEFAULT PRIVILEGES IN SCHEMA \"o'ne\"\"il\" GRANT SELECT ON TABLES TO PUBLIC;",
    );
    drop_tenant(&world.server, &tenant, false, &never).await.unwrap();
    assert!(preview(&world.server, &tenant, &never).await.unwrap().is_none());
    assert!(matches!(drop_tenant(&world.server, &tenant, false, &never).await, Err(DropError::Missing(_))));
    assert_eq!(world.versions("other"), "1");
}

#[tokio::test]
async fn what_others_need_is_dropped_only_with_cascade() {
    let world = World::new();
    let never = Stop::never();
    for dependent in [
        "CREATE VIEW report AS SELECT * FROM acme.users",
        "CREATE TABLE refers (id int REFERENCES acme.users)",
        "CREATE TABLE typed (m acme.mood)",
        "CREATE FUNCTION f(acme.users) RETURNS int LANGUAGE sql AS 'SELECT 1'",
    ] {
        world.tenants(&["acme"]);
        world.database.sql("CREATE TYPE acme.mood AS ENUM ('a')");
        let tenant = name("acme");
        world.database.sql(dependent);
        let error = drop_tenant(&world.server, &tenant, false, &never).await.unwrap_err();
        assert!(matches!(&error, DropError::Outside(found) if !found.is_empty()), "{dependent}: {error:?}");
        assert_eq!(world.versions("acme"), "1");
        drop_tenant(&world.server, &tenant, true, &never).await.unwrap();
        world.database.sql("DROP TABLE IF EXISTS refers, typed");
    }
}

#[tokio::test]
async fn a_big_schema_is_dropped_in_steps() {
    let world = World::new();
    world.database.sql(
        "CREATE SCHEMA big; DO $$ BEGIN FOR i IN 1..2500 LOOP EXECUTE format('CREATE TABLE big.t%s (id int PRIMARY KEY)', i); \
         IF i % 200 = 0 THEN COMMIT; END IF; END LOOP; END $$; \
         CREATE TABLE big.p (id int) PARTITION BY LIST (id); CREATE TABLE big.p1 PARTITION OF big.p FOR VALUES IN (1); \
         CREATE VIEW big.v AS SELECT * FROM big.t1;",
    );
    drop_tenant(&world.server, &name("big"), false, &Stop::never()).await.unwrap();
    assert_eq!(world.database.query("SELECT count(*) FROM pg_namespace WHERE nspname = 'big'"), "0");
}
