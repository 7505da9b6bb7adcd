//! Which objects a group of pictures shows, and what is asked about it.

mod cast;
mod group;
mod kind;
#[cfg(test)]
mod tests;

pub(crate) use group::{Ask, Group};
pub(crate) use kind::Kind;
