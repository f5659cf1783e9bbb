use crate::diagnose::context::Context;
use crate::diagnose::finding::Finding;

/// A cause, and the words that differ from the catalogue's.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(in crate::diagnose) struct DecidedCause {
    pub(in crate::diagnose) id: &'static str,
    pub(in crate::diagnose) what: Option<String>,
    pub(in crate::diagnose) why: Option<String>,
    pub(in crate::diagnose) fix: Option<String>,
    pub(in crate::diagnose) evidence: Vec<(&'static str, String)>,
}

impl DecidedCause {
    pub(super) fn new(id: &'static str) -> Self {
        Self {
            id,
            ..Self::default()
        }
    }

    pub(super) fn because(mut self, why: impl Into<String>) -> Self {
        self.why = Some(why.into());
        self
    }

    pub(super) fn cure(mut self, fix: impl Into<String>) -> Self {
        self.fix = Some(fix.into());
        self
    }

    /// Returns a finding with the words and the evidence of the decision.
    pub(in crate::diagnose) fn applied(&self, mut finding: Finding, context: &Context) -> Finding {
        for (part, own) in [
            (&mut finding.what, &self.what),
            (&mut finding.why, &self.why),
            (&mut finding.fix, &self.fix),
        ] {
            if let Some(own) = own {
                part.clone_from(own);
            }
        }
        for (name, value) in &self.evidence {
            finding = finding.with(name, value.clone());
        }
        for part in [&mut finding.why, &mut finding.fix] {
            *part = context.origins.expand(part);
        }
        finding
    }

    pub(super) fn with(mut self, name: &'static str, value: impl Into<String>) -> Self {
        self.evidence.push((name, value.into()));
        self
    }
}
