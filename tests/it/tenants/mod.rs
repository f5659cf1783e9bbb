//! Tenants on real servers: versions, migrations, comparison, and the rest of their life.

mod adopt;
mod cli;
mod copies;
mod drift;
mod event_triggers;
mod external;
mod faults;
mod guarded;
mod leaks;
mod lifecycle;
mod lost;
mod migrate;
mod migrators;
mod newer;
mod older;
mod outside;
mod plain_owner;
mod pooler;
mod query;
mod refresh;
mod strangers;
mod styles;
mod undo;
mod verify;
mod world;
