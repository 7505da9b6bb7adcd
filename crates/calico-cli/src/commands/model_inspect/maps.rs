//! Maps that a user names: one to read, and one to begin with.

use std::path::Path;

use calico_formats::read_small_text;
use calico_import::{NameMap, Names};
use calico_result::create_output_folder;

use crate::failure::Failure;

/// Bytes of a map: the longest built-in one has four thousand.
const MOST_BYTES: u64 = 1 << 20;

/// The map in a file, or the built-in one of this name.
pub(in crate::commands) fn read(path: &Path) -> Result<NameMap, Failure> {
    if !path.exists()
        && let Some(name) = path.to_str()
        && let Some(text) = NameMap::built_in_text(name)
    {
        return Ok(NameMap::parse(name, text)?);
    }
    let shown = path.display();
    let text = read_small_text(path, MOST_BYTES).map_err(|error| {
        let built_in = NameMap::built_in();
        let names: Vec<&str> = built_in.iter().map(NameMap::name).collect();
        Failure::bad_input(format!(
            "cannot read the name map {shown}: {error}; expected a file of TOML, or one of {}",
            names.join(", ")
        ))
    })?;
    Ok(NameMap::parse(&shown.to_string(), &text)?)
}

/// Refuses to write over something.
pub(super) fn check_new(path: &Path) -> Result<(), Failure> {
    // A link that leads nowhere is something, too.
    if path.symlink_metadata().is_err() {
        return Ok(());
    }
    let path = path.display();
    Err(Failure::bad_input(format!("{path} is there already; name a new file for --starter-map")))
}

/// Writes a map to begin with, all or nothing.
pub(super) fn write_starter(path: &Path, names: Names<'_>) -> Result<(), Failure> {
    let Some(name) = path.file_name().and_then(|name| name.to_str()) else {
        let path = path.display();
        let message = format!("found {path} as --starter-map, expected the name of a file");
        return Err(Failure::bad_input(message));
    };
    let text = names.starter(&NameMap::built_in());
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty());
    let folder = create_output_folder(folder.unwrap_or(Path::new(".")))?;
    // Reading may have taken a while.
    check_new(path)?;
    folder.write(name, text.as_bytes())?;
    Ok(())
}
