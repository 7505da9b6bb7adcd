//! From classes to a drawn picture: who stands where, seen from where, in which colours.

mod arrange;
mod drawing;
mod viewpoint;
mod wanted;

pub(crate) use arrange::draw;
pub(crate) use drawing::{Drawing, DrawnObject, DrawnPart};
pub(crate) use viewpoint::Viewpoint;
pub(crate) use wanted::{Manner, Role, Wanted};
