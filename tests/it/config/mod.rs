//! Settings from every source, and the same strings, files and variables given to the real psql.

mod fake_server;
mod like_psql;
mod secrets;
mod sources;
