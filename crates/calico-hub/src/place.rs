use std::path::Path;

/// Bytes that are free for this user on the disk of a folder that may not be there yet; nothing
/// where that cannot be known.
#[cfg(unix)]
pub(crate) fn free_bytes(folder: &Path) -> Option<u64> {
    let there = folder.ancestors().find(|path| !path.as_os_str().is_empty() && path.exists());
    let disk = rustix::fs::statvfs(there.unwrap_or(Path::new("."))).ok()?;
    // Some file systems of networks do not count.
    (disk.f_blocks > 0).then(|| disk.f_bavail.saturating_mul(disk.f_frsize))
}

/// Nothing: it cannot be known here.
#[cfg(not(unix))]
pub(crate) fn free_bytes(_: &Path) -> Option<u64> {
    None
}
