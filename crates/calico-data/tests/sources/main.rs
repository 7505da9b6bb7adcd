//! The readers of the three sources, on the miniature sources and on broken ones.

mod broken;
mod expected;
mod hostile;
mod layouts;
mod sound;
mod tree;
