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

    pub(super) fn with(mut self, name: &'static str, value: impl Into<String>) -> Self {
        self.evidence.push((name, value.into()));
        self
    }
}
