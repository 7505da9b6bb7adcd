use std::path::PathBuf;

use clap::{Args, ValueEnum};

const AFTER_HELP: &str = "\
Examples:
  calico model export model --to gguf --out model.gguf
  calico model export model --to safetensors --out merged

gguf         the language model for llama.cpp, its LoRA merged; a file. A quantised model keeps its
             block formats
safetensors  everything in one file of weights, with configuration and tokenizer; a folder

LoRA as the peft package reads it: `calico model adapters export`.";

/// Write a model for other programs.
#[derive(Debug, Args)]
#[command(after_help = AFTER_HELP)]
pub(crate) struct ModelExportArgs {
    /// Folder of the model.
    #[arg(value_name = "DIR")]
    pub(crate) model: PathBuf,

    /// What is written.
    #[arg(long, value_name = "FORMAT")]
    pub(crate) to: ExportFormat,

    /// The file or folder; must be new, and a folder may be empty.
    #[arg(long, value_name = "PATH")]
    pub(crate) out: PathBuf,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum ExportFormat {
    /// The language model as GGUF.
    Gguf,
    /// Everything as one safetensors checkpoint.
    Safetensors,
}
