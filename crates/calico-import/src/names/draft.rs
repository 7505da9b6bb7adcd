//! The tensors of a file, as one map sees them.

use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet};

use calico_formats::StoredTensor;

use crate::group::Groups;
use crate::name_map::{Entry, Found, Rule};
use crate::pattern::Values;
use crate::translation::Ignored;
use crate::{
    Check, Copies, NameMap, NameProblem, Part, Recipe, RowOrder, TranslateError, Translation,
};

/// Unknown names, problems, whether the map is a guess, known names, and bytes that are left out
/// before each name.
type Misfit = (usize, usize, bool, Reverse<usize>, usize);

/// A translation that is being made.
#[derive(Debug)]
pub(super) struct Draft<'a> {
    map: &'a NameMap,
    tensors: &'a BTreeMap<String, StoredTensor>,
    prefix: &'a str,
    /// Tensors of which the map says something.
    known: usize,
    recipes: BTreeMap<String, Recipe>,
    stacks: BTreeMap<(usize, String), Stack<'a>>,
    copies: Vec<(String, Recipe)>,
    checks: Vec<Check>,
    ignored: BTreeMap<&'a str, usize>,
    unknown: Groups<'a>,
    /// What stands for placeholders that have to be the same everywhere, and where.
    words: BTreeMap<&'a str, (String, &'a str)>,
    problems: Vec<NameProblem>,
}

/// The parts of a tensor that is being gathered.
#[derive(Debug)]
struct Stack<'a> {
    /// Name of each part, and the part itself where it was found.
    parts: Vec<(String, Option<Named<'a>>)>,
}

/// A tensor of the file: its name and its shape.
type Named<'a> = (&'a str, &'a [usize]);

impl<'a> Draft<'a> {
    /// Looks up every tensor; `prefix` stands before all names.
    pub(super) fn new(
        map: &'a NameMap,
        tensors: &'a BTreeMap<String, StoredTensor>,
        prefix: &'a str,
    ) -> Self {
        let mut draft = Self {
            map,
            tensors,
            prefix,
            known: 0,
            recipes: BTreeMap::new(),
            stacks: BTreeMap::new(),
            copies: Vec::new(),
            checks: Vec::new(),
            ignored: BTreeMap::new(),
            unknown: Groups::default(),
            words: BTreeMap::new(),
            problems: Vec::new(),
        };
        for (name, tensor) in tensors {
            draft.add(name, tensor);
        }
        draft.finish_stacks();
        draft
    }

