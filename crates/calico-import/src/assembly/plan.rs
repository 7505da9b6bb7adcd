//! Which tensor of the model is made of which file.

use std::collections::{BTreeMap, BTreeSet};

use calico_formats::Element;
use calico_language::ADDED_TOKENS;
use calico_model::checkpoint::tensor_specs;
use calico_model::{CalicoConfig, module_of};
use calico_nn::weights::TensorSpec;
use calico_nn::weights::checkpoint::StoredType;

use super::adopt::adopt;
use super::role::is_table;
use super::{Assembly, ImportError, ImportProblem, Role, Source, Unused, values};
use crate::Recipe;

/// What an import is made of.
#[derive(Debug)]
pub struct Request {
    /// The model that is to come out. What the files alone can know replaces what it says: epsilon,
    /// rotary base and context of the language model, sides of position tables, rank and alpha.
    pub config: CalicoConfig,
    /// The files, opened.
    pub sources: Vec<Source>,
    /// Modules that start untrained.
    pub fresh: Vec<String>,
    /// Seed of those.
    pub seed: u64,
    /// Type in which weights are stored; without one, each keeps its own.
    pub stored: Option<StoredType>,
    /// What becomes of tensors for which the model has no use.
    pub unused: Unused,
}

/// A tensor of the model, and where it comes from.
#[derive(Debug)]
pub(super) struct Entry {
    pub(super) spec: TensorSpec,
    pub(super) stored: StoredType,
    pub(super) origin: Origin,
}

/// Where a tensor comes from.
#[derive(Debug)]
pub(super) enum Origin {
    /// It is drawn.
    Fresh,
    /// A file.
    Source {
        /// Number of the source.
        at: usize,
        /// How it is made.
        recipe: Recipe,
        /// Whether the table of tokens has to grow.
        grows: bool,
        /// Other sources that must hold the same values.
        also: Vec<usize>,
    },
}

/// Rows of a table of `rows` tokens that were there before the seven tokens of grounded
/// conversations.
pub(super) fn base_rows(rows: usize) -> usize {
    rows.saturating_sub(ADDED_TOKENS.len())
}

/// Plans everything, or says everything that is wrong.
pub(super) fn plan(mut request: Request) -> Result<Assembly, ImportError> {
    let (config, problems) = adopt(request.config, &request.sources)?;
    request.config = config;
    let specs = tensor_specs(&request.config)?;
    let mut planning = Planning { request: &request, problems };
    planning.check_fresh(&specs);
    let mut entries = Vec::with_capacity(specs.len());
    let mut missing: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for spec in &specs {
        if let Some(entry) = planning.entry(spec) {
            entries.push(entry);
        } else {
            let module = module_of(&spec.name).to_owned();
            missing.entry(module).or_default().push(spec.name.clone());
        }
    }
    planning.check_drawn(&entries, &missing);
    planning.check_missing(missing);
    planning.check_sources(&specs);
    let problems = planning.problems;
    if !problems.is_empty() {
        return Err(ImportError::unusable(problems));
    }
    Ok(Assembly { config: request.config, sources: request.sources, seed: request.seed, entries })
}

struct Planning<'a> {
    request: &'a Request,
    problems: Vec<ImportProblem>,
}

