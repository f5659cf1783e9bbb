//! Options that several commands share to select existing tenants.

use std::path::PathBuf;

use clap::Args;

/// Options that select existing tenants, all of them too.
#[derive(Clone, Debug, Args)]
#[group(skip)]
pub(in crate::cli) struct ScopeArguments {
    #[command(flatten)]
    pub(in crate::cli) listed: ListedArguments,
    /// Select every schema, except public, that has a version table or that schemastamp created
    #[arg(long, conflicts_with_all = ["tenants", "from_file", "tenants_query"])]
    pub(in crate::cli) all: bool,
    /// Fail if there are no tenants, also with --all
    #[arg(long)]
    pub(in crate::cli) require_any: bool,
}

/// Options that select existing tenants by name or by pattern.
#[derive(Clone, Debug, Args)]
#[group(skip)]
pub(in crate::cli) struct ListedArguments {
    /// Select the schema TENANT
    #[arg(value_name = "TENANT", conflicts_with_all = ["pattern", "from_file", "tenants_query"])]
    pub(in crate::cli) tenants: Vec<String>,
    /// Select the tenants whose name matches PATTERN, as in psql's \dn: 'tenant_*'
    #[arg(long = "match", value_name = "PATTERN", conflicts_with_all = ["from_file", "tenants_query"])]
    pub(in crate::cli) pattern: Option<String>,
    /// Select the tenants that the file NAMES lists, one per line; - for stdin
    #[arg(long, value_name = "NAMES", conflicts_with = "tenants_query")]
    pub(in crate::cli) from_file: Option<PathBuf>,
    /// Select the tenants that the query SQL returns, with the columns name[, group][, target]
    #[arg(long, value_name = "SQL")]
    pub(in crate::cli) tenants_query: Option<String>,
}
