//! Turns each failure into a message, a stable id and an exit code.

mod capture;
mod command;
mod event_trigger;
mod library;
mod migrations;
mod shape;
mod tenants;

pub(super) use command::build_report;
pub(super) use event_trigger::may_be_of_event_trigger;
pub(super) use library::signal_exit_code;
pub(super) use shape::ErrorReport;
