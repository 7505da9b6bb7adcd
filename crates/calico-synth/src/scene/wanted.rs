use super::Viewpoint;
use crate::Figure;
use crate::classes::Class;
use crate::render::Look;

/// An object that a picture is to show.
#[derive(Debug, Clone)]
pub(crate) struct Wanted {
    pub(crate) class: &'static Class,
    pub(crate) figure: Figure,
    /// Its size: half of its square's side, as shares of the picture's shorter side.
    pub(crate) reach: [f32; 2],
    /// What must be plainly visible.
    pub(crate) role: Role,
}

/// What questions ask of an object.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Role {
    /// To tell its parts.
    Parts,
    /// To tell what it is.
    Whole,
    /// Nothing: it is there to be mistaken for another.
    Distractor,
}

/// What all pictures of a group have in common.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Manner {
    /// The longer side in pixels.
    pub(crate) size: u32,
    pub(crate) look: Look,
    pub(crate) viewpoint: Viewpoint,
}
