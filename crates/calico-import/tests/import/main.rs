//! The face of the crate: published models, and names that no honest file has.

mod families;
mod fixture;
mod hostile;
