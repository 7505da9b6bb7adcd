use std::fmt;
use std::io::{self, ErrorKind};
use std::path::{Path, PathBuf};

/// Why something could not be pulled.
#[derive(Debug, thiserror::Error)]
pub enum HubError {
    /// A setting cannot be used.
    #[error("found {name} = {found:?}, expected {expected}")]
    Setting {
        /// Name of the environment variable.
        name: &'static str,
        /// Its value; never a token.
        found: String,
        /// What could be used.
        expected: String,
    },
    /// The name of a repository cannot be one.
    #[error("found {found:?} as a repository, expected ORG/NAME: {reason}")]
    Repository {
        /// What was given.
        found: String,
        /// What is wrong with it.
        reason: &'static str,
    },
    /// The name of a revision cannot be one.
    #[error("found {found:?} as a revision, expected a branch, a tag or a commit: {reason}")]
    Revision {
        /// What was given.
        found: String,
        /// What is wrong with it.
        reason: &'static str,
    },
    /// The hub has no such repository, or does not show it.
    #[error("{endpoint} shows no model `{repository}`{}", hidden(*.has_token))]
    NoRepository {
        /// The repository.
        repository: String,
        /// Address of the hub.
        endpoint: String,
        /// Whether a token was sent.
        has_token: bool,
    },
    /// The repository is there, but its files are only for those who have been let in.
    #[error(
        "{endpoint} does not hand out `{repository}`{}: {}",
        quoted(.message), let_in(.endpoint, .repository, *.has_token)
    )]
    Gated {
        /// The repository.
        repository: String,
        /// Address of the hub.
        endpoint: String,
        /// What the hub says about it; may be empty.
        message: String,
        /// Whether a token was sent.
        has_token: bool,
    },
    /// The repository has no such branch, tag or commit.
    #[error(
        "`{repository}` has no revision `{revision}`: {endpoint}/{repository}/tree/main lists its \
         branches and tags"
    )]
    NoRevision {
        /// The repository.
        repository: String,
        /// The revision.
        revision: String,
        /// Address of the hub.
        endpoint: String,
    },
    /// The server has no file that it has listed.
    #[error("{host} lists `{name}` and does not have it (404): try again, or another mirror")]
    NoFile {
        /// Who was asked.
        host: String,
        /// The file.
        name: String,
    },
    /// The server answered with something else than what was asked for.
    #[error("{host} answered {status} to the request for {what}{}", quoted(.message))]
    Status {
        /// Who was asked.
        host: String,
        /// Status of the answer.
        status: u16,
        /// What was asked for.
        what: String,
        /// What the server says about it; may be empty.
        message: String,
    },
    /// Nobody answers at the address.
    #[error("cannot reach {host}: {reason}{advice}")]
    Unreachable {
        /// Who was asked.
        host: String,
        /// Why it failed.
        reason: String,
        /// What to do; begins with its own punctuation.
        advice: String,
    },
    /// A connection ended before the answer did, again and again.
    #[error(
        "{host} was cut off while it sent {what}: {reason}; what has arrived is kept, and the \
         same pull goes on from there"
    )]
    Cut {
        /// Who was asked.
        host: String,
        /// What was asked for.
        what: String,
        /// Why the last attempt failed.
        reason: String,
    },
    /// The server leads elsewhere, in a way that is not followed.
    #[error("{host} redirects the request for {what} {reason}")]
    Redirect {
        /// Who was asked.
        host: String,
        /// What was asked for.
        what: String,
        /// Where to, and why this is not followed.
        reason: String,
    },
    /// What arrived is not what the hub has listed.
    #[error(
        "`{name}` has the digest {found}, and the hub lists {expected}: the file was removed; pull \
         again, and if this comes back, do not trust {host}"
    )]
    Digest {
        /// The file.
        name: String,
        /// Who sent it.
        host: String,
        /// The digest that is listed.
        expected: String,
        /// The digest of what arrived.
        found: String,
    },
    /// The server sends more or fewer bytes than the hub has listed.
    #[error(
        "{host} sends {found} bytes of `{name}`, and the hub lists {expected}: try another mirror"
    )]
    Size {
        /// The file.
        name: String,
        /// Who sent it.
        host: String,
        /// How many bytes are listed.
        expected: u64,
        /// What was announced or arrived.
        found: String,
    },
    /// An answer of the hub that cannot be understood.
    #[error(
        "{host} answers the request for {what} with {reason}: is it a hub, or a mirror of one?"
    )]
    Answer {
        /// Who was asked.
        host: String,
        /// What was asked for.
        what: String,
        /// What was found and what was expected.
        reason: String,
    },
    /// The server names a file that would be written somewhere else, or twice.
    #[error(
        "the hub lists a file named {name:?}, which {reason}: nothing of this repository is used"
    )]
    UnsafeName {
        /// The name.
        name: String,
        /// What is wrong with it.
        reason: &'static str,
    },
    /// Files are missing, in the repository or, offline, in the cache. All of them are listed.
    #[error("{} of `{repository}` {} missing in {place}:{}", count(.files), is(.files), lines(.files))]
    Missing {
        /// The repository.
        repository: String,
        /// Where they were looked for, and what to do.
        place: String,
        /// Every one of them.
        files: Vec<MissingFile>,
    },
    /// Offline, and the cache has nothing of this revision.
    #[error(
        "`{repository}` at `{revision}` is not in {cache}, and this is offline mode: pull it once \
         with a connection, without `--offline` or HF_HUB_OFFLINE"
    )]
    NotCached {
        /// The repository.
        repository: String,
        /// The revision.
        revision: String,
        /// Folder of the cache.
        cache: PathBuf,
    },
    /// A pattern matches no file.
    #[error("no file of `{repository}` matches {patterns}; it has {}", some(.files))]
    NoMatch {
        /// The repository.
        repository: String,
        /// The patterns without a match.
        patterns: String,
        /// What there is.
        files: Vec<String>,
    },
    /// Nothing tells which files are the weights.
    #[error("{reason} in `{repository}`: choose with patterns (--include); it has {}", some(.files))]
    NoWeights {
        /// The repository.
        repository: String,
        /// "no weights (…)", "several GGUF models".
        reason: &'static str,
        /// What there is.
        files: Vec<String>,
    },
    /// The list of a model's shards cannot be read.
    #[error("{name} is no index of weights: {reason}")]
    Index {
        /// The index.
        name: String,
        /// What was found and what was expected.
        reason: String,
    },
    /// The disk has no room.
    #[error("{}", full(.path, *.needed, *.free))]
    DiskFull {
        /// The folder.
        path: PathBuf,
        /// Bytes that are still to come, where they were counted before the start.
        needed: Option<u64>,
        /// Bytes that are free, where that is known.
        free: Option<u64>,
    },
    /// A file of the cache cannot be read or written.
    #[error("cannot {action} {path}{}", elsewhere(.source))]
    Io {
        /// "read", "write", "lock", …
        action: &'static str,
        /// The file.
        path: PathBuf,
        /// Why it failed.
        #[source]
        source: io::Error,
    },
    /// Somebody asked to stop.
    #[error("stopped; what has arrived is kept, and the same command goes on from there")]
    Stopped,
}

