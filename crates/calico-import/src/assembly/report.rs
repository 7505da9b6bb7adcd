//! What an import brings together, for those who asked for it.

use std::collections::{BTreeMap, BTreeSet};

use calico_model::module_of;
use calico_model::provenance::{ModuleOrigin, Provenance};

use super::Assembly;
use super::plan::{Entry, Origin, base_rows};

/// What an import brings together.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Report {
    /// Of each file, in the order in which they were given.
    pub brought: Vec<Brought>,
    /// Modules that start untrained, with their tensors.
    pub fresh: BTreeMap<String, usize>,
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
    /// What comes from where.
    pub fn report(&self) -> Report {
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
            warnings: self.warnings(),
        }
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

    fn warnings(&self) -> Vec<String> {
        let mut warnings = Vec::new();
        for source in self.sources.iter().filter(|source| !source.translation().certain) {
            warnings.push(format!(
                "the names of {} were translated by the map `{}`, which is a guess: compare its \
                 answers with those of the original",
                source.name(),
                source.translation().map
            ));
        }
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
                Origin::Fresh => vec![ModuleOrigin {
                    source: format!("untrained, seed {}", self.seed),
                    licence: "none".to_owned(),
                    family: None,
                }],
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
