//! Programs run, stopped and understood: with fake ones for what a real psql does not do on demand.

mod fake;

mod find;
mod folder;
mod pg_dump;
mod psql;
mod real;
mod run;
mod stop;
