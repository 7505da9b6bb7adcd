use std::fs::{self, File, OpenOptions, TryLockError};
use std::path::Path;
use std::time::Duration;

use crate::attempts::Watch;
use crate::error::HubError;

/// How often a lock that another process holds is looked at.
const LOOK: Duration = Duration::from_millis(200);

/// A lock between processes, the same that the Python client takes: `flock` on a file that may stay.
#[derive(Debug)]
pub(crate) struct FileLock {
    // Closing the file ends the lock.
    _file: File,
}

impl FileLock {
    /// Waits until no other process holds it. `what` is what it is about, for messages.
    pub(crate) fn take(path: &Path, what: &str, watch: &mut Watch<'_>) -> Result<Self, HubError> {
        let failed = |source| HubError::io("lock", path, source);
        if let Some(parent) = path.parent() {
            fs::create_dir_all(parent).map_err(failed)?;
        }
        let mut is_told = false;
        loop {
            let file = OpenOptions::new().append(true).create(true).open(path).map_err(failed)?;
            match file.try_lock() {
                // Newer Python clients remove a lock when they are done with it: what was locked
                // then is a file that nobody else will find.
                Ok(()) if is_removed(&file) => continue,
                // Some disks of networks know no locks. Two processes then write the same bytes to
                // the same places of one file, and whoever has to begin anew gives up.
                Ok(()) | Err(TryLockError::Error(_)) => return Ok(Self { _file: file }),
                Err(TryLockError::WouldBlock) => {}
            }
            if !is_told {
                watch.observer.warns(&format!("waiting for another process, which fetches {what}"));
                is_told = true;
            }
            watch.wait(LOOK)?;
        }
    }
}

#[cfg(unix)]
fn is_removed(file: &File) -> bool {
    use std::os::unix::fs::MetadataExt as _;
    file.metadata().is_ok_and(|metadata| metadata.nlink() == 0)
}

#[cfg(not(unix))]
fn is_removed(_: &File) -> bool {
    false
}
