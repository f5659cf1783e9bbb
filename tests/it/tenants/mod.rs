//! Tenants on real servers: versions, migrations, comparison, and the rest of their life.

mod migrate;
mod styles;
mod verify;
mod world;
