//! Names as long as they can be: the comparison sees every object, on every run.

use schemastamp::fleet::TenantSelection;
use schemastamp::fleet::verify::{VerifyOptions, verify};
use schemastamp::pg::catalog::{Aspects, ObjectAspect, objects};
use schemastamp::process::Shutdown;
use schemastamp::snapshot::Snapshot;
use schemastamp::sql::TenantName;
use schemastamp::tenant::compare::{Class, Reference};

use super::{capture_of, chain, provision, run, server, wait};
use crate::support::{Cluster, Database};

/// 62 bytes; a digit makes it as long as a name can be, and two of them share all that is before.
const LONG: &str = "subscription_plan_monthly_billing_summaries_of_every_region_a_";

/// Two objects of each kind, with names that differ in their last byte: what makes `$n`, and what drops it.
const KINDS: [(&str, &str, &str); 31] = [
    (
        "column",
        "ALTER TABLE $s.$b ADD $l$n int",
        "ALTER TABLE $s.$b DROP $l$n",
    ),
    (
        "default",
        "ALTER TABLE $s.$b ADD $ld$n int DEFAULT 1",
        "ALTER TABLE $s.$b ALTER $ld$n DROP DEFAULT",
    ),
    (
        "table",
        "CREATE TABLE $s.$lt$n (i int)",
        "DROP TABLE $s.$lt$n CASCADE",
    ),
    (
        "view",
        "CREATE VIEW $s.$lv$n AS SELECT 1 AS i",
        "DROP VIEW $s.$lv$n",
    ),
    (
        "materialized view",
        "CREATE MATERIALIZED VIEW $s.$lm$n AS SELECT 1 AS i",
        "DROP MATERIALIZED VIEW $s.$lm$n",
    ),
    (
        "sequence",
        "CREATE SEQUENCE $s.$ls$n",
        "DROP SEQUENCE $s.$ls$n",
    ),
    (
        "check",
        "ALTER TABLE $s.$b ADD CONSTRAINT $lc$n CHECK (i > 0)",
        "ALTER TABLE $s.$b DROP CONSTRAINT $lc$n",
    ),
    (
        "unique constraint",
        "ALTER TABLE $s.$b ADD CONSTRAINT $lu$n UNIQUE (i)",
        "ALTER TABLE $s.$b DROP CONSTRAINT $lu$n",
    ),
    (
        "foreign key",
        "ALTER TABLE $s.$b ADD CONSTRAINT $lf$n FOREIGN KEY (i) REFERENCES $s.$b (k)",
        "ALTER TABLE $s.$b DROP CONSTRAINT $lf$n",
    ),
    (
        "index",
        "CREATE INDEX $li$n ON $s.$b (i)",
        "DROP INDEX $s.$li$n",
    ),
    (
        "trigger",
        "CREATE TRIGGER $lg$n BEFORE INSERT ON $s.$b FOR EACH ROW EXECUTE FUNCTION $s.tf()",
        "DROP TRIGGER $lg$n ON $s.$b",
    ),
    (
        "rule",
        "CREATE RULE $lr$n AS ON DELETE TO $s.$b DO ALSO NOTHING",
        "DROP RULE $lr$n ON $s.$b",
    ),
    (
        "policy",
        "CREATE POLICY $lp$n ON $s.$b USING (i > 0)",
        "DROP POLICY $lp$n ON $s.$b",
    ),
    (
        "statistics",
        "CREATE STATISTICS $s.$le$n (ndistinct) ON i, k FROM $s.$b",
        "DROP STATISTICS $s.$le$n",
    ),
    (
        "function",
        "CREATE FUNCTION $s.$lq$n() RETURNS int LANGUAGE sql AS 'SELECT 1'",
        "DROP FUNCTION $s.$lq$n()",
    ),
    (
        "overload",
        "CREATE PROCEDURE $s.count_of_scans(a_schema text, a_table_of_the_schema text, inout n_scans integer, in d int[$n]) \
         LANGUAGE plpgsql AS 'BEGIN END'",
        "",
    ),
    (
        "overload by its last argument",
        "CREATE FUNCTION $s.scans(a_schema text, a_table_of_the_schema text, number_of_scans integer, t $s.$lt$n) \
         RETURNS int LANGUAGE sql AS 'SELECT 1'",
        "DROP FUNCTION $s.scans(text, text, integer, $s.$lt$n)",
    ),
    (
        "aggregate",
        "CREATE AGGREGATE $s.$la$n (int) (sfunc = int4pl, stype = int)",
        "DROP AGGREGATE $s.$la$n (int)",
    ),
    (
        "composite type",
        "CREATE TYPE $s.$lk$n AS (i int)",
        "DROP TYPE $s.$lk$n CASCADE",
    ),
    (
        "attribute",
        "ALTER TYPE $s.ty ADD ATTRIBUTE $l$n int",
        "ALTER TYPE $s.ty DROP ATTRIBUTE $l$n",
    ),
    (
        "enum",
        "CREATE TYPE $s.$lj$n AS ENUM ('a')",
        "DROP TYPE $s.$lj$n",
    ),
    (
        "domain",
        "CREATE DOMAIN $s.$lo$n AS int",
        "DROP DOMAIN $s.$lo$n",
    ),
    (
        "constraint of a domain",
        "ALTER DOMAIN $s.dom ADD CONSTRAINT $l$n CHECK (VALUE > 0)",
        "ALTER DOMAIN $s.dom DROP CONSTRAINT $l$n",
    ),
    (
        "range",
        "CREATE TYPE $s.$lx$n AS RANGE (subtype = int4, multirange_type_name = $s.$lw$n)",
        "DROP TYPE $s.$lx$n",
    ),
    (
        "operator",
        "CREATE OPERATOR $s.<=> (leftarg = $s.$lt$n, rightarg = $s.$lt$n, function = $s.cmp$n)",
        "DROP OPERATOR $s.<=> ($s.$lt$n, $s.$lt$n)",
    ),
    (
        "operator family",
        "CREATE OPERATOR FAMILY $s.$ly$n USING btree",
        "DROP OPERATOR FAMILY $s.$ly$n USING btree",
    ),
    (
        "cast",
        "CREATE CAST ($s.$lk$n AS $s.$lt$n) WITH INOUT",
        "DROP CAST ($s.$lk$n AS $s.$lt$n)",
    ),
    (
        "collation",
        "CREATE COLLATION $s.$lz$n (locale = 'C')",
        "DROP COLLATION $s.$lz$n",
    ),
    (
        "conversion",
        "CREATE CONVERSION $s.$l_$n FOR 'LATIN1' TO 'UTF8' FROM iso8859_1_to_utf8",
        "DROP CONVERSION $s.$l_$n",
    ),
    (
        "text search configuration",
        "CREATE TEXT SEARCH CONFIGURATION $s.$l$n (parser = default)",
        "DROP TEXT SEARCH CONFIGURATION $s.$l$n",
    ),
    (
        "text search dictionary",
        "CREATE TEXT SEARCH DICTIONARY $s.$l$n (template = simple)",
        "DROP TEXT SEARCH DICTIONARY $s.$l$n",
    ),
];

