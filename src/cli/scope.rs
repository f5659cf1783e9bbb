//! Selects the tenants of a command.

use super::arguments::ScopeArguments;
use super::failure::CommandError;
use crate::fleet::TenantSelection;
use crate::sql::TenantName;
use crate::text::{listed, safe};

impl ScopeArguments {
    /// Returns the named tenants, or all.
    pub(super) fn scope(&self) -> Result<TenantSelection, CommandError> {
        if self.tenants.is_empty() {
            return Ok(TenantSelection::All {
                pattern: self.pattern.clone(),
            });
        }
        let mut names = Vec::with_capacity(self.tenants.len());
        for name in &self.tenants {
            let name = TenantName::new(name.as_str())?;
            if !names.contains(&name) {
                names.push(name);
            }
        }
        Ok(TenantSelection::Named(names))
    }

    /// Like [`ScopeArguments::scope`], for commands that must not default to all tenants.
    pub(super) fn explicit_scope(&self) -> Result<TenantSelection, CommandError> {
        if self.tenants.is_empty() && !self.all && self.pattern.is_none() {
            return Err(CommandError::Usage(
                "no tenants selected: name them, or pass --all or --match PATTERN".to_owned(),
            ));
        }
        self.scope()
    }
}

/// Joins at most 10 names for people.
pub(super) fn named(tenants: &[TenantName]) -> String {
    listed(tenants.iter().map(|name| safe(name.as_str())), 10)
}
