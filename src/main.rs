//! The `schemastamp` command: everything is in the library's `cli` module.

use std::process::ExitCode;

fn main() -> ExitCode {
    schemastamp::cli::main()
}
