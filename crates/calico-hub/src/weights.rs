use std::collections::{BTreeMap, BTreeSet};

use serde::Deserialize;

use crate::error::{HubError, MissingFile, short};
use crate::listing::ListedFile;

/// In which form weights are stored; an earlier one is preferred.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Form {
    Safetensors,
    Torch,
    Gguf,
}

/// What the name of a weight file says.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct WeightName<'a> {
    pub(crate) form: Form,
    /// The same for all files of one model, whatever the form.
    pub(crate) stem: String,
    part: Part<'a>,
}

#[derive(Debug, PartialEq, Eq)]
enum Part<'a> {
    Whole,
    /// `stem-00001-of-00002.form`: number, how many there are, and the texts around the number.
    Shard {
        number: u32,
        total: u32,
        digits: usize,
        before: &'a str,
        after: &'a str,
    },
    /// The list of the shards.
    Index,
}

/// Shards of a model; more are no model.
const MOST_SHARDS: u32 = 10_000;

/// What a training leaves beside its model.
const STATES: [&str; 8] = [
    "training_args",
    "optimizer",
    "scheduler",
    "scaler",
    "rng_state",
    "random_states",
    "trainer_state",
    "openvino_model",
];

impl<'a> WeightName<'a> {
    /// Reads a file name without folders; nothing if it is not that of weights.
    pub(crate) fn parse(name: &'a str) -> Option<Self> {
        let (bare, is_index) = match name.strip_suffix(".index.json") {
            Some(bare) => (bare, true),
            None => (name, false),
        };
        let (stem, extension) = bare.rsplit_once('.')?;
        let form = match extension {
            "safetensors" => Form::Safetensors,
            "bin" | "pth" | "pt" => Form::Torch,
            "gguf" => Form::Gguf,
            _ => return None,
        };
        if STATES.iter().any(|state| stem.starts_with(state)) {
            return None;
        }
        let (stem, part) = match shard(bare, stem) {
            _ if is_index => (stem, Part::Index),
            Some((stem, part)) => (stem, part),
            None => (stem, Part::Whole),
        };
        let stem = match stem.strip_prefix("pytorch_model") {
            Some(rest) if form == Form::Torch => format!("model{rest}"),
            _ => stem.to_owned(),
        };
        Some(Self { form, stem, part })
    }
}

/// Takes `stem-00001-of-00002` apart.
fn shard<'a>(name: &'a str, stem: &'a str) -> Option<(&'a str, Part<'a>)> {
    let (start, total_text) = stem.rsplit_once("-of-")?;
    let (base, number_text) = start.rsplit_once('-')?;
    let digits = |text: &str| text.len() >= 2 && text.bytes().all(|byte| byte.is_ascii_digit());
    if base.is_empty() || !digits(number_text) || !digits(total_text) {
        return None;
    }
    let (number, total) = (number_text.parse().ok()?, total_text.parse().ok()?);
    if !(1..=MOST_SHARDS).contains(&total) || number > total {
        return None;
    }
    let (before, after) = (&name[..=base.len()], &name[start.len()..]);
    Some((base, Part::Shard { number, total, digits: number_text.len(), before, after }))
}

/// The weights of one model in one form, by their places in a list of files.
#[derive(Debug, Default)]
pub(crate) struct WeightSet {
    whole: Option<usize>,
    index: Option<usize>,
    /// By how many there are.
    shards: BTreeMap<u32, BTreeMap<u32, usize>>,
}

/// Which files of a set there are.
#[derive(Debug, Default)]
pub(crate) struct Found {
    pub(crate) files: Vec<usize>,
    pub(crate) missing: Vec<MissingFile>,
}

/// Gives the content of a file of the list; nothing if it is not at hand.
pub(crate) type ReadFile<'a> = dyn FnMut(usize) -> Result<Option<Vec<u8>>, HubError> + 'a;

impl WeightSet {
    /// Takes a file in; of several whole files the first one counts.
    pub(crate) fn add(&mut self, name: &WeightName<'_>, place: usize) {
        match name.part {
            Part::Whole => self.whole = self.whole.or(Some(place)),
            Part::Index => self.index = self.index.or(Some(place)),
            Part::Shard { number, total, .. } => {
                self.shards.entry(total).or_default().entry(number).or_insert(place);
            }
        }
    }

