//! The command line: arguments, commands, output, exit codes.
//!
//! A command gets its arguments and a `Session`, writes results to stdout through `Output`, and
//! returns its exit code or a `Failure`. `report` turns a failure into the message, the id and the
//! exit code that users see.

mod adopt;
mod arguments;
mod bar;
mod capture;
mod common;
mod completions;
mod decide;
mod diagnose;
mod doubts;
mod drop;
mod dynamic_completions;
mod failure;
mod first_capture;
mod groups;
mod help;
mod ignored;
mod lines;
mod log;
mod main;
mod manual;
mod migrate;
mod migrations;
mod minify;
mod move_tenant;
mod nagios;
mod names;
mod output;
mod packaging;
mod pool;
mod progress;
mod project;
mod prompt;
mod provision;
mod query;
mod refresh;
mod render;
mod report;
mod report_files;
mod report_form;
mod runs;
mod scope;
mod servers;
mod session;
mod slip;
mod snapshot_file;
mod snapshot_show;
mod status;
mod targets;
mod typed_line;
mod verify;

pub use main::main;
