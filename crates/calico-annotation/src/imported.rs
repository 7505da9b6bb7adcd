use crate::{Document, Findings};

/// What a file held.
#[derive(Clone, Debug, PartialEq)]
pub struct Imported {
    /// Everything that was understood.
    pub document: Document,
    /// Everything else.
    pub findings: Findings,
}
