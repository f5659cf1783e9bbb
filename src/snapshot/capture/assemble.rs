//! The body of a snapshot, out of a dump's statements and rows.

use super::assembled::{Assembled, SnapshotParts, Undecided};
use super::body_writer::{BodyWriter, with_own_delimiter, without_mark};
use super::dump::Dump;
use super::statement_renamer::StatementRenamer;
use crate::snapshot::decision::Decisions;
use crate::snapshot::object::{Action, ObjectKind};
use crate::sql::as_reloaded;

/// Builds the body: every mention of the schema becomes `#{prefix}`.
///
/// # Errors
/// Everything that is not decided, all at once.
pub fn assemble(
    dump: &Dump,
    schema: &str,
    decisions: &Decisions,
    parts: &SnapshotParts<'_>,
) -> Result<Assembled, Undecided> {
    let mut renamer = StatementRenamer::new(dump, schema, decisions, parts);
    let mut writer = BodyWriter::new();
    for statement in &dump.statements {
        let object = &statement.object;
        if object.kind == ObjectKind::Schema && object.action == Action::Create {
            continue;
        }
        // The other statements are renamed even if this one is undecided: the user decides everything at once.
        let Some(text) = renamer.rename(statement) else {
            continue;
        };
        let Some(text) = without_mark(object, text) else {
            continue;
        };
        let text = as_reloaded(&with_own_delimiter(object, text));
        writer.rows_before(object, dump, parts, schema);
        writer.statement(object, &text);
    }
    writer.rows(dump, parts, schema);
    writer.refresh(parts);
    renamer.finish(writer.into_body())
}