    pub(super) fn map(&self) -> &'a NameMap {
        self.map
    }

    pub(super) fn prefix(&self) -> &'a str {
        self.prefix
    }

    pub(super) fn unknown(&self) -> &Groups<'a> {
        &self.unknown
    }

    /// How badly the map fits: least is best.
    pub(super) fn misfit(&self) -> Misfit {
        let (unknown, problems) = (self.unknown.names(), self.problems.len());
        let is_guess = !self.map.is_certain();
        (unknown, problems, is_guess, Reverse(self.known), self.prefix.len())
    }

    /// The translation, if nothing contradicts it.
    pub(super) fn finish(mut self, copies: Copies) -> Result<Translation, TranslateError> {
        if !self.problems.is_empty() {
            let (title, problems) = (self.map.title().to_owned(), self.problems);
            return Err(TranslateError::Unusable { title, problems });
        }
        let (mut offered, mut filled) = (BTreeMap::new(), BTreeSet::new());
        for (ours, recipe) in self.copies {
            if self.recipes.contains_key(&ours) {
                continue;
            }
            if copies == Copies::Allowed {
                filled.insert(ours.clone());
                self.recipes.insert(ours, recipe);
            } else {
                offered.extend(recipe.parts.first().map(|part| (ours, part.tensor.clone())));
            }
        }
        let ignored =
            |(pattern, count): (&str, usize)| Ignored { pattern: pattern.to_owned(), count };
        Ok(Translation {
            map: self.map.name().to_owned(),
            title: self.map.title().to_owned(),
            certain: self.map.is_certain(),
            prefix: self.prefix.to_owned(),
            recipes: self.recipes,
            checks: self.checks,
            ignored: self.ignored.into_iter().map(ignored).collect(),
            unknown: self.unknown.finish(),
            copies: offered,
            filled,
        })
    }

    fn add(&mut self, name: &'a str, tensor: &'a StoredTensor) {
        let stripped = name.strip_prefix(self.prefix).unwrap_or(name);
        let map = self.map;
        let original = map.repeated_by(stripped);
        match map.find(original.as_deref().unwrap_or(stripped)) {
            Found::Nothing => self.unknown.add(name, &tensor.shape),
            Found::Ignored(pattern) => {
                self.known += 1;
                *self.ignored.entry(pattern.text()).or_default() += 1;
            }
            Found::Entry(entry, values) => {
                self.known += 1;
                let original =
                    original.as_ref().map(|original| format!("{}{original}", self.prefix));
                let other = original.and_then(|original| self.tensors.get_key_value(&original));
                match other {
                    Some(used) => self.add_repeated(used, name, tensor),
                    // It repeats what is not there, so it takes its place.
                    None => self.add_found(name, tensor, entry, &values),
                }
            }
        }
    }

    fn add_repeated(&mut self, used: (&String, &StoredTensor), name: &str, tensor: &StoredTensor) {
        let (used, kept) = used;
        let (used, repeated) = (used.clone(), name.to_owned());
        if kept.shape == tensor.shape {
            self.checks.push(Check::Equal { used, repeated });
        } else {
            self.problems.push(NameProblem::Repeated {
                used,
                used_shape: kept.shape.clone(),
                repeated,
                repeated_shape: tensor.shape.clone(),
            });
        }
    }

    fn add_found(
        &mut self,
        name: &'a str,
        tensor: &'a StoredTensor,
        entry: &'a Entry,
        values: &Values<'_>,
    ) {
        self.check_words(name, entry, values);
        if !tensor.element.is_float() {
            let (tensor, element) = (name.to_owned(), tensor.element);
            self.problems.push(NameProblem::Element { tensor, element });
        }
        match self.map.rules().get(entry.rule) {
            None => {}
            Some(Rule::Rename { to, order }) => {
                let recipe = Recipe::of(name, &tensor.shape, *order);
                let names: Vec<String> = to.iter().filter_map(|to| to.render(values)).collect();
                let copies = names.iter().skip(1).map(|ours| (ours.clone(), recipe.clone()));
                self.copies.extend(copies);
                if let Some(ours) = names.into_iter().next() {
                    self.insert(ours, recipe);
                }
            }
            Some(Rule::Stack { to }) => {
                if let Some(ours) = to.render(values) {
                    self.add_part(ours, name, tensor, entry, values);
                }
            }
            Some(Rule::Cut { to }) => {
                let names: Vec<Option<String>> =
                    to.iter().map(|to| to.as_ref().and_then(|to| to.render(values))).collect();
                self.cut(name, tensor, names);
            }
        }
    }

    /// Words that a map drops have to be the same everywhere.
    fn check_words(&mut self, name: &'a str, entry: &'a Entry, values: &Values<'_>) {
        for placeholder in entry.from.dropped_words() {
            let Some(word) = values.get(placeholder) else { continue };
            let (first_word, first) =
                self.words.entry(placeholder).or_insert_with(|| (word.to_owned(), name));
            if first_word != word {
                self.problems.push(NameProblem::Word {
                    placeholder: placeholder.to_owned(),
                    first: (*first).to_owned(),
                    first_word: first_word.clone(),
                    second: name.to_owned(),
                    second_word: word.to_owned(),
                });
            }
        }
    }

    fn insert(&mut self, ours: String, recipe: Recipe) {
        let tensor = |recipe: &Recipe| {
            recipe.parts.first().map_or_else(String::new, |part| part.tensor.clone())
        };
        let second = tensor(&recipe);
        if let Some(first) = self.recipes.insert(ours.clone(), recipe) {
            let first = tensor(&first);
            self.problems.push(NameProblem::Twice { ours, first, second });
        }
    }

    fn add_part(
        &mut self,
        ours: String,
        name: &'a str,
        tensor: &'a StoredTensor,
        entry: &'a Entry,
        values: &Values<'_>,
    ) {
        let all = self.map.entries().iter().filter(|other| other.rule == entry.rule);
        let expected = all.map(|part| {
            let part = part.from.render(values).unwrap_or_else(|| part.from.text().to_owned());
            (format!("{}{part}", self.prefix), None)
        });
        let key = (entry.rule, ours.clone());
        let stack = self.stacks.entry(key).or_insert_with(|| Stack { parts: expected.collect() });
        let part = stack.parts.get_mut(entry.part).map(|(_, part)| part);
        let first = part.and_then(|part| part.replace((name, tensor.shape.as_slice())));
        if let Some((first, _)) = first {
            let (first, second) = (first.to_owned(), name.to_owned());
            self.problems.push(NameProblem::Twice { ours, first, second });
        }
    }

    fn finish_stacks(&mut self) {
        for ((_, ours), Stack { parts }) in std::mem::take(&mut self.stacks) {
            let (found, missing): (Vec<_>, Vec<_>) =
                parts.iter().partition(|(_, part)| part.is_some());
            if !missing.is_empty() {
                let names = |parts: Vec<&(String, _)>| -> Vec<String> {
                    parts.into_iter().map(|(name, _)| name.clone()).collect()
                };
                let (found, missing) = (names(found), names(missing));
                self.problems.push(NameProblem::Incomplete { ours, found, missing });
                continue;
            }
            let parts: Vec<_> = parts.into_iter().filter_map(|(_, part)| part).collect();
            match stacked(&ours, &parts) {
                Ok(recipe) => self.insert(ours, recipe),
                Err(problem) => self.problems.push(problem),
            }
        }
    }

    fn cut(&mut self, name: &str, tensor: &StoredTensor, names: Vec<Option<String>>) {
        let parts = names.len();
        let rows = tensor.shape.first().filter(|rows| rows.is_multiple_of(parts));
        let Some(rows) = rows.map(|rows| rows / parts) else {
            let (tensor, shape) = (name.to_owned(), tensor.shape.clone());
            self.problems.push(NameProblem::Cut { tensor, shape, parts });
            return;
        };
        let shape: Vec<usize> =
            std::iter::once(rows).chain(tensor.shape.iter().skip(1).copied()).collect();
        for (at, ours) in names.into_iter().enumerate() {
            let (tensor, rows) = (name.to_owned(), at * rows..(at + 1) * rows);
            let Some(ours) = ours else {
                self.checks.push(Check::Zero { tensor, rows });
                continue;
            };
            let rows = (parts > 1).then_some(rows);
            let part = Part { tensor, rows, order: RowOrder::Same };
            self.insert(ours, Recipe { shape: shape.clone(), parts: vec![part] });
        }
    }
}

/// Puts tensors under each other.
fn stacked(ours: &str, parts: &[(&str, &[usize])]) -> Result<Recipe, NameProblem> {
    let mut recipe = Recipe { shape: Vec::new(), parts: Vec::new() };
    let mut rows = 0usize;
    for (name, shape) in parts {
        let (first, first_shape) = parts.first().copied().unwrap_or_default();
        let sum = shape.first().and_then(|own| rows.checked_add(*own));
        let (Some(sum), true) = (sum, shape.get(1..) == first_shape.get(1..)) else {
            return Err(NameProblem::Stack {
                ours: ours.to_owned(),
                first: first.to_owned(),
                first_shape: first_shape.to_vec(),
                second: (*name).to_owned(),
                second_shape: shape.to_vec(),
            });
        };
        rows = sum;
        recipe.shape = std::iter::once(rows).chain(shape.iter().skip(1).copied()).collect();
        recipe.parts.extend(Recipe::of(name, shape, RowOrder::Same).parts);
    }
    Ok(recipe)
}
