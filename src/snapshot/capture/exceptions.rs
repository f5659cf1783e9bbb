//! Objects that a copy lacks on purpose.

use crate::pg::catalog::ObjectAspect;
use crate::snapshot::object::Action;
use crate::snapshot::rendered::Rendered;

/// Objects that are not compared, because a copy cannot have them.
#[derive(Clone, Copy, Debug, Default)]
pub struct Exceptions<'a> {
    /// Indexes of the source that are invalid.
    pub invalid_indexes: &'a [String],
    /// Materialized views that an empty copy cannot fill.
    pub unfilled_views: &'a [String],
    /// Roles whose default privileges are left out, as `regrole` prints them.
    pub default_privileges: &'a [String],
    /// True if tables are partitions of a table in another schema, which a copy of them cannot be.
    pub partitions_of_others: bool,
}

/// Properties of tables, columns and indexes that say where they are partitions.
const OF_PARTITIONS: [&str; 3] = ["inherits", "partition of", "inherited"];

/// Returns a definition as it would be if the table was no partition.
fn as_if_detached(definition: &str) -> String {
    match serde_json::from_str::<serde_json::Map<String, serde_json::Value>>(definition) {
        Ok(mut properties) => {
            properties.retain(|name, _| !OF_PARTITIONS.contains(&name.as_str()));
            serde_json::Value::Object(properties).to_string()
        }
        // A constraint.
        Err(_) => definition
            .strip_suffix(" (inherited)")
            .unwrap_or(definition)
            .to_owned(),
    }
}

impl Exceptions<'_> {
    /// Returns whether a statement fills a view that stays unfilled.
    pub(super) fn skip(&self, statement: &Rendered) -> bool {
        statement.object.as_ref().is_some_and(|object| {
            object.action == Action::Refresh && self.unfilled_views.contains(&object.name)
        })
    }

    /// The aspect as it is compared; `None` when it is not.
    pub(crate) fn adjust(&self, mut aspect: ObjectAspect) -> Option<ObjectAspect> {
        let kind = aspect.object.kind.as_str();
        let name = aspect.object.name();
        if kind == "index" && self.invalid_indexes.contains(&name) {
            return None;
        }
        if kind == "default privileges"
            && self.default_privileges.iter().any(|role| {
                name.strip_prefix(role.as_str())
                    .is_some_and(|rest| rest.starts_with(' '))
            })
        {
            return None;
        }
        if kind == "materialized view" && self.unfilled_views.contains(&name) {
            aspect.value = aspect
                .value
                .map(|value| value.replace("\"populated\": true", "\"populated\": false"));
        }
        if self.partitions_of_others && aspect.aspect == "definition" {
            aspect.value = aspect.value.as_deref().map(as_if_detached);
        }
        Some(aspect)
    }
}
