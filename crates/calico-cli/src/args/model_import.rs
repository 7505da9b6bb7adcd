use std::path::{Path, PathBuf};

use calico_import::assembly::Role;
use calico_model::{CalicoConfig, ConfigError};
use calico_nn::weights::checkpoint::StoredType;
use clap::{Args, ValueEnum};

use super::model::{PresetChoice, SizeArgs};

const AFTER_HELP: &str = "\
Examples:
  One merged checkpoint:
    calico model import CALICO --out calico
  The start of a training, from parts:
    calico model import --llm GLaMM --sam GLaMM --vision eva_vit_g.pth \\
      --qformer blip2_pretrained_vicuna7b.pth --f-image blip2_pretrained_vicuna7b.pth \\
      --dino dinov2_vitg14_reg4_pretrain.pth --fresh cem,cams,lora --out start
  Say what would be made, and write nothing:
    calico model import CALICO --dry-run
  Parts that were pulled from the hub:
    calico model import --llm \"$(calico model pull ORG/NAME)\" --dry-run

A file may be safetensors, PyTorch's (zip) or, for the language model, GGUF; an index of shards; or
a folder with one of these. Nothing in a file is ever executed. Whose names it has is told by the
names; `calico model inspect FILE` shows it, and begins a map for names that nobody knows.

What is missing, unknown, of another shape, doubled, NaN or infinite is refused and listed, and
nothing is written.";

/// Make a model folder out of the files of others: one merged checkpoint, or the parts of one.
#[derive(Debug, Default, Args)]
#[command(after_help = AFTER_HELP)]
pub(crate) struct ModelImportArgs {
    /// A merged checkpoint: everything that it holds.
    #[arg(value_name = "MODEL", required_unless_present_any = ["llm", "vision", "qformer", "sam", "dino", "f_image"])]
    model: Option<PathBuf>,

    /// The language model; of GLaMM, also the projection of the states that prompt SAM.
    #[arg(long, value_name = "FILE")]
    llm: Option<PathBuf>,

    /// EVA-CLIP.
    #[arg(long, value_name = "FILE")]
    vision: Option<PathBuf>,

    /// The Q-Former with its queries and norm.
    #[arg(long, value_name = "FILE")]
    qformer: Option<PathBuf>,

    /// The projection of the queries to the language model.
    #[arg(long, value_name = "FILE")]
    f_image: Option<PathBuf>,

    /// DINOv2.
    #[arg(long, value_name = "FILE")]
    dino: Option<PathBuf>,

    /// Segment Anything, or GLaMM for the one that it trained.
    #[arg(long, value_name = "FILE")]
    sam: Option<PathBuf>,

    /// LoRA of the peft package, or correspondence modules of others; they replace what the other
    /// files hold.
    #[arg(long, value_name = "FILE")]
    adapters: Option<PathBuf>,

    /// The tokenizer, a tokenizer.json or tokenizer.model. Without it, that of the language model:
    /// in its GGUF file, or beside it.
    #[arg(long, value_name = "FILE")]
    pub(crate) tokenizer: Option<PathBuf>,

    /// Modules that no file brings and that start untrained, such as cem,cams,lora.
    #[arg(long, value_name = "MODULES", value_delimiter = ',')]
    pub(crate) fresh: Vec<String>,

    /// Seed of those.
    #[arg(long, value_name = "S", allow_negative_numbers = true, default_value_t = 0)]
    pub(crate) seed: u64,

    /// The model that is to come out. Without it, the one that MODEL describes where it is one of
    /// this program, and else the full one.
    #[arg(long, value_name = "PRESET", conflicts_with = "config")]
    preset: Option<PresetChoice>,

    /// The same as a configuration of your own, TOML or JSON.
    #[arg(long, value_name = "FILE")]
    config: Option<PathBuf>,

    /// A name map, a file or a built-in one by name, used for MODEL, or for every file if there is
    /// none.
    #[arg(long, value_name = "FILE")]
    pub(crate) map: Option<PathBuf>,

    /// Let one tensor fill several places where a family has fewer: one pair of adapters for both
    /// layers, one table of tokens for both ends.
    #[arg(long)]
    pub(crate) allow_copies: bool,

    /// Leave out what the model has no place for, instead of refusing it.
    #[arg(long)]
    pub(crate) lenient: bool,

