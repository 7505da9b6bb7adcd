//! Models of others, downloaded from the hub into the hub's own cache.
//!
//! ```text
//! Source, Choice ─► Hub::pull ─┬─ listing: names, sizes, digests of one commit
//!                              ├─ choice: weights in one format, configuration, tokenizer, card
//!                              └─ download: resume, bounds, digest ─► blobs ─► snapshot ─► Pulled
//! ```
//!
//! Nothing that the server says is trusted. Names cannot leave the snapshot, no more bytes are
//! written than were listed, and a file gets its name only when its digest is the listed one. The
//! token goes to the hub and to no other host. Who is silent, or sends a byte now and then, or begins
//! anew again and again, is given up, and what has arrived is kept.
//!
//! # Why not the hub's own crate
//!
//! `hf-hub` 1.0 verifies no digest, resumes nothing over HTTP and does not heed `HF_HUB_OFFLINE`, and
//! brings tokio, reqwest, aws-lc and 230 crates; `ureq`, on which this stands, brings 30 and needs a
//! C compiler. `hf-hub` 0.5 resumes, but knows neither digests nor that variable nor the same locks.
//!
//! # The cache
//!
//! It is that of the Python client, and both may use one folder at the same time:
//!
//! ```text
//! <cache>/.locks/models--org--name/<etag>.lock        held while a blob is written (flock)
//! <cache>/models--org--name/
//!     blobs/<etag>                                    a file: SHA-256 of large ones, git's SHA-1
//!     blobs/<etag>.incomplete                         what has arrived of it
//!     refs/<revision>                                 the commit of a branch or tag, no line break
//!     snapshots/<commit>/<path> ─► ../../blobs/<etag> a relative link; or a second name, or a copy
//!     trees/<commit>.json                             all files of a commit, with their digests
//! ```
//!
//! The library reads no environment: [`Settings::from_environment`] asks whoever calls it.

mod attempts;
mod cache;
mod card;
mod choice;
mod client;
mod digest;
mod download;
mod error;
mod fault;
mod file_lock;
mod file_name;
mod glob;
mod hub;
mod listing;
mod observer;
mod offline;
mod origin;
mod pace;
mod place;
mod pulled;
mod session;
mod settings;
mod source;
mod tree_file;
mod web_address;
mod weights;

pub use calico_formats::Licence;
pub use choice::Choice;
pub use error::{HubError, MissingFile};
pub use hub::Hub;
pub use observer::PullObserver;
pub use origin::origin_of;
pub use pulled::{Pulled, PulledFile};
pub use settings::{Proxy, Retry, Secret, Settings};
pub use source::Source;
