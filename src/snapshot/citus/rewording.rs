//! The form of a snapshot's statements that Citus takes for a distributed schema.
//!
//! Tried with Citus 13.2.2 on `PostgreSQL` 15.20. Citus forwards a statement to its workers, and its `ALTER TABLE` knows fewer
//! subcommands than `PostgreSQL`'s (`ErrorIfUnsupportedAlterTableStmt` of `commands/table.c`).

use std::collections::{BTreeMap, BTreeSet};

use super::distribution::distribution_check;
use super::words::StatementTokens;
use crate::snapshot::object::{Action, ObjectKind};
use crate::snapshot::rendered::Rendered;
use crate::sql::{TenantName, quote_literal};
use crate::text::slice;

/// Returns a tenant's statements in the form that Citus takes, and behind them the check that the tenant is distributed.
///
/// `routines_and_views` are the statements that create these, as [`crate::snapshot::CompiledStatement::render_plain`] renders them.
pub(in crate::snapshot) fn for_citus(
    statements: Vec<Rendered>,
    routines_and_views: &[String],
    tenant: &TenantName,
) -> Vec<Rendered> {
    let mut statements = views_in_one_piece(statements);
    let views: BTreeSet<Vec<String>> = statements
        .iter()
        .filter_map(|statement| StatementTokens::new(&statement.sql).created_view())
        .collect();
    let is_local = |statement: &Rendered| takes_only_local(&statement.sql, &views);
    if statements.iter().any(is_local) {
        statements = distributed_afterwards(statements, routines_and_views, tenant);
    } else {
        statements = identities_inside(statements);
    }
    statements.push(Rendered::added(distribution_check(tenant)));
    statements
}

/// Returns `true` for statements that Citus refuses for a distributed table, and takes over when it distributes a table that has
/// their effect: options of columns, `CLUSTER ON`, typed tables, defaults of a view's columns, rules and triggers that are
/// switched off.
fn takes_only_local(sql: &str, views: &BTreeSet<Vec<String>>) -> bool {
    let words = StatementTokens::new(sql);
    if let Some((_, behind)) = words.created_table() {
        return words.has_at(behind, &["of"]);
    }
    let Some((relation, action)) = words.altered() else {
        return false;
    };
    let is_view = views.contains(&relation);
    let column = words.behind(action + 1, &["column"]);
    let of_column = words.has_at(action, &["alter"]) && !words.has_at(action + 1, &["constraint"]);
    let sets = |what: &str| of_column && words.has_at(column + 1, &["set", what]);
    sets("statistics")
        || sets("storage")
        || sets("compression")
        || sets("(")
        || (is_view && sets("default"))
        || words.has_at(action, &["cluster", "on"])
        || ["enable", "disable"].iter().any(|word| {
            let what = words.behind(action + 1, &["replica", "always"]);
            words.has_at(action, &[word])
                && (words.has_at(what, &["rule"]) || words.has_at(what, &["trigger"]))
        })
}

/// Makes the tenant on the coordinator, then distributes it, in the same transaction.
///
/// Routines and views are not on the workers then, because Citus did not see them; they are created again. One that depends on
/// something that Citus does not know stays on the coordinator, with a warning, as it does when it is created at first.
fn distributed_afterwards(
    statements: Vec<Rendered>,
    routines_and_views: &[String],
    tenant: &TenantName,
) -> Vec<Rendered> {
    let added = |sql: &str| Rendered::added(sql.to_owned());
    let mut all = vec![
        added("SET LOCAL citus.enable_schema_based_sharding TO off"),
        added("SET LOCAL citus.enable_ddl_propagation TO off"),
    ];
    all.extend(statements);
    all.push(added("SET LOCAL citus.enable_ddl_propagation TO on"));
    all.push(Rendered::added(format!(
        "SELECT pg_catalog.citus_schema_distribute({}::pg_catalog.regnamespace)",
        quote_literal(&tenant.quoted())
    )));
    let again = routines_and_views.iter().map(|sql| {
        let words = StatementTokens::new(sql);
        let rest = words.from(words.behind(1, &["or", "replace"]));
        let body = format!(
            "BEGIN EXECUTE {}; EXCEPTION WHEN feature_not_supported THEN RAISE WARNING '%', SQLERRM \
             USING DETAIL = 'it is on the coordinator only'; END",
            quote_literal(&format!("CREATE OR REPLACE {rest}"))
        );
        Rendered::added(format!("DO {}", quote_literal(&body)))
    });
    all.extend(again);
    all
}

/// Puts identity columns into `CREATE TABLE`. `pg_dump` adds them later, by an `ALTER TABLE` that Citus refuses.
fn identities_inside(mut statements: Vec<Rendered>) -> Vec<Rendered> {
    let mut tables: BTreeMap<Vec<String>, usize> = BTreeMap::new();
    let mut done = BTreeSet::new();
    for index in 0..statements.len() {
        let Some(sql) = statements.get(index).map(|statement| statement.sql.clone()) else {
            continue;
        };
        let words = StatementTokens::new(&sql);
        if let Some((table, _)) = words.created_table() {
            tables.insert(table, index);
        }
        let Some((table, column, identity)) = added_identity(&words) else {
            continue;
        };
        let created = tables
            .get(&table)
            .and_then(|table| statements.get_mut(*table));
        if let Some(created) = created
            && let Some(whole) = with_identity(&created.sql, &column, identity)
        {
            created.sql = whole;
            done.insert(index);
        }
    }
    let mut index = 0..;
    statements.retain(|_| index.next().is_none_or(|index| !done.contains(&index)));
    statements
}

