//! Compares the texts of a committed snapshot and a new one.

use similar::TextDiff;

use super::run::is_minified;
use crate::snapshot::{Snapshot, minify};
use crate::sql::{Script, Segment, Statement, Token, TokenKind};
use crate::text::slice;

/// Columns of version tables with times and users: they differ wherever the migrations were run.
const INCIDENTAL: &[&str] = &[
    "inserted_at",
    "run_on",
    "tstamp",
    "installed_on",
    "installed_by",
    "execution_time",
    "applied",
    "applied_on",
    "executed_at",
    "created_at",
    "updated_at",
];

/// The result of the comparison.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum SnapshotComparison {
    /// They are equal, apart from times in version tables and the header's facts on servers.
    Equal,
    /// The same schema, in the wording of an older version of schemastamp.
    Older,
    /// They differ.
    Different {
        /// A unified diff from the committed snapshot to the new one.
        diff: String,
    },
}

/// Compares a committed snapshot with a new one.
pub fn compare(
    committed: &Snapshot,
    new: &Snapshot,
    committed_name: &str,
    new_name: &str,
) -> SnapshotComparison {
    let tables = versions_tables(committed)
        .chain(versions_tables(new))
        .collect::<Vec<_>>();
    let text = |snapshot: &Snapshot, minified: bool| {
        let body = settled(snapshot.body(), &tables);
        if minified {
            minify(&body).unwrap_or(body)
        } else {
            body
        }
    };
    // Comments and whitespace do not count.
    if text(committed, true) == text(new, true) {
        return SnapshotComparison::Equal;
    }
    let minified = is_minified(committed);
    let old = text(committed, minified);
    let new = text(new, minified);
    let diff = TextDiff::from_lines(&old, &new);
    let diff = diff
        .unified_diff()
        .context_radius(3)
        .header(committed_name, new_name)
        .to_string();
    SnapshotComparison::Different { diff }
}

/// Returns the version tables that a header names.
fn versions_tables(snapshot: &Snapshot) -> impl Iterator<Item = String> + '_ {
    let names = snapshot
        .header()
        .versions
        .iter()
        .filter_map(|line| line.split_once(": "));
    names.filter_map(|(name, _)| crate::snapshot::parse_names(name).ok()?.into_iter().next())
}

/// Returns the body with `'…'` for the incidental values in rows of version tables.
fn settled(body: &str, tables: &[String]) -> String {
    let Ok(script) = Script::parse_template(body) else {
        return body.to_owned();
    };
    let mut output = String::with_capacity(body.len());
    let mut from = 0;
    for segment in &script.segments {
        let Segment::Statement(statement) = segment else {
            continue;
        };
        for token in incidental(statement, body, tables) {
            output.push_str(slice(body, from..token.start));
            output.push_str("'…'");
            from = token.end;
        }
    }
    output.push_str(slice(body, from..));
    output
}

/// Returns the incidental values of `INSERT INTO #{prefix}.TABLE (COLUMNS) VALUES (…), (…)`.
fn incidental(statement: &Statement, source: &str, tables: &[String]) -> Vec<Token> {
    let tokens: Vec<Token> = statement.significant().collect();
    let name = |token: &Token| crate::snapshot::object::identifier_value(*token, source);
    let is_insert = tokens
        .first()
        .is_some_and(|token| token.is_word(source, "insert"));
    let is_versions = tokens
        .get(4)
        .and_then(name)
        .is_some_and(|table| tables.contains(&table));
    if !is_insert || !is_versions {
        return Vec::new();
    }
    let mut depth = 0_usize;
    let mut position = 0_usize;
    let mut in_values = false;
    let mut wanted = Vec::new();
    let mut found = Vec::new();
    for token in tokens.iter().skip(5) {
        match token.text(source) {
            "(" => {
                depth += 1;
                position = 0;
            }
            ")" => depth = depth.saturating_sub(1),
            "," if depth == 1 => position += 1,
            _ if depth == 0 => in_values |= token.is_word(source, "values"),
            _ if !in_values
                && name(token).is_some_and(|column| INCIDENTAL.contains(&column.as_str())) =>
            {
                wanted.push(position);
            }
            _ if in_values
                && wanted.contains(&position)
                && matches!(token.kind, TokenKind::String(..) | TokenKind::Number) =>
            {
                found.push(*token);
            }
            _ => {}
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    fn snapshot(body: &str) -> Snapshot {
        let header =
            "-- schemastamp snapshot, format 1\n-- versions: schema_migrations: 1 row, last 1\n\n";
        Snapshot::parse(&format!("{header}CREATE SCHEMA #{{prefix}};\n{body}")).unwrap()
    }

    const ROW: &str = "INSERT INTO #{prefix}.schema_migrations (version, inserted_at) VALUES\n    ('1', '2024-01-31 12:00:00');\n";

    #[test]
    fn when_migrations_were_run_is_no_difference() {
        let later = ROW.replace("2024", "2025");
        assert_eq!(
            compare(&snapshot(ROW), &snapshot(&later), "a", "b"),
            SnapshotComparison::Equal
        );
        let SnapshotComparison::Different { diff } = compare(
            &snapshot(ROW),
            &snapshot(&later.replace("('1'", "('2'")),
            "a",
            "b",
        ) else {
            panic!("equal")
        };
        assert!(diff.starts_with("--- a\n+++ b\n@@ "), "{diff}");
        assert!(
            diff.contains("-    ('1', '…');\n+    ('2', '…');"),
            "{diff}"
        );
    }

    #[test]
    fn comments_and_blanks_are_no_difference() {
        let table = "CREATE TABLE #{prefix}.t (\n    id integer\n);\n";
        let minified = snapshot(&format!("-- people\n{table}")).minified().unwrap();
        assert_eq!(
            compare(&minified, &snapshot(table), "a", "b"),
            SnapshotComparison::Equal
        );
        assert_ne!(
            compare(&minified, &snapshot(&table.replace("id", "no")), "a", "b"),
            SnapshotComparison::Equal
        );
    }
}
