//! The tenants that a run is for.

use std::collections::HashSet;

use super::registry::{RegistryError, SelectedTenant, query_tenants};
use crate::pg::Server;
use crate::process::Shutdown;
use crate::sql::TenantName;

/// Selects tenants of one server.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub enum TenantSelection {
    /// Every schema except `public` that has a version table or schemastamp's marker.
    All {
        /// Only names that match this pattern, as in psql's `\dn`.
        pattern: Option<String>,
    },
    /// The tenants with these names.
    Named(Vec<TenantName>),
}

/// Tenants as the user selects them, on one server or several.
///
/// [`Selection::at`] returns those of one server. [`Selection::check_found`] judges how many there
/// are.
#[derive(Clone, Debug)]
pub struct Selection {
    source: SelectionSource,
    tenants: Vec<SelectedTenant>,
    /// The same tenants, for a quick search.
    index: HashSet<(TenantName, Option<String>)>,
    /// Number of duplicates that are left out.
    duplicates: usize,
}

/// The way in which tenants are selected.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum SelectionSource {
    /// Every tenant.
    All,
    /// Every tenant whose name matches a pattern of psql.
    Pattern(String),
    /// Names on the command line or in a program.
    Names,
    /// Names in a list, which messages call by this name.
    List(String),
    /// The rows of a query.
    Query,
}

/// No tenant is selected.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum NoTenants {
    /// There are no tenants at all.
    #[error("there are no tenants: no schema has a well-known version table or schemastamp's mark")]
    All,
    /// The pattern matches no tenant.
    #[error("no tenant matches '{}'", .0.escape_debug())]
    Pattern(String),
    /// No name was given.
    #[error("no tenant is named")]
    Names,
    /// The list is empty.
    #[error("{0} names no tenant")]
    List(String),
    /// The query returned no row.
    #[error("the tenants query returned no rows")]
    Query,
}

impl Selection {
    /// Selects every tenant.
    pub fn all() -> Self {
        Self::new(SelectionSource::All, Vec::new())
    }

    /// Selects the tenants whose name matches a pattern, as in psql's `\dn`.
    pub fn matching(pattern: impl Into<String>) -> Self {
        Self::new(SelectionSource::Pattern(pattern.into()), Vec::new())
    }

    /// Selects tenants by name.
    pub fn named(names: impl IntoIterator<Item = TenantName>) -> Self {
        let tenants = names.into_iter().map(SelectedTenant::new).collect();
        Self::new(SelectionSource::Names, tenants)
    }

    /// Selects the tenants of a list. Messages call it `list`, such as `'names.txt'`.
    pub fn listed(list: impl Into<String>, names: impl IntoIterator<Item = TenantName>) -> Self {
        let tenants = names.into_iter().map(SelectedTenant::new).collect();
        Self::new(SelectionSource::List(list.into()), tenants)
    }

    /// Selects the tenants that a query returned.
    pub fn queried(tenants: Vec<SelectedTenant>) -> Self {
        Self::new(SelectionSource::Query, tenants)
    }

    /// Keeps the first of equal tenants.
    fn new(source: SelectionSource, mut tenants: Vec<SelectedTenant>) -> Self {
        let given = tenants.len();
        let mut seen = HashSet::with_capacity(given);
        tenants.retain(|tenant| seen.insert((tenant.name.clone(), tenant.target.clone())));
        Self {
            source,
            duplicates: given - tenants.len(),
            tenants,
            index: seen,
        }
    }

    /// Returns the way in which the tenants are selected.
    pub fn source(&self) -> &SelectionSource {
        &self.source
    }

    /// Returns the tenants that are selected by name, without duplicates; empty for a selection of
    /// all or by pattern.
    pub fn tenants(&self) -> &[SelectedTenant] {
        &self.tenants
    }

    /// Returns `true` if a tenant of a target is selected by its name, for this target or for any.
    pub fn names(&self, tenant: &TenantName, target: Option<&str>) -> bool {
        let key = |target: Option<&str>| (tenant.clone(), target.map(str::to_owned));
        self.index.contains(&key(None)) || self.index.contains(&key(target))
    }

    /// Returns the number of duplicate names that are left out.
    pub fn duplicates(&self) -> usize {
        self.duplicates
    }

    /// Returns `true` if each tenant is selected by its name, so that it can be missing.
    pub fn is_by_name(&self) -> bool {
        !matches!(
            self.source,
            SelectionSource::All | SelectionSource::Pattern(_)
        )
    }

    /// Returns the number of selected tenants; `None` where the servers know which there are.
    pub fn count(&self) -> Option<usize> {
        self.is_by_name().then(|| self.tenants().len())
    }