/// A file that is needed and not there.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MissingFile {
    /// Its path in the repository.
    pub name: String,
    /// Who needs it, or what is wrong with it.
    pub reason: String,
}

impl HubError {
    /// Whether the user can correct it: a name, a choice, a setting, a permission.
    pub fn is_bad_input(&self) -> bool {
        match self {
            Self::Setting { .. }
            | Self::Repository { .. }
            | Self::Revision { .. }
            | Self::NoRepository { .. }
            | Self::Gated { .. }
            | Self::NoRevision { .. }
            | Self::Missing { .. }
            | Self::NotCached { .. }
            | Self::NoMatch { .. }
            | Self::NoWeights { .. }
            // The room on the disk, and who may write there, is the user's.
            | Self::DiskFull { .. }
            | Self::Io { .. } => true,
            Self::NoFile { .. }
            | Self::Status { .. }
            | Self::Unreachable { .. }
            | Self::Cut { .. }
            | Self::Redirect { .. }
            | Self::Digest { .. }
            | Self::Size { .. }
            | Self::Answer { .. }
            | Self::UnsafeName { .. }
            | Self::Index { .. }
            | Self::Stopped => false,
        }
    }

    /// What failed on the disk; a full disk is an error of its own.
    pub(crate) fn io(action: &'static str, path: &Path, source: io::Error) -> Self {
        match source.kind() {
            ErrorKind::StorageFull | ErrorKind::QuotaExceeded | ErrorKind::FileTooLarge => {
                Self::DiskFull { path: path.to_owned(), needed: None, free: None }
            }
            _ => Self::Io { action, path: path.to_owned(), source },
        }
    }
}

