//! Reports on a run over many tenants as files: Markdown for a pull request, one page of HTML, and metrics for Prometheus.
//!
//! Names, versions and definitions come from databases. Each form escapes all of them.

mod escape;
mod html;
mod markdown;
mod metrics;
mod migrate;
mod model;
mod style;
#[cfg(test)]
mod tests;
mod undo;
mod verify;
mod words;

pub use html::to_html;
pub use markdown::to_markdown;
pub use metrics::to_metrics;
pub use model::{
    FleetReport, FleetVariant, OutcomeCount, OutcomeWeight, ReportCommand, ReportedTenant,
    TargetReport, TenantGroup, VersionShare,
};
