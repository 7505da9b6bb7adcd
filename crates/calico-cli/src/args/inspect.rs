use std::path::PathBuf;

use clap::Args;

const AFTER_HELP: &str = "\
Examples:
  calico model inspect sam_vit_h_4b8939.pth
  calico model inspect vicuna-7b --json | jq .family
  calico model inspect strange.bin --starter-map my-map.toml
  calico model inspect strange.bin --map my-map.toml

Headers are read and values are not, so it takes a moment whatever the size. Nothing in a file is
ever run. What no map knows is listed, and is no error.

A name map says which tensor of a file becomes which of ours. `calico model inspect` of a model of
Calico lists our names.";

/// Say what model files of anyone hold, whose they are, and what Calico can take from them.
#[derive(Debug, Args)]
#[command(after_help = AFTER_HELP)]
pub(crate) struct InspectArgs {
    /// A file of safetensors, PyTorch or GGUF, an index of several, a folder with one of them, or
    /// a tokenizer.model of SentencePiece.
    #[arg(value_name = "FILE_OR_FOLDER")]
    pub(crate) path: PathBuf,

    /// Translate names by this map, not by the one that fits: a file, or a built-in map by name.
    #[arg(long, value_name = "MAP")]
    pub(crate) map: Option<PathBuf>,

    /// Write a map to begin with, for names that are unknown; must be a new file.
    #[arg(long, value_name = "FILE", conflicts_with = "map")]
    pub(crate) starter_map: Option<PathBuf>,

    /// List every tensor, and all that is ignored or unknown.
    #[arg(long)]
    pub(crate) all: bool,

    /// Print JSON.
    #[arg(long)]
    pub(crate) json: bool,
}