impl Planning<'_> {
    /// Where a tensor comes from; `None` if it comes from nowhere.
    fn entry(&mut self, spec: &TensorSpec) -> Option<Entry> {
        let is_fresh = self.request.fresh.iter().any(|module| module == module_of(&spec.name));
        let holders = self.holders(&spec.name);
        let Some((&at, also)) = holders.split_first() else {
            let stored = self.request.stored.unwrap_or_default();
            let is_fresh = is_fresh && !is_drawn_once(&spec.name);
            return is_fresh.then(|| Entry { spec: spec.clone(), stored, origin: Origin::Fresh });
        };
        for &holder in &holders {
            self.check_shape(spec, self.request.sources.get(holder)?);
        }
        let source = self.request.sources.get(at)?;
        let recipe = source.recipe(&spec.name)?.clone();
        let grows = grows(spec, &recipe);
        let stored = self.request.stored.or_else(|| self.kept(source, &recipe));
        let origin = Origin::Source { at, recipe, grows, also: also.to_vec() };
        Some(Entry { spec: spec.clone(), stored: stored.unwrap_or_default(), origin })
    }

    fn check_shape(&mut self, spec: &TensorSpec, source: &Source) {
        let Some(recipe) = source.recipe(&spec.name) else { return };
        if recipe.shape == spec.shape || grows(spec, recipe) {
            return;
        }
        let tensor = recipe.parts.first().map_or_else(String::new, |part| part.tensor.clone());
        self.problems.push(ImportProblem::Shape {
            ours: spec.name.clone(),
            file: source.file_of(&tensor),
            tensor,
            found: recipe.shape.clone(),
            expected: spec.shape.clone(),
        });
    }

    /// Numbers of the sources that hold a tensor, the one that counts first. Adapters take the
    /// place of what others hold, and a tensor that of a copy; all others have to agree.
    fn holders(&self, ours: &str) -> Vec<usize> {
        let all = self.request.sources.iter().enumerate();
        let mut holders: Vec<(usize, &Source)> =
            all.filter(|(_, source)| source.recipe(ours).is_some()).collect();
        if holders.iter().any(|(_, source)| !source.only_copies(ours)) {
            holders.retain(|(_, source)| !source.only_copies(ours));
        }
        let of_adapters = |(_, source): &(usize, &Source)| source.role() == Role::Adapters;
        if holders.iter().any(of_adapters) {
            holders.retain(of_adapters);
        }
        holders.into_iter().map(|(at, _)| at).collect()
    }

    /// The type in which a tensor is kept; f32 if its parts differ.
    fn kept(&mut self, source: &Source, recipe: &Recipe) -> Option<StoredType> {
        let elements: BTreeMap<&str, Element> = recipe
            .parts
            .iter()
            .filter_map(|part| Some((part.tensor.as_str(), source.tensor(&part.tensor)?.element)))
            .collect();
        let mut kept = None;
        for (tensor, element) in elements {
            let Some(this) = values::kept(element) else {
                let (file, tensor) = (source.file_of(tensor), tensor.to_owned());
                self.problems.push(ImportProblem::Element { file, tensor, element });
                return None;
            };
            kept =
                Some(if kept.is_none_or(|other| other == this) { this } else { StoredType::F32 });
        }
        kept
    }

    fn check_fresh(&mut self, specs: &[TensorSpec]) {
        let known: BTreeSet<&str> = specs.iter().map(|spec| module_of(&spec.name)).collect();
        for module in &self.request.fresh {
            if !known.contains(module.as_str()) {
                let known = known.iter().map(|&module| module.to_owned()).collect();
                self.problems.push(ImportProblem::NoSuchModule { module: module.clone(), known });
            }
        }
    }

    /// What should start untrained must be drawn, at least in part.
    fn check_drawn(&mut self, entries: &[Entry], missing: &BTreeMap<String, Vec<String>>) {
        let asked = self.request.fresh.iter();
        for module in asked.filter(|module| !missing.contains_key(*module)) {
            let mut of_module =
                entries.iter().filter(|entry| module_of(&entry.spec.name) == module);
            let Some(first) = of_module.next() else { continue };
            let is_drawn = |entry: &Entry| matches!(entry.origin, Origin::Fresh);
            if let Origin::Source { at, .. } = &first.origin
                && !of_module.any(is_drawn)
                && let Some(source) = self.request.sources.get(*at)
            {
                let (module, file) = (module.clone(), source.name());
                self.problems.push(ImportProblem::NotFresh { module, file });
            }
        }
    }

    fn check_missing(&mut self, missing: BTreeMap<String, Vec<String>>) {
        for (module, names) in missing {
            let mut options: Vec<&str> =
                names.first().map(|name| Role::that_take(name).collect()).unwrap_or_default();
            for name in &names {
                let that_take: Vec<&str> = Role::that_take(name).collect();
                options.retain(|option| that_take.contains(option));
            }
            let may_be_fresh = !names.iter().any(|name| is_drawn_once(name));
            let copy = self.copy(&names);
            let missing = ImportProblem::Missing { module, names, options, may_be_fresh, copy };
            self.problems.push(missing);
        }
    }

    /// A file, and a tensor in it of which copies would fill the first of these places that can
    /// be filled so.
    fn copy(&self, names: &[String]) -> Option<(String, String)> {
        names.iter().find_map(|name| {
            let sources = self.request.sources.iter().filter(|source| source.role().takes(name));
            let mut copies = sources.filter_map(|source| {
                Some((source.name(), source.translation().copies.get(name)?.clone()))
            });
            copies.next()
        })
    }

    /// What files hold that nobody asked for.
    fn check_sources(&mut self, specs: &[TensorSpec]) {
        let ours: BTreeSet<&str> = specs.iter().map(|spec| spec.name.as_str()).collect();
        for source in &self.request.sources {
            let doubled = source.files().doubled().iter();
            self.problems.extend(
                doubled
                    .map(|name| ImportProblem::Doubled { file: source.name(), name: name.clone() }),
            );
            if source.recipes().next().is_none() {
                self.problems.push(useless(source));
            }
            if self.request.unused == Unused::LeftOut {
                continue;
            }
            let surplus = source.recipes().map(|(name, _)| name);
            let names: Vec<String> =
                surplus.filter(|name| !ours.contains(name)).map(str::to_owned).collect();
            if !names.is_empty() {
                self.problems.push(ImportProblem::Surplus { file: source.name(), names });
            }
            let unknown = &source.translation().unknown;
            if !unknown.is_empty() {
                self.problems.push(ImportProblem::Unknown {
                    file: source.name(),
                    map: source.translation().map.clone(),
                    count: unknown.iter().map(|group| group.count).sum(),
                    groups: unknown.iter().map(ToString::to_string).collect(),
                });
            }
        }
    }
}

/// Whether a tensor was drawn when its model was first trained, and means something to that model
/// alone: SAM's positions, with which its decoder has learnt to read places.
pub(super) fn is_drawn_once(name: &str) -> bool {
    name.ends_with("positional_encoding_gaussian_matrix")
}

/// Whether a table of tokens lacks rows that the tokens of grounded conversations will have.
fn grows(spec: &TensorSpec, recipe: &Recipe) -> bool {
    match (spec.shape.as_slice(), recipe.shape.as_slice()) {
        ([rows, width], [found, found_width]) => {
            is_table(&spec.name)
                && width == found_width
                && (base_rows(*rows)..*rows).contains(found)
        }
        _ => false,
    }
}

fn useless(source: &Source) -> ImportProblem {
    let translation = source.translation();
    let holds: BTreeSet<&str> = translation.recipes.keys().map(|name| module_of(name)).collect();
    let options = translation.recipes.keys().flat_map(|name| Role::that_take(name));
    let whole = Role::Whole.option();
    let options: BTreeSet<&'static str> = options.filter(|option| *option != whole).collect();
    let holds = holds.into_iter().collect::<Vec<_>>().join(", ");
    ImportProblem::Useless {
        file: source.name(),
        title: translation.title.clone(),
        option: source.role().option(),
        holds: if holds.is_empty() { "nothing of a model".into() } else { holds },
        options: options.into_iter().collect(),
    }
}
