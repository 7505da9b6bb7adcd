//! What an import brings together, for those who asked for it.

use std::collections::{BTreeMap, BTreeSet};

use calico_model::adapters::LORA_CONFIG_FILE;
use calico_model::config::CONFIG_FILE;
use calico_model::module_of;
use calico_model::provenance::{ModuleOrigin, Provenance};

use super::Assembly;
use super::plan::{Entry, Origin, base_rows, is_drawn_once};

/// The map of our own names.
const OWN_MAP: &str = "calico";

/// What an import brings together.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Report {
    /// Of each file, in the order in which they were given.
    pub brought: Vec<Brought>,
    /// Modules that start untrained, with their tensors.
    pub fresh: BTreeMap<String, usize>,
    /// Parameters of the model, counted as the budget of [`calico_model`] does: SAM's random
    /// positions, which no training moves, are none.
    pub parameters: u64,
    /// What should be known, and is no error.
    pub warnings: Vec<String>,
}

/// What comes from a file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Brought {
    /// The file, index or folder.
    pub file: String,
    /// Whose names it has.
    pub family: String,
    /// Whether the map of those names is known to be right.
    pub certain: bool,
    /// Modules, with their tensors.
    pub modules: BTreeMap<String, usize>,
    /// Tensors that it holds and no one asked for: of other modules, of parts that no model of
    /// ours has, or unknown.
    pub left: usize,
}

impl Assembly {
    /// What comes from where, with a tokenizer that gets the tokens `added`.
    pub fn report(&self, added: &[String]) -> Report {
        let mut fresh = BTreeMap::new();
        let mut modules = vec![BTreeMap::new(); self.sources.len()];
        for entry in &self.entries {
            let counts = match &entry.origin {
                Origin::Fresh => Some(&mut fresh),
                Origin::Source { at, .. } => modules.get_mut(*at),
            };
            if let Some(counts) = counts {
                *counts.entry(module_of(&entry.spec.name).to_owned()).or_default() += 1;
            }
        }
        let brought = modules.into_iter().enumerate();
        Report {
            brought: brought.filter_map(|(at, modules)| self.brought(at, modules)).collect(),
            fresh,
            parameters: self.parameters(),
            warnings: self.warnings(added),
        }
    }

    fn parameters(&self) -> u64 {
        let specs = self.entries.iter().map(|entry| &entry.spec);
        specs.filter(|spec| !is_drawn_once(&spec.name)).map(|spec| spec.len() as u64).sum()
    }

    fn brought(&self, at: usize, modules: BTreeMap<String, usize>) -> Option<Brought> {
        let source = self.sources.get(at)?;
        let mut used = BTreeSet::new();
        for entry in &self.entries {
            if let Origin::Source { at: from, recipe, .. } = &entry.origin
                && *from == at
            {
                used.extend(recipe.parts.iter().map(|part| part.tensor.as_str()));
            }
        }
        let translation = source.translation();
        Some(Brought {
            file: source.path().display().to_string(),
            family: translation.title.clone(),
            certain: translation.certain,
            modules,
            left: source.files().tensors().filter(|(name, _)| !used.contains(name)).count(),
        })
    }

    fn warnings(&self, added: &[String]) -> Vec<String> {
        let mut warnings = Vec::new();
        for source in self.sources.iter().filter(|source| !source.translation().certain) {
            warnings.push(format!(
                "the names of {} were translated by the map `{}`, which is a guess: compare its \
                 answers with those of the original",
                source.name(),
                source.translation().map
            ));
        }
        warnings.extend(self.alpha_of_configuration());
        let rows = self.config.llm.vocab_size;
        if self
            .entries
            .iter()
            .any(|entry| matches!(entry.origin, Origin::Source { grows: true, .. }))
        {
            warnings.push(format!(
                "the table of tokens grows to {rows} rows: those from {} on start as the mean of \
                 the others, so [SEG] has to be trained",
                base_rows(rows)
            ));
        } else if !added.is_empty() {
            warnings.push(format!(
                "the tokenizer did not know {}: they got the ids behind its last one, in GLaMM's \
                 order; unless the model was trained with these ids, they have to be trained",
                added.join(" ")
            ));
        }
        if let (Some(qformer), Some(projection)) = (self.origin("qformer"), self.origin("f_image"))
            && qformer != projection
        {
            warnings.push(format!(
                "the Q-Former comes from {qformer} and its projection f_image from {projection}: \
                 unless they were trained together, the language model cannot read its tokens"
            ));
        }
        warnings
    }

    /// Says where updates come without the file that tells how strong they are.
    fn alpha_of_configuration(&self) -> Option<String> {
        let lora = self.config.lora.as_ref()?;
        let mut origins = self.entries.iter().filter_map(|entry| match &entry.origin {
            Origin::Source { at, .. } if module_of(&entry.spec.name) == "lora" => Some(*at),
            _ => None,
        });
        let source = self.sources.get(origins.next()?)?;
        let said = [LORA_CONFIG_FILE, CONFIG_FILE].map(|name| source.folder().join(name));
        let [of_peft, ours] = said.map(|file| file.exists());
        let is_ours = ours && source.translation().map == OWN_MAP;
        (!of_peft && !is_ours).then(|| {
            format!(
                "beside the low-rank updates in {} lies no {LORA_CONFIG_FILE}: alpha is {}, as the \
                 configuration says; name the right one with `--config`",
                source.name(),
                lora.alpha
            )
        })
    }

    /// The file from which the first tensor of a module comes.
    fn origin(&self, module: &str) -> Option<String> {
        let mut entries = self.entries.iter();
        let entry: &Entry = entries.find(|entry| module_of(&entry.spec.name) == module)?;
        match &entry.origin {
            Origin::Source { at, .. } => Some(self.sources.get(*at)?.name()),
            Origin::Fresh => None,
        }
    }

    /// Where every module comes from.
    pub(super) fn provenance(&self) -> Provenance {
        let mut provenance = Provenance::default();
        for entry in &self.entries {
            let module = module_of(&entry.spec.name);
            let origins = match &entry.origin {
                Origin::Fresh => vec![ModuleOrigin::untrained(self.seed)],
                Origin::Source { at, .. } => {
                    self.sources.get(*at).map_or_else(Vec::new, |source| source.origins(module))
                }
            };
            for origin in origins {
                provenance.add(module, origin);
            }
        }
        provenance
    }
}