    /// Type in which all weights are stored. Without it, each keeps its own, and blocks of GGUF
    /// become bf16.
    #[arg(long, value_name = "TYPE")]
    dtype: Option<KeptType>,

    /// Licence of a module's files, in place of what a card beside them states, such as llm=llama2;
    /// may be given several times.
    #[arg(long, value_name = "OPTION=TEXT", value_parser = licence)]
    licence: Vec<(String, String)>,

    /// Say what would be made; write nothing.
    #[arg(long)]
    pub(crate) dry_run: bool,

    /// Folder of the model; must be new or empty.
    #[arg(long, value_name = "DIR", required_unless_present = "dry_run")]
    pub(crate) out: Option<PathBuf>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum KeptType {
    F32,
    Bf16,
    F16,
}

/// A file that is brought in.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Brought<'a> {
    pub(crate) role: Role,
    pub(crate) path: &'a PathBuf,
    pub(crate) licence: Option<&'a str>,
}

impl ModelImportArgs {
    /// A merged checkpoint, and nothing else asked for.
    pub(crate) fn whole(model: PathBuf, out: PathBuf, licence: Option<String>) -> Self {
        let licence = licence.map(|licence| ("model".to_owned(), licence)).into_iter().collect();
        Self { model: Some(model), out: Some(out), licence, ..Self::default() }
    }

    /// The files, in the order of the modules.
    pub(crate) fn files(&self) -> Vec<Brought<'_>> {
        let given = self.named().into_iter().filter_map(|(role, name, path)| {
            let mut stated = self.licence.iter().filter(|(of, _)| of == name);
            let licence = stated.next_back().map(|(_, licence)| licence.as_str());
            Some(Brought { role, path: path.as_ref()?, licence })
        });
        given.collect()
    }

    /// Every file that may be given, with the name of its option.
    fn named(&self) -> [(Role, &'static str, &Option<PathBuf>); 8] {
        [
            (Role::Whole, "model", &self.model),
            (Role::Language, "llm", &self.llm),
            (Role::Vision, "vision", &self.vision),
            (Role::QFormer, "qformer", &self.qformer),
            (Role::ImageProjection, "f-image", &self.f_image),
            (Role::Dino, "dino", &self.dino),
            (Role::Sam, "sam", &self.sam),
            (Role::Adapters, "adapters", &self.adapters),
        ]
    }

    /// The first licence that is stated for a file that nobody brings in.
    pub(crate) fn idle_licence(&self) -> Option<&str> {
        let all = self.named();
        let is_given = |of: &str| all.iter().any(|(_, name, path)| *name == of && path.is_some());
        self.licence.iter().map(|(of, _)| of.as_str()).find(|of| !is_given(of))
    }

    /// The model that is to come out.
    pub(crate) fn config(&self) -> Result<CalicoConfig, ConfigError> {
        if self.config.is_none()
            && self.preset.is_none()
            && let Some(model) = &self.model
            && let Some(config) = CalicoConfig::in_folder(folder_of(model))?
        {
            return Ok(config);
        }
        SizeArgs::choose(self.config.as_deref(), self.preset.unwrap_or(PresetChoice::Full))
    }

    /// The type in which all weights are stored, if there is one.
    pub(crate) fn stored(&self) -> Option<StoredType> {
        self.dtype.map(|kept| match kept {
            KeptType::F32 => StoredType::F32,
            KeptType::Bf16 => StoredType::Bf16,
            KeptType::F16 => StoredType::F16,
        })
    }
}

/// Where the small files beside a checkpoint are.
fn folder_of(model: &Path) -> &Path {
    if model.is_dir() { model } else { model.parent().unwrap_or(model) }
}

/// Which files a licence is stated for, and the licence.
fn licence(text: &str) -> Result<(String, String), String> {
    const FILES: [&str; 8] =
        ["model", "llm", "vision", "qformer", "f-image", "dino", "sam", "adapters"];
    match text.split_once('=') {
        Some((file, licence)) if FILES.contains(&file) && !licence.trim().is_empty() => {
            Ok((file.to_owned(), licence.trim().to_owned()))
        }
        _ => Err(format!("expected one of {} = a licence, such as llm=llama2", FILES.join(", "))),
    }
}
