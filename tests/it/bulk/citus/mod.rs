//! Distributed schemas of Citus.

mod limits;
mod nodes;
mod real;
mod stand_in;
