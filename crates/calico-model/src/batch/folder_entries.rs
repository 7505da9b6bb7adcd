//! Lists as folders: every entry is an item.

use std::ffi::OsString;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use super::batch_list::Draft;
use super::{BatchItem, Fault, ListError};

/// How the names of pictures end, in small letters.
const ENDINGS: [&str; 8] = ["png", "jpg", "jpeg", "webp", "bmp", "tif", "tiff", "gif"];

/// Reads a folder: a picture is an item for itself, a folder is one with all its pictures.
pub(super) fn read(path: &Path, draft: &mut Draft<'_>) -> Result<(), ListError> {
    let unreadable = |path: &Path| {
        let path = path.to_owned();
        |source| ListError::Read { path, source }
    };
    for name in names(path).map_err(unreadable(path))? {
        let entry = path.join(&name);
        let shown = name.to_string_lossy().into_owned();
        let pictures = if entry.is_dir() {
            let inside = names(&entry).map_err(unreadable(&entry))?;
            let of_folder = inside.into_iter().map(|inner| Path::new(&name).join(inner));
            of_folder.filter(|inner| is_picture(&path.join(inner))).collect()
        } else if is_picture(&entry) {
            vec![PathBuf::from(&name)]
        } else {
            Vec::new()
        };
        if pictures.is_empty() {
            draft.left_out.push(shown);
            continue;
        }
        let item = item(path, name, draft.next_number(), &pictures);
        draft.add(format!("{shown:?}"), item);
    }
    Ok(())
}

/// The names in a folder, in the order of their bytes, but for the hidden ones.
fn names(folder: &Path) -> io::Result<Vec<OsString>> {
    let mut names = Vec::new();
    for entry in fs::read_dir(folder)? {
        let name = entry?.file_name();
        if !name.as_encoded_bytes().starts_with(b".") {
            names.push(name);
        }
    }
    names.sort();
    Ok(names)
}

/// Whether a file is called as pictures are. What is in it shows when it is its turn.
fn is_picture(path: &Path) -> bool {
    let ending = path.extension().and_then(|ending| ending.to_str());
    let ending = ending.map(str::to_ascii_lowercase);
    ending.is_some_and(|ending| ENDINGS.contains(&ending.as_str())) && !path.is_dir()
}

fn item(
    folder: &Path,
    name: OsString,
    number: usize,
    pictures: &[PathBuf],
) -> Result<BatchItem, Fault> {
    // The same name on all systems.
    let written = |picture: &PathBuf| {
        let parts: Option<Vec<&str>> = picture.iter().map(|part| part.to_str()).collect();
        parts.map(|parts| parts.join("/"))
    };
    let images: Option<Vec<String>> = pictures.iter().map(written).collect();
    Ok(BatchItem {
        id: name.into_string().ok().ok_or(Fault::Name)?,
        line: number,
        images: images.ok_or(Fault::Name)?,
        paths: pictures.iter().map(|picture| folder.join(picture)).collect(),
        question: None,
    })
}
