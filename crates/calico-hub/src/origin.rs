//! Which repository a path in the hub's cache belongs to.

use std::path::Path;

/// `org/name@commit` of a file or folder that lies in a snapshot of the hub's cache, whoever put
/// it there.
///
/// `None` where the path, taken as it is written, leads through no snapshot.
pub fn origin_of(path: &Path) -> Option<String> {
    let path = std::path::absolute(path).ok()?;
    let parts: Vec<&str> = path.iter().map(|part| part.to_str().unwrap_or_default()).collect();
    parts.windows(3).rev().find_map(|parts| match parts {
        [repository, "snapshots", commit] => {
            let name = repository.strip_prefix("models--")?.replace("--", "/");
            Some(format!("{name}@{commit}"))
        }
        _ => None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn snapshots_are_told_by_their_path() {
        let of = |path: &str| origin_of(Path::new(path));
        let name = Some("org/name@0123abcd".to_owned());
        assert_eq!(of("/x/hub/models--org--name/snapshots/0123abcd"), name);
        assert_eq!(of("hub/models--org--name/snapshots/0123abcd/a/b.json"), name);
        assert_eq!(of("/hub/models--gpt2/snapshots/1/x.bin"), Some("gpt2@1".into()));
        for other in ["/hub/models--org--name/blobs/1", "/hub/name/snapshots/1", "", "/"] {
            assert_eq!(of(other), None, "{other}");
        }
    }
}