/// Fills in the schema, the number, and the long names, each with its own letter in front.
fn filled(sql: &str, schema: &str, number: usize) -> String {
    let mut output = String::new();
    let mut pieces = sql.split("$l");
    output.push_str(pieces.next().unwrap());
    for piece in pieces {
        // A letter behind the mark tells the kinds apart.
        let (letter, rest) = match piece.split_once('$') {
            Some((letter, rest)) if letter.len() <= 1 => (letter, format!("${rest}")),
            _ => panic!("no number behind a long name: {sql}"),
        };
        let name: String = format!("{letter}{LONG}").chars().take(62).collect();
        output.push_str(&name);
        output.push_str(&rest);
    }
    output
        .replace("$b", &format!("{LONG}b"))
        .replace("$n", &number.to_string())
        .replace("$s", schema)
}

fn snapshot() -> Snapshot {
    let prefix = "#{prefix}";
    let mut text = filled(
        "-- schemastamp snapshot, format 1\n\nCREATE SCHEMA $s;\nCREATE TABLE $s.$b (i int, k int PRIMARY KEY);\n\
         CREATE TYPE $s.ty AS (i int);\nCREATE DOMAIN $s.dom AS int;\n\
         CREATE FUNCTION $s.tf() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NEW; END';\n",
        prefix,
        0,
    );
    for (kind, create, _) in KINDS {
        for number in [1, 2] {
            if kind == "operator" {
                text += &filled(
                    "CREATE FUNCTION $s.cmp$n($s.$lt$n, $s.$lt$n) RETURNS boolean LANGUAGE sql AS 'SELECT true';\n",
                    prefix,
                    number,
                );
            }
            // The second procedure differs from the first by its last argument alone.
            let create = match (kind, number) {
                ("overload", 1) => create.replace(", in d int[$n]", ""),
                ("overload", _) => create.replace("in d int[$n]", "inout ok boolean"),
                _ => create.to_owned(),
            };
            text += &filled(&create, prefix, number);
            text += ";\n";
        }
    }
    Snapshot::parse(&text).unwrap()
}

