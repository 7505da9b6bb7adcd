use std::collections::BTreeMap;

use calico_formats::StoredTensor;
use calico_import::{Copies, NameMap, Names, TranslateError, Translation};
use calico_model::budget::MODULES;

/// The map of our own names.
const OURS: &str = "calico";

type Tensors = BTreeMap<String, StoredTensor>;

/// What the names of tensors tell.
pub(super) enum Verdict {
    /// They are our own names.
    Ours,
    /// A map knows them.
    Translated(Box<Translation>),
    /// No map does, or the files cannot be used.
    Failed(TranslateError),
}

/// Tensors of one module of ours.
pub(super) struct Module {
    pub(super) prefix: &'static str,
    pub(super) title: &'static str,
    pub(super) tensors: u64,
    pub(super) values: u64,
}

impl Verdict {
    pub(super) fn of(tensors: &Tensors, map: Option<&NameMap>) -> Self {
        let names = Names::new(tensors);
        let translated = match map {
            Some(map) => names.translate_by(map, Copies::Never),
            None => names.translate(&NameMap::built_in(), Copies::Never),
        };
        match translated {
            Ok(found) if map.is_none() && is_ours(&found) => Self::Ours,
            Ok(translation) => Self::Translated(Box::new(translation)),
            Err(error) => Self::Failed(error),
        }
    }

    /// Whether a map could tell more, or something else.
    pub(super) fn leaves_something(&self) -> bool {
        match self {
            Self::Ours | Self::Failed(TranslateError::Empty) => false,
            Self::Translated(translation) => !translation.unknown.is_empty(),
            Self::Failed(_) => true,
        }
    }

    /// Whether names are unknown.
    pub(super) fn leaves_names(&self) -> bool {
        let is_none = matches!(self, Self::Failed(TranslateError::NoFamily { .. }));
        is_none || matches!(self, Self::Translated(it) if !it.unknown.is_empty())
    }

    /// The modules of ours that the tensors are or become, in the order of the data flow.
    pub(super) fn modules(&self, tensors: &Tensors) -> Vec<Module> {
        match self {
            Self::Ours => modules(tensors.iter().map(|(name, it)| (name.as_str(), &*it.shape))),
            Self::Translated(translation) => {
                let recipes = translation.recipes.iter();
                modules(recipes.map(|(name, recipe)| (name.as_str(), &*recipe.shape)))
            }
            Self::Failed(_) => Vec::new(),
        }
    }
}

/// Whether nothing but our own names was found, as we write them.
fn is_ours(found: &Translation) -> bool {
    found.map == OURS && found.unknown.is_empty() && found.prefix.is_empty()
}

fn modules<'a>(tensors: impl Iterator<Item = (&'a str, &'a [usize])>) -> Vec<Module> {
    let known = MODULES.into_iter().chain([("", "no module of Calico")]);
    let empty = |(prefix, title)| Module { prefix, title, tensors: 0, values: 0 };
    let mut modules: Vec<Module> = known.map(empty).collect();
    for (name, shape) in tensors {
        if let Some(module) = modules.iter_mut().find(|module| name.starts_with(module.prefix)) {
            let values = shape.iter().fold(1, |all: u64, &axis| all.saturating_mul(axis as u64));
            module.tensors += 1;
            module.values = module.values.saturating_add(values);
        }
    }
    modules.retain(|module| module.tensors > 0);
    modules
}
