//! Which objects a group of pictures shows, and what is asked about it.

mod cast;
mod group;
mod kind;

pub(crate) use group::{Ask, Group};
pub(crate) use kind::Kind;
