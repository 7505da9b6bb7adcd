use calico_image::{Frame, Mask};

use super::Role;
use crate::classes::Class;

/// A picture with what it shows.
#[derive(Debug, Clone)]
pub(crate) struct Drawing {
    pub(crate) frame: Frame,
    /// Those of which anything is to be seen, as they were wanted.
    pub(crate) objects: Vec<DrawnObject>,
}

/// An object as it is seen.
#[derive(Debug, Clone)]
pub(crate) struct DrawnObject {
    pub(crate) class: &'static Class,
    pub(crate) role: Role,
    pub(crate) mask: Mask,
    /// The parts of which anything is to be seen.
    pub(crate) parts: Vec<DrawnPart>,
}

/// A part as it is seen.
#[derive(Debug, Clone)]
pub(crate) struct DrawnPart {
    pub(crate) label: &'static str,
    pub(crate) mask: Mask,
    pub(crate) area: u64,
}
