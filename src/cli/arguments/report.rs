//! Options for the files that a command writes about its run.

use std::path::PathBuf;

use clap::Args;

use crate::cli::report_form::parse_report_file;

/// Files that a command writes about its run.
#[derive(Clone, Debug, Args)]
#[group(skip)]
pub(in crate::cli) struct ReportArguments {
    /// Write a report into FILE, whose name ends in .md or .html (repeatable)
    #[arg(long, value_name = "FILE", value_parser = parse_report_file)]
    pub(in crate::cli) report: Vec<PathBuf>,
    /// Write metrics for Prometheus into FILE, for node_exporter's textfile collector
    #[arg(long, value_name = "FILE")]
    pub(in crate::cli) metrics: Option<PathBuf>,
}