    /// Returns the tenants to look for at a target: those selected for it, and those selected for
    /// any target. `None` is the only server, without a targets file.
    pub fn at(&self, target: Option<&str>) -> TenantSelection {
        match &self.source {
            SelectionSource::All => TenantSelection::All { pattern: None },
            SelectionSource::Pattern(pattern) => TenantSelection::All {
                pattern: Some(pattern.clone()),
            },
            _ => {
                let fits = |tenant: &&SelectedTenant| {
                    tenant.target.is_none()
                        || target.is_none()
                        || tenant.target.as_deref() == target
                };
                let names = self.tenants.iter().filter(fits);
                TenantSelection::Named(names.map(|tenant| tenant.name.clone()).collect())
            }
        }
    }

    /// Judges the number of tenants that were found, missing ones included. No tenant is an error,
    /// except for a selection of all, where it is `Ok` with the message to warn with, unless
    /// `require_any` is set.
    ///
    /// # Errors
    /// [`NoTenants`].
    pub fn check_found(
        &self,
        found: usize,
        require_any: bool,
    ) -> Result<Option<NoTenants>, NoTenants> {
        if found > 0 {
            return Ok(None);
        }
        match &self.source {
            SelectionSource::All if !require_any => Ok(Some(NoTenants::All)),
            SelectionSource::All => Err(NoTenants::All),
            SelectionSource::Pattern(pattern) => Err(NoTenants::Pattern(pattern.clone())),
            SelectionSource::Names => Err(NoTenants::Names),
            SelectionSource::List(list) => Err(NoTenants::List(list.clone())),
            SelectionSource::Query => Err(NoTenants::Query),
        }
    }
}

/// A selection that may still need a server to be known.
#[derive(Clone, Debug)]
pub enum SelectionRequest {
    /// It is known.
    Ready(Selection),
    /// The tenants are those that this query returns.
    Query(String),
}

impl SelectionRequest {
    /// Runs the query, if there is one, on the server that has the list of tenants.
    ///
    /// # Errors
    /// [`RegistryError`].
    pub async fn resolve(
        self,
        registry: &Server,
        shutdown: &Shutdown,
    ) -> Result<Selection, RegistryError> {
        match self {
            Self::Ready(selection) => Ok(selection),
            Self::Query(sql) => {
                let tenants = query_tenants(registry, &sql, shutdown).await?;
                Ok(Selection::queried(tenants))
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tenant(name: &str, target: Option<&str>) -> SelectedTenant {
        SelectedTenant {
            target: target.map(str::to_owned),
            ..SelectedTenant::new(TenantName::new(name).unwrap())
        }
    }

    fn names(selection: &TenantSelection) -> Vec<&str> {
        match selection {
            TenantSelection::Named(names) => names.iter().map(TenantName::as_str).collect(),
            TenantSelection::All { .. } => vec!["*"],
        }
    }

    #[test]
    fn a_target_gets_its_own_tenants_and_those_of_any_target() {
        let selection = Selection::queried(vec![
            tenant("a", Some("eu")),
            tenant("b", None),
            tenant("a", Some("us")),
            tenant("a", Some("eu")),
        ]);
        assert_eq!(selection.duplicates(), 1);
        assert_eq!(names(&selection.at(Some("eu"))), ["a", "b"]);
        assert_eq!(names(&selection.at(Some("us"))), ["b", "a"]);
        assert_eq!(names(&selection.at(Some("asia"))), ["b"]);
        assert_eq!(names(&Selection::all().at(Some("eu"))), ["*"]);
    }

    #[test]
    fn nothing_selected_is_an_error_but_for_all() {
        let empty = |selection: &Selection, require_any| match selection.check_found(0, require_any)
        {
            Ok(warning) => format!("warning: {}", warning.unwrap()),
            Err(error) => error.to_string(),
        };
        assert_eq!(
            empty(&Selection::all(), false),
            "warning: there are no tenants: no schema has a well-known version table or schemastamp's mark"
        );
        for (selection, error) in [
            (
                Selection::all(),
                "there are no tenants: no schema has a well-known version table or schemastamp's mark",
            ),
            (Selection::matching("x*"), "no tenant matches 'x*'"),
            (
                Selection::listed("'n.txt'", Vec::new()),
                "'n.txt' names no tenant",
            ),
            (
                Selection::queried(Vec::new()),
                "the tenants query returned no rows",
            ),
        ] {
            assert_eq!(empty(&selection, true), error);
            assert_eq!(selection.check_found(1, true), Ok(None), "{error}");
        }
    }
}
