use crate::FormatError;
use crate::contents::Contents;
use crate::source::Source;

pub(crate) fn begins(_head: &[u8]) -> bool {
    false
}

pub(crate) fn read(_source: &Source) -> Result<Contents, FormatError> {
    Ok(Contents::default())
}
