//! Calico as a service: an HTTP API and a web page.
//!
//! ```text
//! connection ─► gate ─► receive ─► decode ─► queue ─► worker: Engine
//!   limits       id,     bytes,    pictures  bounded     │ events
//!   of time      token   seconds   in memory             ▼
//!                                           response: whole, or event by event
//! ```
//!
//! [`Server`] is the face: it listens, answers with an [`Engine`], and drains when it is
//! [stopped](Stopper). What a request may take is checked before anything is done for it, step by
//! step: room in the queue, its bytes, its words, its pictures' pixels, the memory of all of it.
//! Whoever goes away is forgotten, and the work for him ends before the next encoder, layer, token
//! or mask.
//!
//! The API is described by `/openapi.json`, which is made from the handlers.

mod admission;
mod api;
mod engine;
mod event;
mod incoming;
mod metrics;
mod problem;
mod queue;
mod remote;
mod server;
mod settings;

pub use engine::Engine;
pub use server::{ServeError, Server, Stopper};
pub use settings::{Access, Limits, Secret, SettingError, Settings};
