//! Digests as text: of what a run was begun with.

use std::fmt::Write as _;
use std::fs::File;
use std::io::{Read as _, Seek as _, SeekFrom};
use std::path::Path;

use sha2::{Digest as _, Sha256};

/// Bytes that are looked at, at each of many places of a file.
const GLANCE: usize = 1 << 16;
/// Places at which a file is looked at.
const GLANCES: u64 = 64;

/// Bytes in hexadecimal digits.
pub fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::new(), |mut text, byte| {
        let _ = write!(text, "{byte:02x}");
        text
    })
}

/// Takes the length of a file and a part of its bytes into a hash: enough to tell files apart
/// without reading twenty gigabytes. A file of up to 4 MiB is looked at as a whole.
pub fn glance(path: &Path, hash: &mut Sha256) -> std::io::Result<()> {
    let mut file = File::open(path)?;
    let length = file.metadata()?.len();
    hash.update(length.to_le_bytes());
    let mut bytes = Vec::with_capacity(GLANCE);
    for place in 0..GLANCES {
        file.seek(SeekFrom::Start(
            (u128::from(length) * u128::from(place) / u128::from(GLANCES)) as u64,
        ))?;
        bytes.clear();
        (&mut file).take(GLANCE as u64).read_to_end(&mut bytes)?;
        hash.update(&bytes);
    }
    Ok(())
}
