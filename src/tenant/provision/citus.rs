//! Objects that Citus 12 and later cannot put into a distributed schema (schema-based sharding).
//!
//! Each limit was tried with Citus 13.2.2, and with 13.0.5 where a version is named.

use std::collections::BTreeSet;

use serde::Deserialize;

use crate::pg::{PsqlError, Server};
use crate::process::Shutdown;
use crate::snapshot::citus::StatementTokens;
use crate::snapshot::{Action, CompiledStatement, ObjectKind, Snapshot};
use crate::sql::{TenantName, quote, quote_literal};

/// The first version of Citus with schema-based sharding.
pub const FIRST: u32 = 12;
/// The name that stands for the tenant's while a snapshot is inspected.
const STAND_IN: &str = "schemastamp_tenant";

/// Objects of a snapshot that Citus may refuse.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct CitusObstacles {
    found: Vec<CitusObstacle>,
}

/// An object, and the limit that it meets.
#[derive(Clone, Debug, PartialEq, Eq)]
struct CitusObstacle {
    /// `trigger touch on users`.
    object: String,
    limit: CitusLimit,
}

/// A limit of Citus.
#[derive(Clone, Debug, PartialEq, Eq)]
enum CitusLimit {
    /// No version and no setting takes it.
    Always(&'static str),
    /// A trigger on a table: refused unless `citus.enable_unsafe_triggers` is on.
    Trigger,
    /// Taken from this version on.
    Before(CitusVersion, &'static str),
    /// A foreign key that leaves the tenant: refused unless this is a reference table.
    Reference(String),
    /// The default of a column takes its value from a sequence: refused unless the extension's owner creates the tenant.
    Sequence,
}

/// A version of Citus: 13.2.
type CitusVersion = (u32, u32);

/// Answers of a server that decide about the limits.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
pub struct CitusAnswers {
    /// The version of the extension, as `13.2-1`.
    version: String,
    /// `true` if `citus.enable_unsafe_triggers` is on.
    unsafe_triggers: bool,
    /// Those of the tables outside of the tenant that are not reference tables.
    not_reference: Vec<String>,
    /// The role that logs in.
    login: String,
    /// The extension's owner.
    owner: String,
    /// Those of the roles that create tenants which Citus has not recorded, and which are no superusers.
    unrecorded: Vec<String>,
    /// The node's group: 0 is the coordinator.
    group: i64,
}

impl CitusAnswers {
    /// Returns `true` if the server is a worker, where no schema can be created.
    pub fn is_worker(&self) -> bool {
        self.group != 0
    }

    /// Returns the role that creates the tenants if Citus has not recorded it, as happens with roles that are older than
    /// the extension. It would then create the role on the workers with the first object, as this role itself, which
    /// only a superuser may do (tried with Citus 13.2.2).
    ///
    /// `role` is the role that creates the tenants, if it is not the one that logs in.
    pub fn unrecorded_role<'a>(&'a self, role: Option<&'a str>) -> Option<&'a str> {
        let role = role.unwrap_or(&self.login);
        self.unrecorded
            .iter()
            .any(|name| name == role)
            .then_some(role)
    }

    fn version(&self) -> CitusVersion {
        let mut numbers = self
            .version
            .split(|character: char| !character.is_ascii_digit())
            .map(|number| number.parse().unwrap_or(0));
        (
            numbers.next().unwrap_or_default(),
            numbers.next().unwrap_or_default(),
        )
    }
}

impl CitusObstacles {
    /// Collects these objects from a snapshot.
    pub fn from_snapshot(snapshot: &Snapshot) -> Self {
        let Ok(tenant) = TenantName::new(STAND_IN) else {
            return Self::default();
        };
        let mut inspection = CitusInspection::default();
        for statement in &snapshot.template().statements {
            let mut sql = String::new();
            // A snapshot that cannot be rendered fails at its first tenant, with the reason.
            if statement.render_plain(&tenant, &mut sql).is_ok() {
                inspection.inspect(statement, &StatementTokens::new(&sql));
            }
        }
        Self {
            found: inspection.found,
        }
    }

    /// Asks the server what decides about them.
    ///
    /// `role` is the role that creates the tenants, if it is not the one that logs in.
    ///
    /// # Errors
    /// See [`PsqlError`].
    pub async fn ask(
        &self,
        server: &Server,
        role: Option<&str>,
        shutdown: &Shutdown,
    ) -> Result<CitusAnswers, PsqlError> {
        server.query_json_one(&self.question(role), shutdown).await
    }

    fn question(&self, role: Option<&str>) -> String {
        let tables: BTreeSet<String> = self
            .found
            .iter()
            .filter_map(|obstacle| match &obstacle.limit {
                CitusLimit::Reference(table) => Some(quote_literal(table)),
                _ => None,
            })
            .collect();
        let tables: Vec<String> = tables.into_iter().collect();
        format!(
            "SELECT pg_catalog.json_build_object('version', e.extversion, 'unsafe_triggers', \
             COALESCE(pg_catalog.current_setting('citus.enable_unsafe_triggers', true), 'off') = 'on', \
             'not_reference', COALESCE((SELECT pg_catalog.json_agg(t.name) FROM pg_catalog.unnest(ARRAY[{}]::text[]) AS t (name) \
             WHERE NOT EXISTS (SELECT FROM pg_catalog.pg_dist_partition p \
             WHERE p.logicalrelid = pg_catalog.to_regclass(t.name) AND p.partmethod = 'n' AND p.repmodel = 't')), '[]'), \
             'login', current_user, 'owner', pg_catalog.pg_get_userbyid(e.extowner), \
             'unrecorded', COALESCE((SELECT pg_catalog.json_agg(r.rolname) FROM pg_catalog.pg_roles r \
             WHERE r.rolname IN (current_user, {}) AND NOT r.rolsuper AND NOT EXISTS (SELECT FROM pg_catalog.pg_dist_object o \
             WHERE o.classid = 'pg_catalog.pg_authid'::pg_catalog.regclass AND o.objid = r.oid)), '[]'), \
             'group', (SELECT g.groupid FROM pg_catalog.pg_dist_local_group g LIMIT 1)) \
             FROM pg_catalog.pg_extension e WHERE e.extname = 'citus';\n",
            tables.join(", "),
            role.map_or_else(|| "NULL".to_owned(), quote_literal)
        )
    }

    /// Returns the objects that the server refuses, as lines for people: `trigger t on users: …`.
    ///
    /// `role` is the role that creates the tenants, if it is not the one that logs in.
    pub fn refused(&self, answers: &CitusAnswers, role: Option<&str>) -> Vec<String> {
        let role = role.unwrap_or(&answers.login);
        let reason = |limit: &CitusLimit| {
            match limit {
            CitusLimit::Always(reason) => Some((*reason).to_owned()),
            CitusLimit::Trigger if !answers.unsafe_triggers => Some(
                "triggers are not supported on distributed tables (citus.enable_unsafe_triggers is off)".to_owned(),
            ),
            CitusLimit::Before(version, reason) if answers.version() < *version => Some(format!(
                "{reason} need Citus {}.{} or later",
                version.0, version.1
            )),
            CitusLimit::Reference(table) if answers.not_reference.contains(table) => Some(format!(
                "{table} is not a reference table; make it one: SELECT create_reference_table({})",
                quote_literal(table)
            )),
            CitusLimit::Sequence if role != answers.owner => Some(format!(
                "only the extension's owner can create a default that uses a sequence; connect as {} without --role: the \
                 snapshot's owners still apply",
                quote(&answers.owner)
            )),
            _ => None,
        }
        };
        let lines = self.found.iter().filter_map(|obstacle| {
            Some(format!("{}: {}", obstacle.object, reason(&obstacle.limit)?))
        });
        let mut seen = BTreeSet::new();
        lines.filter(|line| seen.insert(line.clone())).collect()
    }
}

/// The objects that were found so far, and what later statements refer to.
#[derive(Debug, Default)]
struct CitusInspection {
    found: Vec<CitusObstacle>,
    views: BTreeSet<Vec<String>>,
    partitioned: BTreeSet<Vec<String>>,
    ranges: BTreeSet<Vec<String>>,
}

impl CitusInspection {
    fn add(&mut self, object: String, limit: CitusLimit) {
        self.found.push(CitusObstacle { object, limit });
    }

    fn inspect(&mut self, statement: &CompiledStatement, words: &StatementTokens<'_>) {
        let object = &statement.object;
        let text = object.to_string();
        self.views.extend(words.created_view());
        if object.action == Action::Privileges {
            return self.privileges(text, words);
        }
        if object.action != Action::Create && object.action != Action::Alter {
            return;
        }
        match object.kind {
            ObjectKind::Trigger if object.action == Action::Create => self.trigger(text, words),
            ObjectKind::Statistics => {
                if is_on_an_expression(words) {
                    self.add(
                        text,
                        CitusLimit::Before((13, 2), "statistics on expressions"),
                    );
                }
            }
            ObjectKind::ForeignTable => self.add(
                text,
                CitusLimit::Always("a distributed schema cannot have foreign tables"),
            ),
            ObjectKind::Policy => {
                if words.indexes().any(|at| words.has_at(at, &["(", "select"])) {
                    let reason = "policies with subqueries are not supported on distributed tables";
                    self.add(text, CitusLimit::Always(reason));
                }
            }
            ObjectKind::Type => {
                if words.has_at(0, &["create", "type"]) {
                    let (name, behind) = words.name_at(2);
                    if words.has_at(behind, &["as", "range"]) {
                        let multirange = words.find(behind, "multirange_type_name");
                        self.ranges
                            .extend(multirange.map(|at| words.name_at(at + 2).0));
                        self.ranges.insert(name);
                    }
                }
            }
            _ => self.table(&text, words),
        }
    }

    /// Column privileges: a parenthesis in front of `ON`.
    fn privileges(&mut self, text: String, words: &StatementTokens<'_>) {
        let on = words.find(0, "on");
        let of_columns = words
            .find(0, "(")
            .zip(on)
            .is_some_and(|(open, on)| open < on);
        if of_columns {
            self.add(text, CitusLimit::Before((13, 1), "privileges on columns"));
        }
    }

    /// Triggers on views are taken.
    fn trigger(&mut self, text: String, words: &StatementTokens<'_>) {
        let table = words.find(0, "on").map(|on| words.name_at(on + 1).0);
        if !table.is_some_and(|table| self.views.contains(&table)) {
            self.add(text, CitusLimit::Trigger);
        }
    }

    fn table(&mut self, text: &str, words: &StatementTokens<'_>) {
        if let Some((name, behind)) = words.created_table() {
            self.created_table(text, words, name, behind);
        } else if let Some((name, action)) = words.altered() {
            self.altered_table(text, words, &name, action);
        } else {
            return;
        }
        for (constraint, table) in references(words) {
            let object = constraint.map_or_else(
                || format!("foreign key of {text}"),
                |constraint| format!("foreign key {constraint}"),
            );
            self.add(object, CitusLimit::Reference(table));
        }
    }

    fn created_table(
        &mut self,
        text: &str,
        words: &StatementTokens<'_>,
        name: Vec<String>,
        behind: usize,
    ) {
        if self.ranges.iter().any(|range| words.mentions(range)) {
            let reason = "columns of a range type of the schema are not supported";
            self.add(text.to_owned(), CitusLimit::Always(reason));
        }
        if words
            .find(behind, "inherits")
            .is_some_and(|at| words.has_at(at + 1, &["("]))
        {
            self.add(text.to_owned(), CitusLimit::Always(INHERITS));
        }
        let is_partition = words.has_at(behind, &["partition", "of"]);
        let by = |at: usize| words.has_at(at, &["partition", "by"]);
        let is_partitioned = words.indexes().any(by);
        if is_partitioned && is_partition {
            self.add(text.to_owned(), CitusLimit::Always(MULTI_LEVEL));
        }
        if uses_sequence(words) {
            self.add(format!("default in {text}"), CitusLimit::Sequence);
        }
        if is_partitioned {
            self.partitioned.insert(name);
        }
    }

    fn altered_table(
        &mut self,
        text: &str,
        words: &StatementTokens<'_>,
        name: &[String],
        action: usize,
    ) {
        if words.has_at(action, &["inherit"]) {
            self.add(text.to_owned(), CitusLimit::Always(INHERITS));
        }
        if words.has_at(action, &["attach", "partition"]) {
            let (partition, _) = words.name_at(action + 2);
            if self.partitioned.contains(&partition) {
                let table = partition.last().cloned().unwrap_or_default();
                self.add(format!("table {table}"), CitusLimit::Always(MULTI_LEVEL));
            }
        }
        if uses_sequence(words) {
            let table = name.last().cloned().unwrap_or_default();
            self.add(format!("default in table {table}"), CitusLimit::Sequence);
        }
    }
}

const INHERITS: &str = "tables in a distributed schema cannot inherit or be inherited";
const MULTI_LEVEL: &str = "partitions that are partitioned themselves are not supported";

/// Returns `true` for a default with `nextval`, and for the serial types, which have one.
fn uses_sequence(words: &StatementTokens<'_>) -> bool {
    let serial = |at: usize| {
        // Behind a column's name; a column may be called like the type.
        SERIAL.iter().any(|word| words.has_at(at, &[word]))
            && at
                .checked_sub(1)
                .is_some_and(|before| words.column_at(before).is_some())
    };
    words
        .indexes()
        .any(|at| words.has_at(at, &["nextval", "("]) || serial(at))
}

const SERIAL: [&str; 6] = [
    "serial",
    "bigserial",
    "smallserial",
    "serial4",
    "serial8",
    "serial2",
];

/// Returns `true` for `CREATE STATISTICS … ON (lower(a)), b FROM …`: an opening parenthesis, or a
/// call, between ON and FROM.
fn is_on_an_expression(words: &StatementTokens<'_>) -> bool {
    let (Some(on), Some(from)) = (words.find(0, "on"), words.find(0, "from")) else {
        return false;
    };
    words.find(on, "(").is_some_and(|open| open < from)
}

/// Returns the foreign keys of a statement that refer to tables outside of the tenant: the constraint, and the table.
fn references(words: &StatementTokens<'_>) -> Vec<(Option<String>, String)> {
    let mut found = Vec::new();
    let mut from = 0;
    while let Some(at) = words.find(from, "references") {
        let named = (from..at).rev().find(|named| {
            words.has_at(*named, &["constraint"])
                && (named + 2 == at || words.has_at(named + 2, &["foreign", "key"]))
        });
        let constraint = named.and_then(|named| words.column_at(named + 1));
        let (table, _) = words.name_at(at + 1);
        if table.first().is_some_and(|schema| schema != STAND_IN) {
            let quoted: Vec<String> = table.iter().map(|part| quote(part)).collect();
            found.push((constraint, quoted.join(".")));
        }
        from = at + 1;
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    const SNAPSHOT: &str = "-- schemastamp snapshot, format 1\n\nCREATE SCHEMA #{prefix};\n\
        CREATE TABLE #{prefix}.users (id int, plan int, name text);\n\
        CREATE TABLE #{prefix}.notes (id int REFERENCES public.kinds (id), b text DEFAULT 'x references y');\n\
        ALTER TABLE ONLY #{prefix}.users ADD CONSTRAINT users_plan_fkey FOREIGN KEY (plan) REFERENCES public.\"Plans\"(id);\n\
        ALTER TABLE ONLY #{prefix}.notes ADD CONSTRAINT notes_id_fkey FOREIGN KEY (id) REFERENCES #{prefix}.users(id);\n\
        CREATE STATISTICS #{prefix}.simple ON id, plan FROM #{prefix}.users;\n\
        CREATE STATISTICS #{prefix}.by_name ON (lower(name)) FROM #{prefix}.users;\n\
        CREATE VIEW #{prefix}.v AS SELECT id FROM #{prefix}.users;\n\
        CREATE TRIGGER touch BEFORE UPDATE ON #{prefix}.users FOR EACH ROW EXECUTE FUNCTION public.touch();\n\
        CREATE TRIGGER put INSTEAD OF INSERT ON #{prefix}.v FOR EACH ROW EXECUTE FUNCTION public.touch();\n\
        ALTER TABLE ONLY #{prefix}.users ALTER COLUMN id SET DEFAULT nextval('#{prefix}.users_id_seq'::regclass);\n\
        GRANT SELECT(name),UPDATE(name) ON TABLE #{prefix}.users TO app;\n";

    /// The answer of a coordinator with Citus 13.2.2 on `PostgreSQL` 15.20, where `public.kinds` is a reference table.
    const CITUS_13_2: &str = r#"{"version" : "13.2-1", "unsafe_triggers" : false, "not_reference" : ["public.\"Plans\""], "login" : "app", "owner" : "postgres", "unrecorded" : ["late"], "group" : 0}"#;

    fn answers() -> CitusAnswers {
        serde_json::from_str(CITUS_13_2).unwrap()
    }

    fn obstacles(snapshot: &str) -> CitusObstacles {
        CitusObstacles::from_snapshot(&Snapshot::parse(snapshot).unwrap())
    }

    #[test]
    fn obstacles_are_found_by_object() {
        let obstacles = obstacles(SNAPSHOT);
        insta::assert_snapshot!(obstacles.refused(&answers(), None).join("\n"), @r#"
        foreign key users_plan_fkey: public."Plans" is not a reference table; make it one: SELECT create_reference_table('public."Plans"')
        trigger touch on users: triggers are not supported on distributed tables (citus.enable_unsafe_triggers is off)
        default in table users: only the extension's owner can create a default that uses a sequence; connect as postgres without --role: the snapshot's owners still apply
        "#);
        let owner = obstacles.refused(&answers(), Some("postgres"));
        assert_eq!(owner.len(), 2, "{owner:?}");
        let permissive = CitusAnswers {
            unsafe_triggers: true,
            not_reference: Vec::new(),
            ..answers()
        };
        assert_eq!(
            obstacles.refused(&permissive, Some("postgres")),
            Vec::<String>::new()
        );
    }

    #[test]
    fn older_versions_refuse_more() {
        let obstacles = obstacles(SNAPSHOT);
        let count = |version: &str| {
            let answers = CitusAnswers {
                version: version.to_owned(),
                ..answers()
            };
            obstacles.refused(&answers, Some("postgres")).len()
        };
        assert_eq!(
            [count("12.1-1"), count("13.1-1"), count("13.2-1")],
            [4, 3, 2]
        );
        assert_eq!(count("14.0-1"), 2);
    }

    #[test]
    fn worker_is_recognised_by_its_group() {
        assert!(!answers().is_worker());
        assert!(
            CitusAnswers {
                group: 2,
                ..answers()
            }
            .is_worker()
        );
    }

    #[test]
    fn role_that_citus_does_not_know_is_named() {
        let answers = answers();
        assert_eq!(answers.unrecorded_role(None), None);
        assert_eq!(answers.unrecorded_role(Some("late")), Some("late"));
        let login = CitusAnswers {
            login: "late".to_owned(),
            ..answers.clone()
        };
        assert_eq!(login.unrecorded_role(None), Some("late"));
        assert_eq!(login.unrecorded_role(Some("app")), None);
    }

    #[test]
    fn words_in_other_places_are_no_obstacles() {
        let taken = obstacles(
            "-- schemastamp snapshot, format 1\n\nCREATE SCHEMA #{prefix};\n\
             CREATE TABLE #{prefix}.t (serial text, inherits text, nextval int, \"references\" int);\n\
             CREATE POLICY p ON #{prefix}.t FOR SELECT USING ((nextval > 1));\n\
             CREATE TYPE #{prefix}.span AS RANGE (SUBTYPE = integer);\n\
             COMMENT ON TABLE #{prefix}.t IS 'INHERITS (x) REFERENCES public.x nextval(1)';\n",
        );
        assert_eq!(taken, CitusObstacles::default());
    }
}
