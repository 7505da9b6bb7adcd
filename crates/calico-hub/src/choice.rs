use std::collections::{BTreeMap, BTreeSet};

use crate::error::{HubError, MissingFile};
use crate::glob;
use crate::listing::ListedFile;
use crate::weights::{Form, Found, ReadFile, WeightName, WeightSet};

/// Which files of a repository are pulled.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub enum Choice {
    /// What a model needs, of the files that lie in no folder:
    ///
    /// - weights in one form: safetensors where they are complete, or else `PyTorch`'s `.bin`, `.pth`
    ///   and `.pt`; GGUF only where there is nothing else, and only one. Variants such as
    ///   `model.fp16` are left out where `model` is there, and so is what a training leaves behind.
    /// - the files that an index of shards names, in folders, too.
    /// - configuration, tokenizer, card and licence.
    #[default]
    Model,
    /// Every file that matches one of these patterns, and no other. `*` stands for any letters,
    /// slashes included, `?` for one, `[ab]` for one of several; `folder/` for all in a folder.
    Matching(Vec<String>),
}

/// The files that were chosen from a list.
#[derive(Debug, Default)]
pub(crate) struct Plan {
    /// Their places in the list, in its order.
    pub(crate) files: Vec<usize>,
    /// Files that are needed and not listed.
    pub(crate) missing: Vec<MissingFile>,
    pub(crate) warnings: Vec<String>,
}

impl Choice {
    /// Chooses from `files`, which are in the order of their names. `read` gives the content of
    /// indices of shards.
    pub(crate) fn plan(
        &self,
        repository: &str,
        files: &[ListedFile],
        read: &mut ReadFile<'_>,
    ) -> Result<Plan, HubError> {
        let mut plan = match self {
            Self::Model => model(repository, files, read)?,
            Self::Matching(patterns) => matching(repository, files, patterns)?,
        };
        plan.files.sort_unstable();
        plan.files.dedup();
        Ok(plan)
    }
}

fn names(files: &[ListedFile]) -> Vec<String> {
    files.iter().map(|file| file.name.as_str().to_owned()).collect()
}

fn matching(repository: &str, files: &[ListedFile], patterns: &[String]) -> Result<Plan, HubError> {
    let mut plan = Plan::default();
    let mut without = Vec::new();
    for pattern in patterns {
        let before = plan.files.len();
        let places = (0..files.len()).filter(|&at| glob::matches(pattern, files[at].name.as_str()));
        plan.files.extend(places);
        if plan.files.len() == before {
            without.push(format!("{pattern:?}"));
        }
    }
    if without.is_empty() && !patterns.is_empty() {
        return Ok(plan);
    }
    let patterns = if without.is_empty() { "no pattern".into() } else { without.join(", ") };
    Err(HubError::NoMatch { repository: repository.into(), patterns, files: names(files) })
}

/// The weights of one model, in every form that there is.
type Family = BTreeMap<Form, WeightSet>;

fn model(
    repository: &str,
    files: &[ListedFile],
    read: &mut ReadFile<'_>,
) -> Result<Plan, HubError> {
    let mut families: BTreeMap<String, Family> = BTreeMap::new();
    let mut gguf: BTreeMap<String, WeightSet> = BTreeMap::new();
    let mut plan = Plan::default();
    for (place, file) in files.iter().enumerate().filter(|(_, file)| file.name.is_at_root()) {
        match WeightName::parse(file.name.as_str()) {
            Some(name) if name.form == Form::Gguf => {
                gguf.entry(name.stem.clone()).or_default().add(&name, place);
            }
            Some(name) => {
                let family = families.entry(name.stem.clone()).or_default();
                family.entry(name.form).or_default().add(&name, place);
            }
            None if is_companion(file.name.as_str()) => plan.files.push(place),
            None => {}
        }
    }
    let none = |reason| {
        let repository = repository.to_owned();
        HubError::NoWeights { repository, reason, files: names(files) }
    };
    if families.is_empty() {
        let Some((_, set)) = gguf.pop_first() else {
            return Err(none("no weights (safetensors, bin, pth, pt, gguf) outside of folders"));
        };
        if !gguf.is_empty() {
            return Err(none("several GGUF models"));
        }
        let found = set.find(files, read)?;
        plan.files.extend(found.files);
        plan.missing.extend(found.missing);
        return Ok(plan);
    }
    let mut complete = BTreeSet::new();
    // A variant comes after what it is a variant of.
    let mut stems: Vec<&String> = families.keys().collect();
    stems.sort_by_key(|stem| (stem.contains('.') || *stem == "consolidated", *stem));
    for stem in stems {
        let original = if stem == "consolidated" { Some("model") } else { stem.split('.').next() };
        if original.is_some_and(|original| complete.contains(original)) {
            continue;
        }
        let found = best(&families[stem], files, read, &mut plan.warnings)?;
        if found.missing.is_empty() {
            complete.insert(stem.as_str());
        }
        plan.files.extend(found.files);
        plan.missing.extend(found.missing);
    }
    Ok(plan)
}

/// The first form that is complete, or else the first.
fn best(
    family: &Family,
    files: &[ListedFile],
    read: &mut ReadFile<'_>,
    warnings: &mut Vec<String>,
) -> Result<Found, HubError> {
    let mut first: Option<Found> = None;
    for set in family.values() {
        let found = set.find(files, read)?;
        if found.missing.is_empty() {
            if let Some(incomplete) = first {
                let names: Vec<_> = incomplete.missing.into_iter().map(|file| file.name).collect();
                warnings.push(format!(
                    "the repository lacks {}: its weights are taken in another form",
                    names.join(", ")
                ));
            }
            return Ok(found);
        }
        first = first.or(Some(found));
    }
    Ok(first.unwrap_or_default())
}

/// Whether a file that is no weights belongs to a model: by its name, in no folder.
fn is_companion(name: &str) -> bool {
    const ENDINGS: [&str; 8] = ["json", "model", "txt", "jinja", "yaml", "yml", "toml", "tiktoken"];
    const STARTS: [&str; 6] = ["readme", "license", "licence", "notice", "copying", "use_policy"];
    let name = name.to_ascii_lowercase();
    let ending = name.rsplit_once('.').map_or("", |(_, ending)| ending);
    let is_text = matches!(ending, "" | "md" | "txt");
    (ENDINGS.contains(&ending) && name != "trainer_state.json")
        || (is_text && STARTS.iter().any(|start| name.starts_with(start)))
}

#[cfg(test)]
mod tests;
