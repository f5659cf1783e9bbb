//! The arguments of `diagnose`.

use std::path::PathBuf;
use std::time::Duration;

use clap::Args;

use super::value::span;

pub(super) const DIAGNOSE_EXAMPLES: &str = "\
Examples:
  schemastamp diagnose
  schemastamp diagnose -h db.example.com --sslmode verify-full
  schemastamp diagnose --targets fleet.toml --expires-within 30d --format nagios
  schemastamp provision acme --diagnose";

/// The arguments of `diagnose`.
#[derive(Clone, Debug, Default, Args)]
pub(in crate::cli) struct DiagnoseArguments {
    /// Warn of certificates and revocation lists that expire within TIME, such as 30d or 12h [default: 14d]
    #[arg(long, value_name = "TIME", value_parser = span)]
    pub(in crate::cli) expires_within: Option<Duration>,
    /// Diagnose every target of FILE, all at once
    #[arg(long, value_name = "FILE")]
    pub(in crate::cli) targets: Option<PathBuf>,
}
