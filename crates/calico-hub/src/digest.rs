use sha1::Sha1;
use sha2::{Digest as _, Sha256};

/// What the hub knows the bytes of a file by, in lower-case hexadecimal. It is the file's etag, and
/// its name among the blobs of the cache.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Digest {
    /// Of a large file: the SHA-256 of its bytes, 64 letters.
    Sha256(String),
    /// Of a small file: what git names it by, the SHA-1 of a header and its bytes, 40 letters.
    Git(String),
}

impl Digest {
    /// Told by its length; anything else is no digest, and must not become the name of a file.
    pub(crate) fn parse(etag: &str) -> Option<Self> {
        if is_lower_hex(etag, 64) {
            Some(Self::Sha256(etag.to_owned()))
        } else {
            is_lower_hex(etag, 40).then(|| Self::Git(etag.to_owned()))
        }
    }

    pub(crate) fn as_str(&self) -> &str {
        match self {
            Self::Sha256(text) | Self::Git(text) => text,
        }
    }
}

pub(crate) fn is_lower_hex(text: &str, len: usize) -> bool {
    text.len() == len && text.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'))
}

/// Computes the digests of a file while its bytes pass by.
#[derive(Debug, Clone)]
pub(crate) struct Hasher {
    sha256: Sha256,
    git: Option<Sha1>,
}

impl Hasher {
    /// For a file of `bytes` bytes that `expected` is listed for.
    pub(crate) fn new(expected: &Digest, bytes: u64) -> Self {
        let git = matches!(expected, Digest::Git(_))
            .then(|| Sha1::new_with_prefix(format!("blob {bytes}\0")));
        Self { sha256: Sha256::new(), git }
    }

    pub(crate) fn update(&mut self, bytes: &[u8]) {
        self.sha256.update(bytes);
        if let Some(git) = &mut self.git {
            git.update(bytes);
        }
    }

    /// The SHA-256, and the digest in the form of the one that is listed.
    pub(crate) fn finish(self) -> (String, Digest) {
        let sha256 = format!("{:x}", self.sha256.finalize());
        let digest = match self.git {
            Some(git) => Digest::Git(format!("{:x}", git.finalize())),
            None => Digest::Sha256(sha256.clone()),
        };
        (sha256, digest)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn small_files_have_the_digest_of_git_and_large_ones_sha_256() {
        // What `printf 'hello\n' | git hash-object --stdin` and `… | sha256sum` print.
        let git = Digest::parse("ce013625030ba8dba906f756967f9e9ca394464a").unwrap();
        let sha256 = "5891b5b522d5df086d0ff0b110fbd9d21bb4fc7163af34d08286a2e846f6be03";
        let mut hasher = Hasher::new(&git, 6);
        hasher.update(b"hel");
        hasher.update(b"lo\n");
        assert_eq!(hasher.finish(), (sha256.to_owned(), git));
        let large = Digest::parse(sha256).unwrap();
        let mut hasher = Hasher::new(&large, 6);
        hasher.update(b"hello\n");
        assert_eq!(hasher.finish().1, large);
    }

    #[test]
    fn nothing_else_is_a_digest() {
        for etag in ["", "abc", "../../../etc", &"A".repeat(40), &"g".repeat(64), &"a".repeat(41)] {
            assert_eq!(Digest::parse(etag), None);
        }
    }
}