/// What to do where somebody else owns the cache.
fn elsewhere(source: &io::Error) -> &'static str {
    match source.kind() {
        ErrorKind::PermissionDenied | ErrorKind::ReadOnlyFilesystem => {
            " (HF_HUB_CACHE names another folder)"
        }
        _ => "",
    }
}

/// Letters of a text of somebody else that a message shows.
const MOST_SHOWN: usize = 300;

/// The beginning of a text that somebody else wrote, and that may be of any length.
pub(crate) fn short(text: &str) -> String {
    text.chars().take(MOST_SHOWN).collect()
}

/// At most this many files are named where they are only a help.
const SOME: usize = 20;

fn some(files: &[String]) -> String {
    let more = files.len().saturating_sub(SOME);
    let named = files[..files.len() - more].join(", ");
    match (files.len(), more) {
        (0, _) => "no file".into(),
        (_, 0) => named,
        _ => format!("{named} and {more} more"),
    }
}

fn count(files: &[MissingFile]) -> String {
    format!("{} file{}", files.len(), if files.len() == 1 { "" } else { "s" })
}

fn is(files: &[MissingFile]) -> &'static str {
    if files.len() == 1 { "is" } else { "are" }
}

fn lines(files: &[MissingFile]) -> String {
    files.iter().fold(String::new(), |mut lines, file| {
        let _ = fmt::Write::write_fmt(
            &mut lines,
            format_args!("\n  {} ({})", file.name.escape_debug(), file.reason),
        );
        lines
    })
}

fn quoted(message: &str) -> String {
    if message.is_empty() { String::new() } else { format!(" ({message})") }
}

fn hidden(has_token: bool) -> &'static str {
    if has_token {
        ": check the name, that the account of your token may see it, and that your token is still \
         valid"
    } else {
        ": check the name; a private or gated model needs HF_TOKEN, the token of an account that \
         may see it"
    }
}

fn let_in(endpoint: &str, repository: &str, has_token: bool) -> String {
    let accept = format!("accept its conditions on {endpoint}/{repository}");
    if has_token {
        format!("{accept} with the account of your token, and let the token read gated models")
    } else {
        format!("{accept}, and set HF_TOKEN to a token of that account")
    }
}

fn full(path: &Path, needed: Option<u64>, free: Option<u64>) -> String {
    let path = path.display();
    match (needed, free) {
        (Some(needed), Some(free)) => format!(
            "{path} has {free} bytes free, and {needed} are to come: make room, or set \
             HF_HUB_CACHE to a folder on a larger disk"
        ),
        _ => format!(
            "the disk is full, or takes no file as large as {path}: make room, and the same pull \
             goes on from there; HF_HUB_CACHE names another place"
        ),
    }
}
