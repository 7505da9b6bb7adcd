use std::path::PathBuf;

use calico_hub::{Choice, Source};
use clap::Args;

const AFTER_HELP: &str = "\
Examples:
  calico model pull org/name
  calico model pull org/name --out calico
  calico model import --llm \"$(calico model pull org/name)\" --dry-run
  calico model pull org/name@v1.0 --json | jq .license
  calico model pull org/name --include '*.json' --include 'checkpoints/*.pth'
  HF_ENDPOINT=https://mirror.example calico model pull org/name

Without --include: the weights in one form (safetensors, or else PyTorch's, or else GGUF), the
configuration, the tokenizer, the card and the licence, of the files that lie in no folder.
A pull that was cut off goes on with the same command. Every file is compared with the digest that
the hub lists.

The cache is the hub's own, shared with its Python client. Variables that are read as there:
  HF_HUB_CACHE, HF_HOME        where files are kept
  HF_ENDPOINT                  address of a mirror
  HF_TOKEN, HF_TOKEN_PATH      a token, for private and gated models
  HF_HUB_OFFLINE               as --offline
  HF_HUB_DOWNLOAD_TIMEOUT      seconds of silence after which a connection is given up
  HTTPS_PROXY, NO_PROXY, SSL_CERT_FILE";

/// Download a model from the hub; print the folder that holds it, or import it.
#[derive(Debug, Args)]
#[command(after_help = AFTER_HELP)]
pub(crate) struct PullArgs {
    /// The model, ORG/NAME, and the branch, tag or commit of it; `main` if none is named.
    #[arg(value_name = "REPO[@REV]")]
    pub(crate) source: Source,

    /// Take these files instead: * stands for any letters, slashes included, ? for one. May be
    /// given more than once.
    #[arg(long, value_name = "GLOB")]
    pub(crate) include: Vec<String>,

    /// Ask nobody: take what the cache has, and list what it lacks.
    #[arg(long)]
    pub(crate) offline: bool,

    /// Compute the digests of files that are in the cache already, too.
    #[arg(long)]
    pub(crate) verify: bool,

    /// Folder of the cache, instead of the one that the environment names.
    #[arg(long, value_name = "DIR")]
    pub(crate) cache: Option<PathBuf>,

    /// Import the merged checkpoint that was pulled into this folder, as `calico model import` does;
    /// must be new or empty.
    #[arg(long, value_name = "DIR", conflicts_with = "json")]
    pub(crate) out: Option<PathBuf>,

    /// Print JSON: the folder, the commit, the license, and the files with sizes and digests.
    #[arg(long)]
    pub(crate) json: bool,
}

impl PullArgs {
    pub(crate) fn choice(&self) -> Choice {
        if self.include.is_empty() { Choice::Model } else { Choice::Matching(self.include.clone()) }
    }
}
