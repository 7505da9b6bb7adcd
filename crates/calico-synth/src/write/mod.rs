//! From cases to a data set on disk.

mod case;
mod content;
mod folder;
mod rows;
mod synth_record;
mod watch;

pub use folder::{RECORD_FILE, synthesize};
pub use synth_record::{SynthRecord, TableCounts};
pub use watch::SynthWatch;
