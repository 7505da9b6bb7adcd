use crate::FormatError;
use crate::source::Source;

/// What is wrong with an instruction or with a tensor; whoever knows the place adds it.
#[derive(Debug)]
pub(in crate::torch) enum Problem {
    Broken(String),
    Refused(String),
}

impl Problem {
    pub(super) fn broken<T>(reason: impl Into<String>) -> Result<T, Self> {
        Err(Self::Broken(reason.into()))
    }

    pub(in crate::torch) fn into_error(self, source: &Source, place: &str) -> FormatError {
        match self {
            Self::Broken(reason) => source.broken(place, reason),
            Self::Refused(reason) => source.refused(place, reason),
        }
    }
}
