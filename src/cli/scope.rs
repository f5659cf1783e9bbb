//! Selects the tenants of a command.

use std::path::Path;

use super::arguments::{ListedArguments, ScopeArguments};
use super::failure::CommandError;
use super::lines::ErrorObject;
use super::output::Output;
use super::session::{STDIN, Session};
use crate::exit;
use crate::fleet::{NameLines, Selection, SelectionRequest};
use crate::sql::TenantName;
use crate::text::{listed, plural, safe};

impl ScopeArguments {
    /// Returns the selected tenants, or all.
    pub(super) async fn request(
        &self,
        session: &Session,
    ) -> Result<SelectionRequest, CommandError> {
        let listed = self.listed.request(session).await?;
        Ok(listed.unwrap_or_else(|| SelectionRequest::Ready(Selection::all())))
    }

    /// Like [`ScopeArguments::request`], for commands that must not default to all tenants.
    pub(super) async fn explicit_request(
        &self,
        session: &Session,
    ) -> Result<SelectionRequest, CommandError> {
        match self.listed.request(session).await? {
            Some(request) => Ok(request),
            None if self.all => Ok(SelectionRequest::Ready(Selection::all())),
            None => Err(CommandError::Usage(
                "no tenants selected: name them, or pass --all, --match PATTERN, --from-file FILE or --tenants-query SQL"
                    .to_owned(),
            )),
        }
    }

    /// Judges the number of tenants that were found, missing ones included, and warns if a
    /// selection of all found none.
    pub(super) fn check_found(
        &self,
        selection: &Selection,
        found: usize,
        output: Output,
    ) -> Result<(), CommandError> {
        if let Some(none) = selection.check_found(found, self.require_any)? {
            output.warning(&none.to_string());
        }
        Ok(())
    }
}

impl ListedArguments {
    /// Returns the selected tenants; `None` without any of these arguments.
    pub(super) async fn request(
        &self,
        session: &Session,
    ) -> Result<Option<SelectionRequest>, CommandError> {
        let selection = if !self.tenants.is_empty() {
            let names = self
                .tenants
                .iter()
                .map(|name| TenantName::new(name.as_str()));
            Selection::named(names.collect::<Result<Vec<_>, _>>()?)
        } else if let Some(path) = &self.from_file {
            read_list(session, path).await?
        } else if let Some(pattern) = &self.pattern {
            Selection::matching(pattern)
        } else if let Some(sql) = &self.tenants_query {
            return Ok(Some(SelectionRequest::Query(sql.clone())));
        } else {
            return Ok(None);
        };
        Ok(Some(SelectionRequest::Ready(selection)))
    }
}

/// Reads a file with one name per line, or stdin. One line that is not a name refuses the list.
async fn read_list(session: &Session, path: &Path) -> Result<Selection, CommandError> {
    let bytes = session.read_input_or_stdin(path).await?;
    let is_stdin = path == Path::new(STDIN);
    let mut lines = if is_stdin {
        NameLines::default()
    } else {
        NameLines::for_file()
    };
    let mut names = lines.push(&bytes);
    names.extend(lines.finish());
    let shown = if is_stdin {
        Path::new("standard input")
    } else {
        path
    };
    let names: Result<Vec<TenantName>, _> = names.into_iter().collect();
    let names = names.map_err(|source| CommandError::Line {
        path: shown.to_owned(),
        source,
    })?;
    let list = if is_stdin {
        shown.display().to_string()
    } else {
        format!("'{}'", path.display())
    };
    Ok(Selection::listed(list, names))
}

/// Notes the duplicates that a list or a query has.
pub(super) fn say_duplicates(output: Output, selection: &Selection) {
    if selection.duplicates() > 0
        && !matches!(selection.source(), crate::fleet::SelectionSource::Names)
    {
        let text = plural(selection.duplicates(), "duplicate name");
        output.note(&format!("{text} ignored"));
    }
}

/// The error about a tenant that was named and does not exist.
pub(super) fn missing_tenant(tenant: &TenantName) -> ErrorObject {
    let message = format!("there is no tenant '{}'", safe(tenant.as_str()));
    ErrorObject::new(MISSING, message)
}

const MISSING: &str = "tenant.missing";

/// Returns the exit code of a run of which `missing` of `all` tenants do not exist: that of the
/// error for a tenant that was named alone. `None` if all exist.
pub(super) fn missing_code(missing: usize, all: usize) -> Option<u8> {
    match (missing, all) {
        (0, _) => None,
        (_, 1) => Some(exit::code_of(MISSING)),
        _ => Some(exit::PARTIAL),
    }
}

/// Joins at most 10 names for people.
pub(super) fn named(tenants: &[TenantName]) -> String {
    listed(tenants.iter().map(|name| safe(name.as_str())), 10)
}
