//! The SQL of the comparison: a hash of each schema, and the aspects of one.

use crate::pg::catalog::objects;
use crate::sql::quote_literal;

/// Number of schemas that one statement hashes. It bounds the server's memory, whatever the number
/// of tenants.
const SCHEMAS_PER_STATEMENT: usize = 100;

/// Aspects that are compared only on request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Aspect {
    /// The owners of objects.
    Owners,
    /// The privileges on objects.
    Privileges,
    /// Comments, except for the marker in the schema's own.
    Comments,
}

impl Aspect {
    fn word(self) -> &'static str {
        match self {
            Self::Owners => "owner",
            Self::Privileges => "privileges",
            Self::Comments => "comment",
        }
    }

    /// Returns `true` if an aspect of the catalogs is compared.
    pub(crate) fn is_compared(wanted: &[Self], kind: &str, aspect: &str) -> bool {
        // The schema's own comment holds the marker.
        !(kind == "schema" && aspect == "comment")
            && [Self::Owners, Self::Privileges, Self::Comments]
                .iter()
                .all(|on_request| aspect != on_request.word() || wanted.contains(on_request))
    }
}

/// Returns queries that print a line `[schema, hash]` for each schema with objects.
///
/// The schema's own name counts as the same word in each. Two schemas with the same hash are equal.
/// Two equal schemas can have different hashes if a name is also a word in a definition, so the
/// caller compares these in full.
pub(crate) fn hashes(schemas: &[&str], major: u32, wanted: &[Aspect]) -> String {
    let left_out: Vec<String> = [Aspect::Owners, Aspect::Privileges, Aspect::Comments]
        .iter()
        .filter(|aspect| !wanted.contains(aspect))
        .map(|aspect| quote_literal(aspect.word()))
        .collect();
    let filter = if left_out.is_empty() {
        String::new()
    } else {
        format!(" AND aspect NOT IN ({})", left_out.join(", "))
    };
    // Replace the name if it is quoted, also within JSON, or a word of its own. A schema's name has
    // special characters only if it is quoted.
    let normal = |column: &str| {
        format!(
            "CASE WHEN pg_catalog.strpos({column}, nspname) > 0 THEN pg_catalog.regexp_replace({column}, \
             E'(\\\\\\\\*\"' || name || E'\\\\\\\\*\"|(?<![[:alnum:]_$])' || name || '(?![[:alnum:]_$]))', '#', 'g') ELSE {column} END"
        )
    };
    let tail = format!(
        "SELECT pg_catalog.json_build_array(nspname, pg_catalog.md5(pg_catalog.string_agg(line, E'\\n' ORDER BY line COLLATE \"C\"))) \
         FROM (SELECT nspname, pg_catalog.concat_ws(E'\\t', kind, {object}, aspect, COALESCE({value}, '')) AS line \
         FROM (SELECT nspname, kind, pg_catalog.array_to_json(object)::text AS object, aspect, value, pg_catalog.regexp_replace(nspname, '([^[:alnum:]_ ])', E'\\\\\\\\\\\\1', 'g') AS name FROM aspects) AS named \
         WHERE NOT (kind = 'schema' AND aspect = 'comment'){filter}) AS lines GROUP BY nspname;",
        object = normal("object"),
        value = normal("value"),
    );
    let mut sql = String::from("BEGIN READ ONLY;\nSET LOCAL search_path = '';\n");
    for chunk in schemas.chunks(SCHEMAS_PER_STATEMENT) {
        let whole = objects(chunk, major);
        // The query's last line prints the aspects. Replace it with a hash of them.
        let head = whole
            .trim_end()
            .rsplit_once('\n')
            .map_or("", |(head, _)| head);
        sql.push_str(head);
        sql.push('\n');
        sql.push_str(&tail);
        sql.push('\n');
    }
    sql.push_str("COMMIT;\n");
    sql
}