/// The table, the column and `GENERATED …` of `ALTER TABLE … ALTER COLUMN … ADD GENERATED …`.
fn added_identity<'a>(words: &StatementTokens<'a>) -> Option<(Vec<String>, String, &'a str)> {
    let (table, action) = words.altered()?;
    let column = words.behind(action + 1, &["column"]);
    if !words.has_at(action, &["alter"]) || !words.has_at(column + 1, &["add", "generated"]) {
        return None;
    }
    Some((table, words.column_at(column)?, words.from(column + 2)))
}

/// A `CREATE TABLE` whose column has an identity.
fn with_identity(sql: &str, column: &str, identity: &str) -> Option<String> {
    let words = StatementTokens::new(sql);
    let (_, open) = words.created_table()?;
    if !words.has_at(open, &["("]) {
        return None;
    }
    let (_, end) = words
        .items(open)
        .into_iter()
        .find(|(first, _)| words.column_at(*first).as_deref() == Some(column))?;
    let head = slice(sql, ..end);
    let rest = slice(sql, end..);
    Some(format!("{head} {identity}{rest}"))
}

/// Creates a view once, where it can be whole. `pg_dump` creates a view that groups by a primary key as a dummy, and
/// replaces that once the key is there; Citus refuses to replace it, because the view depends on a constraint.
///
/// A dummy that other objects use stays as it is.
fn views_in_one_piece(mut statements: Vec<Rendered>) -> Vec<Rendered> {
    let mut index = 0;
    while index < statements.len() {
        if let Some(dummy) = replaced_dummy(&statements, index) {
            move_view(&mut statements, dummy, index);
        }
        index += 1;
    }
    statements
}

/// The index of the dummy that the statement at `index` replaces, unless something between uses it.
fn replaced_dummy(statements: &[Rendered], index: usize) -> Option<usize> {
    let words = StatementTokens::new(&statements.get(index)?.sql);
    if !words.has_at(0, &["create", "or", "replace", "view"]) {
        return None;
    }
    let (view, _) = words.name_at(4);
    let before = statements.get(..index)?;
    let dummy = before.iter().position(|statement| {
        let words = StatementTokens::new(&statement.sql);
        words.has_at(0, &["create", "view"]) && words.name_at(2).0 == view
    })?;
    let between = before.get(dummy + 1..)?;
    let is_used = between.iter().any(|statement| {
        let words = StatementTokens::new(&statement.sql);
        !is_about(&words, &view) && words.mentions(&view)
    });
    (!is_used).then_some(dummy)
}

/// Returns `true` for the owner, comments and grants of a view.
fn is_about(words: &StatementTokens<'_>, view: &[String]) -> bool {
    let owned = words
        .altered()
        .is_some_and(|(name, action)| name == view && words.has_at(action, &["owner"]));
    let commented = words.has_at(0, &["comment", "on"]) && words.name_at(3).0.starts_with(view);
    let granted = ["grant", "revoke"]
        .iter()
        .any(|verb| words.has_at(0, &[verb]))
        && words
            .find(1, "table")
            .is_some_and(|table| words.name_at(table + 1).0 == view);
    owned || commented || granted
}

/// Leaves out the dummy, and moves behind the whole view what was about the dummy.
fn move_view(statements: &mut Vec<Rendered>, dummy: usize, whole: usize) {
    let Some(mut created) = statements.get(whole).cloned() else {
        return;
    };
    let words = StatementTokens::new(&created.sql);
    let (view, _) = words.name_at(4);
    created.sql = format!("CREATE {}", words.from(3));
    let between = statements
        .splice(dummy..=whole, [])
        .skip(1)
        .collect::<Vec<_>>();
    let (about, mut others): (Vec<_>, Vec<_>) = between
        .into_iter()
        .take(whole - dummy - 1)
        .partition(|statement| is_about(&StatementTokens::new(&statement.sql), &view));
    others.push(created);
    others.extend(about);
    statements.splice(dummy..dummy, others);
}

/// Returns `true` for objects that are created again once their schema is distributed.
pub(in crate::snapshot) fn is_repeated(action: Action, kind: ObjectKind) -> bool {
    action == Action::Create
        && matches!(
            kind,
            ObjectKind::Function | ObjectKind::Procedure | ObjectKind::View
        )
}

