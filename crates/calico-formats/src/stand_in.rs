//! What a download leaves in place of the file that was asked for.

use crate::contents::shown;

/// Bytes that tell.
const HEAD: usize = 64;
/// Bytes that are shown.
const SHOWN: usize = 16;

/// What lies in place of a model, and what to do, if the beginning tells.
pub(crate) fn of(head: &[u8]) -> Option<(String, &'static str)> {
    if head.starts_with(b"version https://git-lfs") {
        let expected = "the file that it stands for: fetch it with `git lfs pull`";
        return Some(("is a pointer of Git LFS".to_owned(), expected));
    }
    let head = head.get(..HEAD).unwrap_or(head);
    let page = head.trim_ascii_start().to_ascii_lowercase();
    if page.starts_with(b"<!doctype html") || page.starts_with(b"<html") {
        let expected = "the file that it is about: download it again, by its direct link; some \
                        have to be asked for, so log in first";
        return Some(("is a page of the web".to_owned(), expected));
    }
    None
}

/// The first bytes of a file, as text if they are.
pub(crate) fn beginning(head: &[u8]) -> String {
    if head.is_empty() {
        return "is empty".to_owned();
    }
    let is_text = |byte: &u8| byte.is_ascii_graphic() || byte.is_ascii_whitespace();
    let start = head.get(..SHOWN).unwrap_or(head);
    match std::str::from_utf8(start) {
        Ok(text) if start.iter().all(is_text) => format!("begins with `{}`", shown(text)),
        _ => {
            let bytes: Vec<String> = start.iter().map(|byte| format!("{byte:02x}")).collect();
            format!("begins with the bytes {}", bytes.join(" "))
        }
    }
}