    /// Finds out which files belong to the set: the whole file, what the index names, or the
    /// shards that their own names count.
    pub(crate) fn find(
        &self,
        files: &[ListedFile],
        read: &mut ReadFile<'_>,
    ) -> Result<Found, HubError> {
        if let Some(whole) = self.whole {
            return Ok(Found { files: vec![whole], missing: Vec::new() });
        }
        let mut found = match self.index {
            Some(index) => match read(index)? {
                Some(bytes) => indexed(files, files[index].name.as_str(), &bytes)?,
                None => self.counted(files),
            },
            None => self.counted(files),
        };
        found.files.extend(self.index);
        Ok(found)
    }

    /// Shards by their names. Of several sets, the first complete one.
    fn counted(&self, files: &[ListedFile]) -> Found {
        let mut first = None;
        for (total, shards) in &self.shards {
            let missing = missing(files, *total, shards);
            let found = Found { files: shards.values().copied().collect(), missing };
            if found.missing.is_empty() {
                return found;
            }
            first = first.or(Some(found));
        }
        first.unwrap_or_default()
    }
}

fn missing(files: &[ListedFile], total: u32, shards: &BTreeMap<u32, usize>) -> Vec<MissingFile> {
    let Some(&place) = shards.values().next() else { return Vec::new() };
    let there = files[place].name.as_str();
    let Some(WeightName { part: Part::Shard { digits, before, after, .. }, .. }) =
        WeightName::parse(there)
    else {
        return Vec::new();
    };
    // Most count from one; some count from zero.
    let first = u32::from(!shards.contains_key(&0));
    let numbers = (first..first + total).filter(|number| !shards.contains_key(number));
    let named = |number| MissingFile {
        name: format!("{before}{number:0digits$}{after}"),
        reason: format!("{there} counts {total}"),
    };
    numbers.map(named).collect()
}

#[derive(Deserialize)]
struct Index {
    weight_map: BTreeMap<String, String>,
}

/// The shards that an index names.
fn indexed(files: &[ListedFile], name: &str, bytes: &[u8]) -> Result<Found, HubError> {
    let wrong = |reason: String| HubError::Index { name: name.to_owned(), reason: short(&reason) };
    let index: Index = serde_json::from_slice(bytes).map_err(|error| wrong(error.to_string()))?;
    let shards: BTreeSet<&str> = index.weight_map.values().map(String::as_str).collect();
    if shards.is_empty() {
        return Err(wrong("its weight_map is empty".into()));
    }
    if shards.len() > MOST_SHARDS as usize {
        let expected = format!("its weight_map names {} files, expected few", shards.len());
        return Err(wrong(expected));
    }
    let mut found = Found::default();
    for shard in shards {
        match files.binary_search_by(|file| file.name.as_str().cmp(shard)) {
            Ok(place) => found.files.push(place),
            Err(_) => found
                .missing
                .push(MissingFile { name: short(shard), reason: format!("named by {name}") }),
        }
    }
    Ok(found)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_tell_form_stem_and_part() {
        let parse = |name| WeightName::parse(name).map(|parsed| (parsed.form, parsed.stem));
        for (name, form, stem) in [
            ("model.safetensors", Form::Safetensors, "model"),
            ("model-00001-of-00002.safetensors", Form::Safetensors, "model"),
            ("model.safetensors.index.json", Form::Safetensors, "model"),
            ("pytorch_model-00001-of-00002.bin", Form::Torch, "model"),
            ("pytorch_model.fp16.bin", Form::Torch, "model.fp16"),
            ("pytorch_model.bin.index.json", Form::Torch, "model"),
            ("adapter_model.bin", Form::Torch, "adapter_model"),
            ("sam_vit_h_4b8939.pth", Form::Torch, "sam_vit_h_4b8939"),
            ("7b-q4-00001-of-00003.gguf", Form::Gguf, "7b-q4"),
            ("a-1-of-2.bin", Form::Torch, "a-1-of-2"),
            ("a-00001-of-99999.bin", Form::Torch, "a-00001-of-99999"),
        ] {
            assert_eq!(parse(name), Some((form, stem.to_owned())), "{name}");
        }
        for name in [
            "config.json",
            "tf_model.h5",
            "flax_model.msgpack",
            "model.onnx",
            "optimizer.pt",
            "training_args.bin",
            "rng_state_0.pth",
            "bin",
            "tokenizer.model",
        ] {
            assert_eq!(parse(name), None, "{name}");
        }
    }
}
