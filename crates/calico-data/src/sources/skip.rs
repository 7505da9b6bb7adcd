use crate::Code;

/// Why an image is left out.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Skip {
    pub(super) code: Code,
    pub(super) detail: String,
}

impl Skip {
    pub(super) fn new(code: Code, detail: impl Into<String>) -> Self {
        Self { code, detail: detail.into() }
    }
}