/// Returns statements that create each view once, for an ordinary tenant in a database with Citus.
pub(crate) fn whole_views(statements: Vec<Rendered>) -> Vec<Rendered> {
    views_in_one_piece(statements)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn reworded(sql: &[&str]) -> Vec<String> {
        let statements = sql
            .iter()
            .map(|sql| Rendered::added((*sql).to_owned()))
            .collect();
        let mut all: Vec<String> = for_citus(statements, &[], &TenantName::new("a").unwrap())
            .into_iter()
            .map(|statement| statement.sql)
            .collect();
        assert!(all.pop().unwrap().contains("pg_dist_schema"));
        all
    }

    #[test]
    fn identity_moves_into_the_table() {
        let identity = |column: &str| {
            format!(
                "ALTER TABLE a.t ALTER COLUMN {column} ADD GENERATED ALWAYS AS IDENTITY (\n    SEQUENCE NAME a.s\n    CACHE 1\n)"
            )
        };
        for (table, column, expected) in [
            (
                "CREATE TABLE a.t (\n    id bigint NOT NULL,\n    n numeric(10,2) DEFAULT (1)\n)",
                "id",
                "id bigint NOT NULL GENERATED",
            ),
            (
                "CREATE UNLOGGED TABLE a.t (\n    n numeric(10,2),\n    \"Id\" bigint NOT NULL\n)\nWITH (fillfactor='70')",
                "\"Id\"",
                "\"Id\" bigint NOT NULL GENERATED",
            ),
        ] {
            let found = reworded(&[table, "SELECT 1", &identity(column)]);
            assert_eq!(found.len(), 2, "{found:?}");
            assert!(found[0].contains(expected), "{found:?}");
            assert!(found[0].contains("CACHE 1\n)"), "{found:?}");
        }
        // A table of another name, and one without the column.
        let other = [
            "CREATE TABLE a.other (id bigint)",
            &identity("id"),
            "CREATE TABLE a.t (x bigint)",
        ];
        assert_eq!(reworded(&other), other);
    }

    #[test]
    fn view_is_created_once_and_its_statements_follow_it() {
        let found = reworded(&[
            "CREATE VIEW a.v AS\nSELECT\n    NULL::integer AS id",
            "ALTER TABLE a.v OWNER TO o",
            "COMMENT ON COLUMN a.v.id IS 'x'",
            "CREATE TABLE a.t (id integer)",
            "CREATE OR REPLACE VIEW a.v AS\n SELECT t.id FROM a.t GROUP BY t.id",
            "CREATE INDEX i ON a.t (id)",
        ]);
        assert_eq!(
            found,
            [
                "CREATE TABLE a.t (id integer)",
                "CREATE VIEW a.v AS\n SELECT t.id FROM a.t GROUP BY t.id",
                "ALTER TABLE a.v OWNER TO o",
                "COMMENT ON COLUMN a.v.id IS 'x'",
                "CREATE INDEX i ON a.t (id)",
            ]
        );
        let used = [
            "CREATE VIEW a.v AS SELECT NULL::integer AS id",
            "CREATE VIEW a.w AS SELECT id FROM a.v",
            "CREATE OR REPLACE VIEW a.v AS SELECT 1 AS id",
        ];
        assert_eq!(reworded(&used), used);
    }

    #[test]
    fn what_citus_takes_over_is_made_before_it_distributes() {
        let afterwards = |sql: &str| {
            let found = reworded(&["CREATE VIEW a.v AS SELECT 1 AS n", sql]);
            found
                .iter()
                .any(|sql| sql.contains("citus_schema_distribute"))
        };
        for sql in [
            "ALTER TABLE ONLY a.t ALTER COLUMN n SET STATISTICS 500",
            "ALTER TABLE ONLY a.t ALTER COLUMN n SET STORAGE EXTERNAL",
            "ALTER TABLE ONLY a.t ALTER COLUMN n SET (n_distinct=5)",
            "ALTER TABLE a.t CLUSTER ON t_pkey",
            "CREATE TABLE a.t OF a.row",
            "ALTER TABLE ONLY a.v ALTER COLUMN n SET DEFAULT 'x'::text",
            "ALTER TABLE a.t DISABLE RULE quiet",
            "ALTER TABLE a.v ENABLE ALWAYS TRIGGER x",
        ] {
            assert!(afterwards(sql), "{sql}");
        }
        for sql in [
            "ALTER TABLE ONLY a.t ALTER COLUMN n SET DEFAULT 'x'::text",
            "ALTER TABLE a.t ENABLE ROW LEVEL SECURITY",
            "ALTER TABLE a.t OWNER TO cluster",
            "CREATE TABLE a.t (\"of\" integer)",
            "ALTER INDEX a.i ALTER COLUMN 1 SET STATISTICS 100",
        ] {
            assert!(!afterwards(sql), "{sql}");
        }
    }

    #[test]
    fn routines_are_created_again_with_their_own_quotes() {
        let statements = vec![Rendered::added("ALTER TABLE a.t CLUSTER ON k".to_owned())];
        let routine =
            "CREATE FUNCTION a.f() RETURNS text LANGUAGE sql AS $$SELECT 'it''s'; SELECT 1$$";
        let found = for_citus(
            statements,
            &[routine.to_owned()],
            &TenantName::new("a").unwrap(),
        );
        let again = &found[found.len() - 2].sql;
        assert!(
            again.contains("CREATE OR REPLACE FUNCTION a.f()") && again.starts_with("DO '"),
            "{again}"
        );
    }
}
