//! Turns each failure into a message, a stable id and an exit code.

mod capture;
mod command;
mod library;
mod migrations;
mod shape;
mod tenants;

pub(super) use command::build_report;
pub(super) use library::signal_exit_code;
pub(super) use shape::ErrorReport;
