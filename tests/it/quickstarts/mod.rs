//! The quickstarts of `docs/quickstart`: each page is followed from an existing app to CI, with the real tools.
//!
//! golang-migrate, goose, Flyway and Mix are in no registry that the tests use: `programs` has stand-ins, which do to the
//! database what these tools do. The other tools are the real ones, as `scripts/install/migrators` fetches them.

mod page;
mod pages;
mod reader;