fn aspects(database: &Database<'_>, schema: &str, major: u32) -> Aspects {
    let sql = format!(
        "BEGIN; SET LOCAL search_path = {schema};\n{}COMMIT;\n",
        objects(&[schema], major)
    );
    let mut all = Aspects::default();
    for line in wait(server(database).query_json(&sql, &Shutdown::new())).unwrap() {
        all.insert(ObjectAspect::read(line).unwrap()).unwrap();
    }
    all
}

#[test]
fn no_two_objects_share_an_identity() {
    let database = Cluster::shared().database();
    provision(&database, &snapshot(), "app").unwrap();
    let all = aspects(&database, "app", 15);
    for (kind, number) in [
        ("table", 3),
        ("view", 2),
        ("materialized view", 2),
        ("sequence", 2),
        ("trigger", 2),
        ("rule", 2),
        ("policy", 2),
        ("statistics", 2),
        ("function", 7),
        ("procedure", 2),
        ("aggregate", 2),
        ("domain", 3),
        ("operator", 2),
        ("operator family", 2),
        ("cast", 2),
        ("collation", 2),
        ("conversion", 2),
        ("text search configuration", 2),
        ("text search dictionary", 2),
    ] {
        let found: std::collections::BTreeSet<_> = all
            .iter()
            .filter(|(object, ..)| object.kind == kind)
            .map(|(object, ..)| object)
            .collect();
        assert_eq!(found.len(), number, "{kind}: {found:#?}");
    }
}

#[test]
fn what_is_dropped_is_found_however_long_its_name_is() {
    let database = Cluster::shared().database();
    let snapshot = snapshot();
    let dropped: Vec<_> = KINDS
        .iter()
        .filter(|(_, _, drop)| !drop.is_empty())
        .collect();
    for (index, (kind, _, drop)) in dropped.iter().enumerate() {
        for number in [1, 2] {
            let tenant = format!("t{index:02}_{number}");
            provision(&database, &snapshot, &tenant)
                .unwrap_or_else(|error| panic!("{kind}: {error}"));
            database.sql(&filled(drop, &tenant, number));
        }
    }
    provision(&database, &snapshot, "whole").unwrap();
    let options = VerifyOptions {
        scope: TenantSelection::All { pattern: None },
        aspects: Vec::new(),
        versions_table: None,
        jobs: 1,
    };
    let verification = wait(verify(
        &server(&database),
        Reference::Snapshot(&snapshot),
        &options,
        &Shutdown::new(),
    ))
    .unwrap_or_else(|error| panic!("{}", chain(&error)));
    assert_eq!(verification.equal, [TenantName::new("whole").unwrap()]);
    for (index, (kind, ..)) in dropped.iter().enumerate() {
        for number in [1, 2] {
            let tenant = TenantName::new(format!("t{index:02}_{number}")).unwrap();
            let variant = verification
                .variants
                .iter()
                .find(|variant| variant.tenants.contains(&tenant))
                .unwrap_or_else(|| panic!("{kind} {number}"));
            assert_eq!(variant.class(), Class::Real, "{kind} {number}: {variant:?}");
        }
    }
}

#[test]
fn long_names_are_captured_and_proven_on_every_run() {
    let database = Cluster::shared().database();
    provision(&database, &snapshot(), "app").unwrap();
    let captured =
        || run(capture_of(&database, "app")).unwrap_or_else(|error| panic!("{}", chain(&error)));
    let first = captured();
    let count = aspects(&database, "app", database.major()).count_objects();
    assert_eq!(first.proof.unwrap().objects, count);
    assert_eq!(captured().snapshot.to_text(), first.snapshot.to_text());
}
