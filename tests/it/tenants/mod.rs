//! Tenants on real servers: versions, migrations, comparison, and the rest of their life.

mod cli;
mod copies;
mod external;
mod faults;
mod lifecycle;
mod migrate;
mod migrators;
mod older;
mod pooler;
mod refresh;
mod strangers;
mod styles;
mod verify;
mod world;
